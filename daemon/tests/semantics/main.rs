//! The rules that keep records, each as the sequence that it prevents: the built daemon with a backend
//! that misbehaves on command.
//!
//! | what | where |
//! |---|---|
//! | units: applied, held, refused or set aside as a whole; a half one is mended | `units.rs`, `mending.rs` |
//! | what 204 means; what has not begun is dropped; what runs is joined | `calls.rs` |
//! | snapshots, and what a view was shown | `snapshots.rs` |
//! | the deletion guard, rules, `dry_run` | `guards.rs` |
//! | quarantine | `quarantine.rs` |
//! | ownership that the backend can't hold | `ownership.rs` |
//! | mirrors | `mirrors.rs`, `mirror_rules.rs` |
//! | capabilities that outlive a restart | `adjust.rs` |

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]
#![allow(clippy::float_cmp, reason = "counts in metrics are whole numbers")]

mod adjust;
mod calls;
mod guards;
mod mending;
mod mirror_rules;
mod mirrors;
mod ownership;
mod quarantine;
mod snapshots;
mod units;

use serde_json::{Value, json};
use zonemux_test_support::{Daemon, Site};

/// A site whose one backend, `lan` with the zone `example.org`, misbehaves on command, keeps its records
/// in a file and notes its calls. `keys` are the backend's own, `settings` the plugin's.
fn site(keys: &str, settings: &str) -> Site {
    let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    backend(&site, "lan", "example.org", keys, settings);
    site
}

fn backend(site: &Site, name: &str, zone: &str, keys: &str, settings: &str) {
    let path = |what: &str| site.path(format!("{name}.{what}")).display().to_string();
    let settings = format!(
        "control = \"{}\"\ncalls = \"{}\"\nfile = \"{}\"\n{settings}",
        path("control"),
        path("calls"),
        path("records")
    );
    site.backend_with(name, "flaky", zone, keys, &settings);
}

fn ready(site: &Site) -> Daemon {
    let daemon = site.start();
    daemon.wait_ready();
    daemon
}

/// The calls that the backend got, `apply 2` and the like.
fn calls(site: &Site, operation: &str) -> Vec<String> {
    let text = std::fs::read_to_string(site.path("lan.calls")).unwrap_or_default();
    text.lines().filter(|line| line.starts_with(operation)).map(str::to_owned).collect()
}

fn endpoint(name: &str, record_type: &str, target: &str) -> Value {
    json!({ "dnsName": name, "recordType": record_type, "targets": [target], "recordTTL": 300 })
}

/// The registry's TXT for a record.
fn ownership(name: &str, record_type: &str) -> Value {
    let prefix = record_type.to_lowercase();
    json!({
        "dnsName": format!("{prefix}-{name}"),
        "recordType": "TXT",
        "targets": ["\"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/x/y\""],
        "labels": { "ownedRecord": name },
    })
}

/// A record with its ownership TXT.
fn owned(name: &str) -> Vec<Value> {
    vec![endpoint(name, "A", "192.0.2.1"), ownership(name, "A")]
}

/// The records of so many names, each with its ownership TXT.
fn many(prefix: &str, count: usize) -> Vec<Value> {
    (0..count).flat_map(|index| owned(&format!("{prefix}{index}.example.org"))).collect()
}

fn post(daemon: &Daemon, batch: &Value) -> u16 {
    daemon.webhook().post("/records", batch).status
}

fn create(daemon: &Daemon, records: &[Value]) -> u16 {
    post(daemon, &json!({ "create": records }))
}

/// What is listed, as `name type target`, sorted.
#[track_caller]
fn listed(daemon: &Daemon) -> Vec<String> {
    let answer = daemon.webhook().get("/records");
    assert_eq!(answer.status, 200, "{}", answer.shown());
    let list = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |record: &Value| {
        let target = text(&record["targets"][0]);
        let target = if target.contains("heritage") { "owned".to_owned() } else { target };
        format!("{} {} {target}", text(&record["dnsName"]), text(&record["recordType"]))
    };
    let mut lines: Vec<String> = list.as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

/// The outcomes in the journal's lines for a name, in their order.
fn journalled(site: &Site, daemon: &Daemon, name: &str) -> Vec<String> {
    // Whoever asks the daemon is answered from what is written; its writer may be a moment behind.
    let _alive = daemon.status();
    let history = site.run(&["history", "--name", name, "--output", "json"]);
    let lines = history.stdout.lines();
    lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["outcome"].as_str().unwrap().to_owned())
        .collect()
}
