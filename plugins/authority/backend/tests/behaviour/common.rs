//! An open backend in a folder of its own.

use serde_json::Value;
use tempfile::TempDir;
use zonemux_authority_backend::Authority;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{ChangeId, Endpoint, ErrorKind, Result};

pub(crate) const ZONES: [&str; 2] = ["example.org", "2.0.192.in-addr.arpa"];

/// A folder that backends are opened in, one after the other.
pub(crate) struct Lab(TempDir);

impl Lab {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.0.path()
    }

    /// Opens with settings beside those that every test needs.
    pub(crate) fn try_open(&self, zones: &[&str], settings: &Value) -> Result<TestBackend> {
        let mut all = json!({ "directory": self.0.path(), "listen": ["127.0.0.1:0"] });
        let more = settings.as_object().expect("a table").clone();
        all.as_object_mut().expect("a table").extend(more);
        testing::open::<Authority>(all, zones.iter().copied())
    }

    pub(crate) fn open_with(&self, settings: &Value) -> TestBackend {
        self.try_open(&ZONES, settings).expect("it opens")
    }

    pub(crate) fn open(&self) -> TestBackend {
        self.open_with(&json!({}))
    }
}

pub(crate) fn record(name: &str, record_type: &str, target: &str) -> Endpoint {
    Endpoint::new(name, record_type, [target]).with_ttl(300)
}

/// The reasons for which creates are refused, by their positions.
pub(crate) fn refusals(dns: &TestBackend, creates: &[Endpoint]) -> Vec<(usize, String)> {
    let batch = creates.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create);
    let outcome = dns.apply(&batch).expect("the call works");
    let refused = outcome.failures().iter().map(|failure| match failure.change {
        ChangeId::Create(index) => {
            assert_eq!(failure.kind, ErrorKind::Permanent);
            (index, failure.reason.clone())
        }
        other => panic!("{other:?}"),
    });
    let mut refused: Vec<_> = refused.collect();
    refused.sort();
    refused
}

#[track_caller]
pub(crate) fn accept(dns: &TestBackend, creates: &[Endpoint]) {
    assert_eq!(refusals(dns, creates), []);
}

pub(crate) fn names(dns: &TestBackend) -> Vec<String> {
    dns.records().expect("the call works").into_iter().map(|endpoint| endpoint.dns_name).collect()
}
