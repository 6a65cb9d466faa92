//! A folder with everything that a daemon needs: configuration, plugins, state.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use crate::{Daemon, Finished, Process, plugin};

/// One installation of zonemux in a temporary folder. Its ports are free ones, its log is JSON, and no
/// variable of the test's own environment reaches it.
#[derive(Debug)]
pub struct Site {
    /// Shared with its daemons: whoever is the last to go takes the folder along.
    folder: Arc<TempDir>,
    binary: PathBuf,
    environment: BTreeMap<String, OsString>,
}

impl Site {
    /// An installation without any backend; `binary` is `env!("CARGO_BIN_EXE_zonemux")`.
    pub fn new(binary: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("zonemux-").tempdir().expect("a temporary folder");
        let site =
            Self { folder: Arc::new(folder), binary: PathBuf::from(binary), environment: BTreeMap::new() };
        for name in ["plugins", "conf.d", "state"] {
            fs::create_dir(site.path(name)).expect("an empty folder");
            site.chmod(name, 0o755);
        }
        site.write(
            "config.toml",
            "version = 1\n\
             [webhook]\nlisten = [\"127.0.0.1:0\", \"unix:webhook.sock\"]\n\
             [admin]\nlisten = [\"127.0.0.1:0\"]\n\
             [control]\nlisten = \"unix:control.sock\"\n\
             [plugins]\npath = [\"plugins\"]\n\
             [state]\ndirectory = \"state\"\n\
             [log]\nlevel = \"debug\"\nformat = \"json\"\n",
        );
        site
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that only its owner can read.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.chmod(name, 0o600);
        path
    }

    /// Sets a file's mode.
    pub fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).expect("a file of our own");
    }

    /// Adds a layer of configuration; later names win. Relative paths in it are relative to `conf.d`.
    pub fn layer(&self, name: &str, text: &str) -> &Self {
        self.write(&format!("conf.d/{name}.toml"), text);
        self
    }

    /// Adds a backend: its name, its plugin (installed if it is one of this workspace's), its zones
    /// separated by spaces, and its settings in TOML.
    #[track_caller]
    pub fn backend(&self, name: &str, plugin: &str, zones: &str, settings: &str) -> &Self {
        self.backend_with(name, plugin, zones, "", settings)
    }

    /// As [`backend`](Self::backend), with further keys of the backend itself.
    #[track_caller]
    pub fn backend_with(&self, name: &str, plugin: &str, zones: &str, keys: &str, settings: &str) -> &Self {
        if !plugin.contains('/') {
            self.install(plugin);
        }
        let mut zone_list = String::new();
        for zone in zones.split_whitespace() {
            write!(zone_list, "\"{zone}\", ").expect("a string takes all");
        }
        self.layer(
            &format!("backend-{name}"),
            &format!(
                "[backends.{name}]\nplugin = \"{plugin}\"\nzones = [{zone_list}]\n{keys}\n\
                 [backends.{name}.settings]\n{settings}\n"
            ),
        )
    }

    /// Adds a backend of the plugin `flaky`, which is healthy until [`misbehave`](Self::misbehave) says
    /// something else.
    #[track_caller]
    pub fn flaky(&self, name: &str, zones: &str) -> &Self {
        self.flaky_with(name, zones, "")
    }

    /// As [`flaky`](Self::flaky), with further keys of the backend itself.
    #[track_caller]
    pub fn flaky_with(&self, name: &str, zones: &str, keys: &str) -> &Self {
        let control = self.control(name);
        self.backend_with(name, "flaky", zones, keys, &format!("control = \"{}\"", control.display()))
    }

    /// Tells a backend of the plugin `flaky` how to behave from its next call on: the name of a
    /// behaviour, or JSON of `behaviour`, `on`, `delay` and `match`.
    pub fn misbehave(&self, backend: &str, how: &str) -> &Self {
        let (file, control) = (format!("{backend}.control.new"), self.control(backend));
        // In one step: the plugin must not read a file that is half written.
        fs::rename(self.write(&file, how), control).expect("both names are in one folder");
        self
    }

    fn control(&self, backend: &str) -> PathBuf {
        self.path(format!("{backend}.control"))
    }

    /// Copies a plugin of this workspace into the site, as a package would install it: whatever umask
    /// the checkout was made with, the copy is trusted.
    #[track_caller]
    pub fn install(&self, name: &str) -> PathBuf {
        let from = plugin(name);
        let file = format!("plugins/{}", from.file_name().expect("a file").to_string_lossy());
        let to = self.path(&file);
        if !to.exists() {
            fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
            self.chmod(&file, 0o755);
        }
        to
    }

    /// Sets an environment variable for every later command.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) -> &mut Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// A command of zonemux with this site's configuration, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.path("config.toml")).args(arguments);
        self.prepare(&mut command);
        command
    }

    /// Gives another program's command this site's environment and folder.
    pub fn prepare(&self, command: &mut Command) {
        command.env_clear().envs(&self.environment).current_dir(self.folder.path()).stdin(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Finished {
        Process::spawn(self.command(arguments)).wait()
    }

    /// Starts the daemon and waits until it answers on its control socket.
    #[track_caller]
    pub fn start(&self) -> Daemon {
        self.attach(Process::spawn(self.command(&["serve"])))
    }

    /// Waits until a daemon that was started in another way answers on this site's control socket.
    #[track_caller]
    pub fn attach(&self, process: Process) -> Daemon {
        Daemon::attach(process, Arc::clone(&self.folder), &self.path("control.sock"))
    }

    /// A text with this site's folder as `[SITE]`, for a snapshot.
    pub fn shown(&self, text: &str) -> String {
        text.replace(&*self.folder.path().to_string_lossy(), "[SITE]")
    }
}
