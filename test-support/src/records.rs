//! ExternalDNS's JSON, as short as tests want it.

use serde_json::{Value, json};

use crate::Answer;

/// An A record with a TTL.
pub fn record(dns_name: &str) -> Value {
    json!({ "dnsName": dns_name, "targets": ["192.0.2.1"], "recordType": "A", "recordTTL": 300 })
}

/// A batch that creates A records.
pub fn create(dns_names: &[&str]) -> Value {
    json!({ "create": dns_names.iter().map(|name| record(name)).collect::<Vec<_>>() })
}

/// A batch that deletes A records.
pub fn delete(dns_names: &[&str]) -> Value {
    json!({ "delete": dns_names.iter().map(|name| record(name)).collect::<Vec<_>>() })
}

/// The names in a list, sorted.
///
/// # Panics
///
/// When the answer is no list of endpoints.
#[track_caller]
pub fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.shown());
    let list = answer.json();
    let endpoints = list.as_array().expect("a list of endpoints");
    let name = |endpoint: &Value| endpoint["dnsName"].as_str().expect("a name").to_owned();
    let mut names: Vec<String> = endpoints.iter().map(name).collect();
    names.sort_unstable();
    names
}
