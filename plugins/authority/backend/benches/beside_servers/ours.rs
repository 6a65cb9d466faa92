//! The backend, here and in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use zonemux_authority_backend::Authority;
use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};

use crate::ZONE;

/// The folder that a process of its own shall serve.
const FOLDER: &str = "BESIDE_SERVERS_FOLDER";

pub(crate) fn open(folder: &Path) -> TestBackend {
    let settings =
        json!({ "directory": folder, "listen": ["127.0.0.1:0"], "transfer_from": ["127.0.0.0/8"] });
    testing::open::<Authority>(settings, [ZONE]).unwrap()
}

/// Half addresses, half the ownership that ExternalDNS puts beside each.
pub(crate) fn batch(hosts: std::ops::Range<u32>, last: u32) -> ChangesBuilder {
    hosts.fold(ChangesBuilder::new(), |batch, host| {
        let name = format!("host{host}.{ZONE}");
        let address = format!("10.{}.{}.{last}", host >> 8 & 255, host & 255);
        let owner =
            "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=service/default/web\"";
        let mut ownership = Endpoint::new(format!("a-{name}"), "TXT", [owner]).with_ttl(300 + last);
        ownership.labels.insert("ownedRecord".into(), name.clone());
        batch.upsert(ownership).upsert(Endpoint::new(name, "A", [address]).with_ttl(300))
    })
}

/// Where a backend answers, as it logged.
pub(crate) fn address(dns: &TestBackend) -> SocketAddr {
    let log = dns.log();
    let line = log.iter().find(|line| line.message == "answering questions").unwrap();
    let (_, address) = line.fields.iter().find(|(key, _)| key == "address").unwrap();
    address.parse().unwrap()
}

/// Serves a folder until the standard input ends, if this is such a process.
pub(crate) fn serve() -> bool {
    let Some(folder) = std::env::var_os(FOLDER) else { return false };
    let started = Instant::now();
    let dns = open(Path::new(&folder));
    let took = started.elapsed();
    println!("{} {} {}", address(&dns), took.as_micros(), resident());
    let _ended = std::io::stdin().read_to_end(&mut Vec::new());
    true
}

/// Octets of memory that are this process's own.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// A process that serves a folder; it ends with this value.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What opening took.
    pub(crate) took: Duration,
    /// Octets of its memory once it was open.
    pub(crate) memory: usize,
}

impl Process {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(FOLDER, folder).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let [address, took, memory] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let took = Duration::from_micros(took.parse().unwrap());
        Self { child, address: address.parse().unwrap(), took, memory: memory.parse().unwrap() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
