//! A server with a zone that takes updates, and a backend of it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod proxy;

use serde_json::Value;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{Endpoint, Failure};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::{Builder, Key, Kind, Server, sorted};

pub const ZONE: &str = "example.org";

pub const KEY_NAME: &str = "extdns.test";
const SECRET: &str = "YSBzZWNyZXQgb2YgdGVzdHMsIG9mIDMyIG9jdGV0cy4=";

/// A zone as people write them.
pub const TEXT: &str = "\
$ORIGIN example.org.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.53
";

/// A running server, and its folder.
#[derive(Debug)]
pub struct Site {
    pub server: Server,
    pub key: Key,
    pub folder: tempfile::TempDir,
}

/// A key of tests.
pub fn key(algorithm: &str) -> Key {
    Key::new(KEY_NAME, algorithm, SECRET)
}

/// What lets the key update and transfer a zone.
pub fn allow(kind: Kind, key: &Key) -> String {
    match kind {
        Kind::Bind => {
            format!(
                "allow-transfer {{ key {0}; }}; update-policy {{ grant {0} zonesub ANY; }}; check-integrity no; check-names ignore;",
                key.name
            )
        }
        Kind::Knot => format!("    acl: update-{}\n    journal-content: all\n", key.name),
        Kind::Nsd => String::new(),
        Kind::PowerDns => {
            format!("TSIG-ALLOW-DNSUPDATE {0}\nTSIG-ALLOW-AXFR {0}\nSOA-EDIT-DNSUPDATE INCREASE\n", key.name)
        }
    }
}

impl Site {
    pub fn start(kind: Kind) -> Self {
        Self::start_with(kind, &key("hmac-sha256"), &[(ZONE, TEXT)])
    }

    pub fn start_with(kind: Kind, key: &Key, zones: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let builder = Builder::new(kind, folder.path()).key(key);
        let options = allow(kind, key);
        let add = |builder: Builder, &(zone, text): &(&str, &str)| builder.primary(zone, text, &options);
        let server = zones.iter().fold(builder, add).start();
        Self { server, key: key.clone(), folder }
    }

    /// Settings that lead to the server.
    pub fn settings(&self) -> Value {
        json!({
            "server": self.server.address(),
            "tsig": { "name": self.key.name, "algorithm": self.key.algorithm, "secret": self.key.secret },
        })
    }

    pub fn open(&self) -> TestBackend {
        testing::open::<Rfc2136>(self.settings(), [ZONE]).expect("it opens")
    }

    /// What `dig` finds at a name.
    pub fn dig(&self, name: &str, record_type: &str) -> Vec<String> {
        sorted(&self.server.dig(&["-y", &self.key.to_dig(), "+short", "+norecurse", name, record_type]))
    }

    /// What `dig` transfers, a line each, sorted.
    pub fn transfer(&self, zone: &str) -> Vec<String> {
        sorted(&self.server.dig(&["-y", &self.key.to_dig(), "+noall", "+answer", "+onesoa", zone, "AXFR"]))
    }
}

pub fn record(label: &str, record_type: &str, targets: &[&str]) -> Endpoint {
    Endpoint::new(format!("{label}.{ZONE}"), record_type, targets.iter().copied()).with_ttl(300)
}

/// The ownership TXT of a record.
pub fn ownership(of: &Endpoint, owner: &str) -> Endpoint {
    let name = format!("x-{}.{}", of.record_type.to_ascii_lowercase(), of.dns_name);
    let mut txt =
        Endpoint::new(name, "TXT", [format!("\"heritage=external-dns,external-dns/owner={owner}\"")]);
    txt.labels.insert("ownedRecord".into(), of.dns_name.clone());
    txt.with_ttl(300)
}

/// What of a batch was not done.
pub fn failures(dns: &TestBackend, batch: &ChangesBuilder) -> Vec<Failure> {
    dns.apply(batch).expect("the call works").failures().to_vec()
}

/// Applies a batch of which all is done.
#[track_caller]
pub fn apply(dns: &TestBackend, batch: &ChangesBuilder) {
    assert_eq!(failures(dns, batch), []);
}
