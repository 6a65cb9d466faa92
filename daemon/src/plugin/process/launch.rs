//! Starts processes: always the program that is running, and always from one thread.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use crate::plugin::child;
use crate::plugin::image::Image;

/// What a process gets of the daemon's environment: where names, certificates and time zones are looked up, and
/// how the network is reached. Everything else may be a secret, or may bring code along (`LD_PRELOAD`).
const ENVIRONMENT: [&str; 18] = [
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TZDIR",
    "TMPDIR",
    "LOCALDOMAIN",
    "RES_OPTIONS",
    "HOSTALIASES",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "RUST_BACKTRACE",
];

/// Starts the processes of plugins.
pub struct Launcher {
    /// Our own program: its path may be another's after an upgrade.
    executable: OwnedFd,
    orders: mpsc::Sender<Order>,
    runtime: Handle,
    /// Each plugin's bytes once, however many backends run them, for as long as one does.
    sealed: Mutex<HashMap<String, Weak<OwnedFd>>>,
}

struct Order {
    command: Command,
    answer: mpsc::SyncSender<io::Result<Child>>,
}

impl fmt::Debug for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Launcher")
    }
}

impl Launcher {
    /// Starts processes of the program that is running.
    ///
    /// # Errors
    ///
    /// When it can't be opened, there is no thread, or this is not called within a tokio runtime.
    pub fn of_this_program() -> io::Result<Self> {
        Self::of(Path::new("/proc/self/exe"))
    }

    /// Starts processes of a given `zonemux` program, for tests and benchmarks, which are other programs.
    ///
    /// # Errors
    ///
    /// As [`of_this_program`](Self::of_this_program).
    pub fn of(executable: &Path) -> io::Result<Self> {
        let executable = File::open(executable)?.into();
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let (orders, incoming) = mpsc::channel::<Order>();
        let entered = runtime.clone();
        // The kernel ends a process when the *thread* that started it ends: this one lives as long as we do.
        std::thread::Builder::new().name("launcher".into()).spawn(move || {
            let _entered = entered.enter();
            for Order { mut command, answer } in incoming {
                // Who ordered it waits.
                let _told = answer.send(command.spawn());
            }
        })?;
        Ok(Self { executable, orders, runtime, sealed: Mutex::default() })
    }

    /// The runtime that watches the processes.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The plugin's bytes as a descriptor to hand over.
    pub(super) fn sealed(&self, image: &Image) -> io::Result<Arc<OwnedFd>> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        sealed.retain(|_, descriptor| descriptor.strong_count() > 0);
        if let Some(descriptor) = sealed.get(&image.sha256).and_then(Weak::upgrade) {
            return Ok(descriptor);
        }
        let descriptor = Arc::new(image.seal()?);
        sealed.insert(image.sha256.clone(), Arc::downgrade(&descriptor));
        Ok(descriptor)
    }

    /// Starts a process for a backend, with a socket as its standard input and output.
    pub(super) fn launch(&self, backend: &str, socket: OwnedFd) -> io::Result<Child> {
        let mut command = Command::from(command(&self.executable, backend, socket)?);
        command.stderr(Stdio::piped()).kill_on_drop(true);
        let (answer, answered) = mpsc::sync_channel(1);
        let ended = || io::Error::other("the thread that starts processes has ended");
        self.orders.send(Order { command, answer }).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())?
    }
}

/// What starts our own program as a plugin's process, with a socket as its standard input and output.
pub(super) fn command(
    executable: &OwnedFd,
    name: &str,
    socket: OwnedFd,
) -> io::Result<std::process::Command> {
    // As the process sees it: its own descriptor of that number, a copy of ours.
    let mut command = std::process::Command::new(format!("/proc/self/fd/{}", executable.as_raw_fd()));
    command
        .arg0(format!("zonemux[{name}]"))
        .arg(child::ARGUMENT)
        .env_clear()
        .envs(environment())
        .current_dir("/")
        .stdin(Stdio::from(socket.try_clone()?))
        .stdout(Stdio::from(socket));
    Ok(command)
}

fn environment() -> impl Iterator<Item = (&'static str, OsString)> {
    ENVIRONMENT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}
