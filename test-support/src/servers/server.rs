//! A running name server.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Builder, Kind};
use crate::{LIMIT, Process, eventually};

/// A running name server. Dropping it kills it with all its processes.
#[derive(Debug)]
pub struct Server {
    process: Process,
    builder: Builder,
}

impl Server {
    #[track_caller]
    pub(super) fn start(builder: Builder, mut command: Command) -> Self {
        // NSD has several processes, none of which may outlive the test.
        command.process_group(0);
        let mut server = Self { process: Process::spawn(command), builder };
        let answers = eventually("the name server answers", || {
            if !server.process.is_running() {
                return Some(false);
            }
            let said = server.dig(&["version.bind", "CH", "TXT", "+time=1", "+tries=1"]);
            said.contains("->>HEADER<<-").then_some(true)
        });
        assert!(answers, "{:?} ended: {:#?}", server.builder.kind, server.log());
        server
    }

    /// Which server it is.
    pub fn kind(&self) -> Kind {
        self.builder.kind
    }

    /// Where it answers, on UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.builder.address()
    }

    /// Where BIND's control channel is.
    pub fn control_address(&self) -> SocketAddr {
        SocketAddr::new(self.address().ip(), self.builder.control_port.number)
    }

    /// The folder of its files: its configuration is `named.conf`, `nsd.conf` or `knot.conf`, its control
    /// `rndc.conf`, `nsd.conf` or the socket `knot.sock`.
    pub fn folder(&self) -> &Path {
        &self.builder.folder
    }

    /// The number of its first process, and of the group of all its processes.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> Vec<String> {
        self.process.stderr()
    }

    /// What `dig` prints when it asks this server.
    #[track_caller]
    pub fn dig(&self, words: &[&str]) -> String {
        dig(self.address(), words)
    }

    /// The serial that it has of a zone; `None` where it has no zone.
    #[track_caller]
    pub fn serial(&self, zone: &str) -> Option<u32> {
        let said = self.dig(&["+short", "+norecurse", zone, "SOA"]);
        said.split_whitespace().nth(2).and_then(|serial| serial.parse().ok())
    }

    /// All records that it has of a zone, a line each, sorted; nothing where it doesn't serve the zone.
    #[track_caller]
    pub fn records(&self, zone: &str) -> Vec<String> {
        sorted(&self.dig(&["+noall", "+answer", "+onesoa", zone, "AXFR"]))
    }

    /// Asks it to end, waits until it has, and gives what it takes to start it again at the same address.
    ///
    /// # Panics
    ///
    /// When it doesn't end.
    #[track_caller]
    pub fn stop(mut self) -> Builder {
        self.process.signal(Signal::TERM);
        eventually("the name server ends", || (!self.process.is_running()).then_some(()));
        self.ended()
    }

    /// Kills it in the middle of whatever it does, and gives what it takes to start it again.
    pub fn kill(self) -> Builder {
        self.ended()
    }

    /// Ends what is left of it. A server of several processes has ended when the last of them has let go of the port.
    fn ended(self) -> Builder {
        let (builder, address) = (self.builder.clone(), self.address());
        drop(self);
        let is_free = || UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok();
        eventually("its port is free", || is_free().then_some(()));
        builder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // All of it may be gone already.
            let _ended = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What `dig` prints when it asks the server at an address.
///
/// # Panics
///
/// When `dig` is not installed.
#[track_caller]
pub fn dig(server: SocketAddr, words: &[&str]) -> String {
    let mut command = Command::new("dig");
    command.arg(format!("@{}", server.ip())).args(["-p", &server.port().to_string()]);
    command.arg(format!("+time={}", LIMIT.as_secs())).args(["+tries=1"]).args(words);
    let output = command.output().expect("dig is installed (Debian's bind9-dnsutils)");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The records in what `dig` printed, a line each, sorted: without comments, and with single spaces.
pub fn sorted(printed: &str) -> Vec<String> {
    let lines = printed.lines().filter(|line| !line.is_empty() && !line.starts_with(';'));
    let mut lines: Vec<String> =
        lines.map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.sort();
    lines
}
