//! Real name servers (BIND, NSD, Knot, PowerDNS) of a test: each in a folder and on a port of its own, ready
//! when it answers, killed when it is dropped.
//!
//! ```no_run
//! use zonemux_test_support::servers::{Builder, Kind};
//!
//! let folder = tempfile::tempdir().unwrap();
//! let zone = "@ 60 SOA ns1 host 1 60 60 600 60\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n";
//! let server = Builder::new(Kind::Nsd, folder.path()).primary("example.org", zone, "").start();
//! assert_eq!(server.dig(&["+short", "ns1.example.org", "A"]), "192.0.2.1\n");
//! ```
//!
//! The programs are Debian's `bind9`, `bind9-dnsutils`, `nsd`, `knot`, `pdns-server`,
//! `pdns-backend-sqlite3` and `sqlite3`; a test fails where they are missing.

mod bind;
mod key;
mod knot;
mod nsd;
mod port;
mod powerdns;
mod server;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub use key::Key;
pub use port::Port;
pub use server::{Server, dig, sorted};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// ISC's `named`.
    Bind,
    /// `nsd`, by `NLnet` Labs.
    Nsd,
    /// CZ.NIC's `knotd`.
    Knot,
    /// `pdns_server`, with a database of `SQLite`; only as a primary.
    PowerDns,
}

/// What a server shall serve. Its address is known from the start, so that others can be told of it first.
#[derive(Debug, Clone)]
pub struct Builder {
    kind: Kind,
    folder: PathBuf,
    port: Port,
    control_port: Port,
    options: String,
    keys: Vec<Key>,
    zones: Vec<Zone>,
}

/// A zone of a server.
#[derive(Debug, Clone)]
struct Zone {
    name: String,
    role: Role,
    /// More lines of its section, as the server spells them.
    options: String,
}

#[derive(Debug, Clone)]
enum Role {
    /// It is read from this file.
    Primary(PathBuf),
    /// It is transferred from there, with the key.
    Secondary(SocketAddr, Option<Key>),
    /// As a secondary, and the zones that it names are transferred from there as well.
    Catalog(SocketAddr, Option<Key>),
}

impl Role {
    fn primary(&self) -> Option<(SocketAddr, Option<&Key>)> {
        match self {
            Self::Primary(_) => None,
            Self::Secondary(from, key) | Self::Catalog(from, key) => Some((*from, key.as_ref())),
        }
    }
}

impl Builder {
    /// A server without zones, whose files lie in a folder of its own in `folder`.
    ///
    /// # Panics
    ///
    /// When the folder can't be made, or no port is free.
    pub fn new(kind: Kind, folder: &Path) -> Self {
        let (port, control_port) = (Port::claim(), Port::claim());
        let folder = folder.join(format!("{kind:?}-{}", port.number).to_lowercase());
        fs::create_dir_all(&folder).expect("the test's folder can be written");
        let (options, keys, zones) = (String::new(), Vec::new(), Vec::new());
        Self { kind, folder, port, control_port, options, keys, zones }
    }

    /// Where it will answer, on UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number))
    }

    /// More lines of the server's own section (BIND's `options`, the others' `server`).
    #[must_use]
    pub fn options(mut self, lines: &str) -> Self {
        self.options.push_str(lines);
        self
    }

    /// A key that the lines of zones may name.
    #[must_use]
    pub fn key(mut self, key: &Key) -> Self {
        self.add_key(key);
        self
    }

    fn add_key(&mut self, key: &Key) {
        if !self.keys.contains(key) {
            self.keys.push(key.clone());
        }
    }

    /// A zone with the text of its file; `options` are more lines of its section.
    ///
    /// # Panics
    ///
    /// When the file can't be written.
    #[must_use]
    pub fn primary(self, name: &str, text: &str, options: &str) -> Self {
        let file = self.folder.join(format!("{name}.zone"));
        fs::write(&file, text).expect("a folder of our own can be written");
        self.primary_file(name, &file, options)
    }

    /// A zone with its file, which is the caller's.
    #[must_use]
    pub fn primary_file(mut self, name: &str, file: &Path, options: &str) -> Self {
        self.add(name, Role::Primary(file.to_path_buf()), options);
        self
    }

    /// A zone that is transferred from a primary, which may notify from anywhere on this machine.
    #[must_use]
    pub fn secondary(mut self, name: &str, from: SocketAddr, key: Option<&Key>) -> Self {
        self.add(name, Role::Secondary(from, key.cloned()), "");
        self
    }

    /// A catalog zone (RFC 9432) that is transferred, as are the zones that it names. NSD only transfers it.
    #[must_use]
    pub fn catalog(mut self, name: &str, from: SocketAddr, key: Option<&Key>) -> Self {
        self.add(name, Role::Catalog(from, key.cloned()), "");
        self
    }

    fn add(&mut self, name: &str, role: Role, options: &str) {
        if let Some((_, Some(key))) = role.primary() {
            let key = key.clone();
            self.add_key(&key);
        }
        self.zones.push(Zone { name: name.to_owned(), role, options: options.to_owned() });
    }

    /// Starts it, and waits until it answers. What its folder has from before is used again.
    ///
    /// # Panics
    ///
    /// When it doesn't start; what it wrote is shown.
    #[track_caller]
    pub fn start(self) -> Server {
        let command = match self.kind {
            Kind::Bind => bind::command(&self),
            Kind::Nsd => nsd::command(&self),
            Kind::Knot => knot::command(&self),
            Kind::PowerDns => powerdns::command(&self),
        };
        Server::start(self, command)
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("a folder of our own can be written");
        path
    }
}
