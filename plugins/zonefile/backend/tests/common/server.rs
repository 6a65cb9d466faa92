//! Real servers in a test's folder: on a free port of the loopback, ready when they answer, killed when
//! they are dropped.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use zonemux_test_support::{Process, eventually};

use super::{Folder, ZONE, output};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bind,
    Nsd,
    Knot,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Process,
    kind: Kind,
    port: u16,
    control: u16,
    folder: PathBuf,
}

/// Ports of the loopback that nobody has, for UDP and TCP.
fn free_ports() -> [u16; 2] {
    let free = || loop {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = tcp.local_addr().expect("it is bound").port();
        if let Ok(udp) = UdpSocket::bind(("127.0.0.1", port)) {
            return (port, tcp, udp);
        }
    };
    // Held together, so that they differ.
    let (one, other) = (free(), free());
    [one.0, other.0]
}

impl Server {
    /// Starts a server that serves the zone from the folder's file `zone`.
    pub fn start(kind: Kind, folder: &Folder) -> Self {
        Self::start_with(kind, folder, &[(ZONE, "zone")], "")
    }

    /// Starts a server with these zones and their files; `options` are more lines for each zone.
    pub fn start_with(kind: Kind, folder: &Folder, zones: &[(&str, &str)], options: &str) -> Self {
        Self::start_at(kind, folder, zones, options, free_ports())
    }

    fn start_at(kind: Kind, folder: &Folder, zones: &[(&str, &str)], options: &str, ports: [u16; 2]) -> Self {
        let [port, control] = ports;
        let run = folder.path(&format!("run-{port}"));
        fs::create_dir_all(&run).expect("a folder of our own");
        let zones = zones.iter().map(|(zone, file)| (*zone, folder.path(file).display().to_string()));
        let command = match kind {
            Kind::Bind => named(&run, port, control, zones, options),
            Kind::Nsd => nsd(&run, port, zones, options),
            Kind::Knot => knotd(&run, port, zones, options),
        };
        let process = Process::spawn(command);
        let mut server = Self { process, kind, port, control, folder: run };
        let ready = eventually("the server answers", || {
            if !server.process.is_running() {
                return Some(false);
            }
            let said = server.run_dig(&["version.bind", "CH", "TXT", "+time=1", "+tries=1"]);
            (!said.contains("connection refused") && !said.contains("no servers could be reached"))
                .then_some(true)
        });
        assert!(ready, "{kind:?} ended: {:?}", server.process.stderr());
        server
    }

    /// Ends it at once.
    pub fn stop(self) -> [u16; 2] {
        [self.port, self.control]
    }

    /// Starts one again where another was.
    pub fn restart(kind: Kind, folder: &Folder, ports: [u16; 2]) -> Self {
        Self::start_at(kind, folder, &[(ZONE, "zone")], "", ports)
    }

    /// Settings of the plugin that lead to this server.
    pub fn settings(&self) -> Value {
        let (server, control) = match self.kind {
            Kind::Bind => {
                let address = format!("127.0.0.1:{}", self.control);
                ("bind", json!({ "address": address, "key_file": self.folder.join("rndc.key") }))
            }
            Kind::Nsd => ("nsd", json!({ "config": self.folder.join("nsd.conf") })),
            Kind::Knot => ("knot", json!({ "socket": self.folder.join("knot.sock") })),
        };
        json!({ "server": server, "control": control, "verify": format!("127.0.0.1:{}", self.port) })
    }

    /// What it answers, in the order of text.
    pub fn dig(&self, name: &str, record_type: &str) -> Vec<String> {
        let said = self.run_dig(&[name, record_type, "+short", "+norecurse"]);
        let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn serial(&self) -> u32 {
        let soa = self.dig(ZONE, "SOA");
        let serial = soa.first().and_then(|soa| soa.split(' ').nth(2)?.parse().ok());
        serial.unwrap_or_else(|| panic!("no SOA: {soa:?}"))
    }

    /// What it logged.
    pub fn log(&self) -> Vec<String> {
        self.process.stderr()
    }

    fn run_dig(&self, words: &[&str]) -> String {
        let mut command = Command::new("dig");
        command.args(["@127.0.0.1", "-p", &self.port.to_string()]).args(words);
        let output = command.output().expect("dig is installed");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

fn join(zones: impl Iterator<Item = String>) -> String {
    zones.collect::<Vec<_>>().concat()
}

fn named<'a>(
    run: &std::path::Path,
    port: u16,
    control: u16,
    zones: impl Iterator<Item = (&'a str, String)>,
    options: &str,
) -> Command {
    let folder = run.display();
    let key = run.join("rndc.key");
    output(Command::new("rndc-confgen").args(["-a", "-k", "rndc-key", "-A", "hmac-sha256", "-c"]).arg(&key));
    let zones =
        join(zones.map(|(zone, file)| {
            format!("zone \"{zone}\" {{ type primary; file \"{file}\"; {options} }};\n")
        }));
    let config = format!(
        "include \"{}\";\n\
         controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ \"rndc-key\"; }}; }};\n\
         options {{ directory \"{folder}\"; pid-file \"{folder}/named.pid\"; session-keyfile \"{folder}/session.key\";\n\
           managed-keys-directory \"{folder}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
           recursion no; dnssec-validation no; empty-zones-enable no; notify no; minimal-responses yes; }};\n{zones}",
        key.display()
    );
    fs::write(run.join("named.conf"), config).expect("a file of our own");
    let mut command = Command::new("named");
    command.args(["-g", "-4", "-n", "1", "-c"]).arg(run.join("named.conf"));
    command
}

fn nsd<'a>(
    run: &std::path::Path,
    port: u16,
    zones: impl Iterator<Item = (&'a str, String)>,
    options: &str,
) -> Command {
    let folder = run.display();
    let zones =
        join(zones.map(|(zone, file)| format!("zone:\n  name: {zone}\n  zonefile: \"{file}\"\n{options}")));
    let config = format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n\
           zonesdir: \"{folder}\"\n  pidfile: \"{folder}/nsd.pid\"\n  xfrdfile: \"{folder}/xfrd.state\"\n\
           xfrdir: \"{folder}\"\n  zonelistfile: \"{folder}/zone.list\"\n  server-count: 1\n\
         remote-control:\n  control-enable: yes\n  control-interface: {folder}/nsd.ctl\n{zones}"
    );
    fs::write(run.join("nsd.conf"), config).expect("a file of our own");
    let mut command = Command::new("nsd");
    command.args(["-d", "-c"]).arg(run.join("nsd.conf"));
    command
}

fn knotd<'a>(
    run: &std::path::Path,
    port: u16,
    zones: impl Iterator<Item = (&'a str, String)>,
    options: &str,
) -> Command {
    let folder = run.display();
    let zones =
        join(zones.map(|(zone, file)| format!("  - domain: {zone}\n    file: \"{file}\"\n{options}")));
    let config = format!(
        "server:\n    rundir: {folder}\n    listen: 127.0.0.1@{port}\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n\
         log:\n  - target: stderr\n    any: info\n\
         database:\n    storage: {folder}\n    journal-db-max-size: 64M\n\
         control:\n    listen: {folder}/knot.sock\n\
         template:\n  - id: default\n    zonefile-sync: -1\n    zonefile-load: {}\n    journal-content: {}\n\
         zone:\n{zones}",
        if options.is_empty() { "whole" } else { "difference-no-serial" },
        if options.is_empty() { "none" } else { "all" },
    );
    fs::write(run.join("knot.conf"), config).expect("a file of our own");
    let mut command = Command::new("knotd");
    command.arg("-c").arg(run.join("knot.conf"));
    command
}
