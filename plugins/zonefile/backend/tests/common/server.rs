//! A server that serves zone files of the test's folder.

use serde_json::{Value, json};
pub use zonemux_test_support::servers::Kind;
use zonemux_test_support::servers::{self, Builder};

use super::{Folder, ZONE};

/// A running server.
#[derive(Debug)]
pub struct Server(servers::Server);

impl Server {
    /// Starts a server that serves the zone from the folder's file `zone`.
    pub fn start(kind: Kind, folder: &Folder) -> Self {
        Self::start_with(kind, folder, &[(ZONE, "zone")], "")
    }

    /// Starts a server with these zones and their files; `options` are more lines for each zone.
    pub fn start_with(kind: Kind, folder: &Folder, zones: &[(&str, &str)], options: &str) -> Self {
        let add = |builder: Builder, &(zone, file): &(&str, &str)| {
            builder.primary_file(zone, &folder.path(file), options)
        };
        Self(zones.iter().fold(Builder::new(kind, &folder.path("")), add).start())
    }

    /// Ends it at once, and gives what it takes to start it again.
    pub fn kill(self) -> Builder {
        self.0.kill()
    }

    /// Starts one again.
    pub fn again(builder: Builder) -> Self {
        Self(builder.start())
    }

    /// Settings of the plugin that lead to this server.
    pub fn settings(&self) -> Value {
        let folder = self.0.folder();
        let (server, control) = match self.0.kind() {
            Kind::Bind => ("bind", json!({ "config": folder.join("rndc.conf") })),
            Kind::Nsd => ("nsd", json!({ "config": folder.join("nsd.conf") })),
            Kind::Knot => ("knot", json!({ "socket": folder.join("knot.sock") })),
            Kind::PowerDns => panic!("it reads no zone files"),
        };
        json!({ "server": server, "control": control, "verify": self.0.address() })
    }

    /// What it answers, in the order of text.
    pub fn dig(&self, name: &str, record_type: &str) -> Vec<String> {
        servers::sorted(&self.0.dig(&[name, record_type, "+short", "+norecurse"]))
    }

    pub fn serial(&self) -> u32 {
        self.0.serial(ZONE).expect("it serves the zone")
    }

    /// The running server itself.
    pub fn running(&self) -> &servers::Server {
        &self.0
    }
}
