//! A folder with a zone file of an operator's.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod server;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{Endpoint, Result};
use zonemux_zonefile_backend::ZoneFiles;

pub const ZONE: &str = "example.org";

/// A zone file as people write them; `{managed}` is where the managed file is.
const OPERATORS: &str = "\
; the zone of the example organisation
$TTL 1h
$ORIGIN org.
example\t IN  SOA  ns1.example hostmaster.example ( ; as RFC 1035 has it
\t\t2024010199 ; serial
\t\t1h 10m 2w\t; refresh, retry, expire
\t\t300 )
$ORIGIN example.org.
\tNS ns1
\tMX 10 mail
ns1      A 192.0.2.53
mail 2h IN A 192.0.2.25
alias    CNAME mail
old      DNAME new.example.net.
txt      TXT \"a ; b\" c
$GENERATE 1-4 host-$ A 192.0.2.10$
$INCLUDE {managed}
";

/// A temporary folder.
#[derive(Debug)]
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn with_zone() -> Self {
        let folder = Self::empty();
        let managed = folder.path("zone.zonemux").display().to_string();
        folder.write("zone", &OPERATORS.replace("{managed}", &managed));
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().expect("it is there").join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file of our own");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn names(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.path("")).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Opens a backend of the zone's; what the settings don't say is chosen for tests.
    pub fn try_open(&self, mut settings: serde_json::Value) -> Result<TestBackend> {
        let table = settings.as_object_mut().expect("a table");
        table.entry("files").or_insert_with(|| json!({ ZONE: self.path("zone") }));
        table.entry("default_ttl").or_insert_with(|| json!("300"));
        testing::open::<ZoneFiles>(settings, [ZONE])
    }

    pub fn open(&self, settings: serde_json::Value) -> TestBackend {
        self.try_open(settings).expect("it opens")
    }
}

pub fn record(label: &str, record_type: &str, targets: &[&str]) -> Endpoint {
    Endpoint::new(format!("{label}.{ZONE}"), record_type, targets.iter().copied()).with_ttl(300)
}

/// Why changes of a batch were refused.
pub fn reasons(dns: &TestBackend, batch: &ChangesBuilder) -> Vec<String> {
    let outcome = dns.apply(batch).expect("the call works");
    outcome.failures().iter().map(|failure| failure.reason.clone()).collect()
}

/// What a command says; it has to succeed.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Opens a backend of whichever zones the settings name.
pub fn open_zones(settings: serde_json::Value) -> TestBackend {
    testing::open::<ZoneFiles>(settings, [""; 0]).expect("it opens")
}
