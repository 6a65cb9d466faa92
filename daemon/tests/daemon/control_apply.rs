//! `zonemux apply`, with a daemon and without one.

use std::fmt::Write as _;

use serde_json::{Value, json};
use zonemux_test_support::{Site, create, delete, names};

use crate::{flaky, ready, site};

fn durable() -> Site {
    let site = site();
    let keys = "[backends.lan.guards]\nprotect = [\"keep.example.org *\"]";
    site.backend_with("lan", "memory", "example.org", keys, "file = \"lan.records\"");
    site
}

fn apply(site: &Site, changes: &Value, more: &[&str]) -> (Option<i32>, String, String) {
    site.write("changes.json", changes.to_string());
    let finished = site.run(&[&["apply", "changes.json"], more].concat());
    (finished.code, finished.stdout, finished.stderr)
}

fn ten() -> Vec<String> {
    (0..10).map(|number| format!("r{number}.example.org")).collect()
}

fn short(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// What both ways have in common: the same records afterwards, the same codes, the same journal.
fn story(site: &Site) -> String {
    let mut told = String::new();
    let mut tell = |(code, out, err): (Option<i32>, String, String)| {
        writeln!(told, "{out}{err}= {}\n", code.unwrap()).unwrap();
    };
    tell(apply(site, &create(&short(&ten())), &[]));
    tell(apply(site, &create(&["r0.example.org"]), &[]));
    tell(apply(site, &create(&["keep.example.org", "new.example.org"]), &[]));
    let deletes = delete(&short(&ten()[..5]));
    tell(apply(site, &deletes, &[]));
    tell(apply(site, &deletes, &["--allow-deletes"]));
    let journal = site.run(&["history"]);
    for line in journal.stdout.lines() {
        // Without the time.
        told.push_str(line.split_once("  ").unwrap().1);
        told.push('\n');
    }
    told
}

#[test]
fn it_does_the_same_with_a_daemon_and_without_one() {
    let alone = durable();
    let without = story(&alone);
    insta::assert_snapshot!(without);
    let running = durable();
    let daemon = ready(&running);
    assert_eq!(story(&running), without);
    let listed = names(&daemon.webhook().get("/records"));
    assert_eq!(listed, names(&ready(&alone).webhook().get("/records")));
    assert_eq!(listed.len(), 6);
    // Its changes are known by their request.
    let journal = std::fs::read_to_string(running.path("state/journal/journal.jsonl")).unwrap();
    assert!(journal.lines().all(|line| line.contains("\"request_id\":\"cli-")), "{journal}");
}

#[test]
fn a_record_that_is_not_as_the_file_says_is_left_as_it_is() {
    let site = durable();
    let daemon = ready(&site);
    daemon.webhook().post("/records", create(&["www.example.org"]));
    let changes = json!({
        "updateOld": [{ "dnsName": "www.example.org", "targets": ["192.0.2.7"], "recordType": "A" }],
        "updateNew": [{ "dnsName": "www.example.org", "targets": ["192.0.2.8"], "recordType": "A" }],
        "create": [{ "dnsName": "new.example.org", "targets": ["192.0.2.9"], "recordType": "A" }],
    });
    let (code, out, _) = apply(&site, &changes, &[]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("www.example.org A has changed since it was listed"), "{out}");
    let records = site.run(&["records"]).stdout;
    assert!(records.contains("192.0.2.1") && records.contains("192.0.2.9"), "{records}");
}

#[test]
fn what_externaldns_has_held_stays_held_and_what_it_was_shown_is_outdated() {
    let site = durable();
    let daemon = ready(&site);
    daemon.webhook().post("/records", create(&short(&ten())));
    daemon.webhook().get("/records");
    assert_eq!(daemon.webhook().post("/records", delete(&short(&ten()[..5]))).status, 503);
    let held = || daemon.status()["backends"][0]["safety"]["held"]["total"].clone();
    assert_eq!(held(), 5);
    let update = json!({
        "updateOld": [{ "dnsName": "r9.example.org", "targets": ["192.0.2.1"], "recordType": "A" }],
        "updateNew": [{ "dnsName": "r9.example.org", "targets": ["192.0.2.200"], "recordType": "A" }],
    });
    assert_eq!(apply(&site, &update, &[]).0, Some(0));
    assert_eq!(held(), 5);
    // ExternalDNS planned this on the list from before: it must look again.
    let planned = json!({
        "updateOld": [{ "dnsName": "r9.example.org", "targets": ["192.0.2.1"], "recordType": "A" }],
        "updateNew": [{ "dnsName": "r9.example.org", "targets": ["192.0.2.3"], "recordType": "A" }],
    });
    assert_eq!(daemon.webhook().post("/records", planned).status, 503);
    assert!(site.run(&["records"]).stdout.contains("192.0.2.200"));
}

#[test]
fn it_is_waited_for_longer_than_externaldns_waits() {
    let site = flaky();
    site.layer("deadline", "[webhook]\ndeadline = \"500ms\"");
    let _daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["apply"], "delay": 1500}"#);
    let (code, out, _) = apply(&site, &create(&["a.example.org"]), &[]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("applied  lan  create  a.example.org A"), "{out}");
}

#[test]
fn a_record_that_the_backend_refuses_is_not_said_to_be_there() {
    let site = flaky();
    let _daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad"}"#);
    let (code, out, _) = apply(&site, &create(&["bad.example.org", "good.example.org"]), &[]);
    assert_eq!(code, Some(1), "{out}");
    insta::assert_snapshot!(out);
}

#[test]
fn changes_come_from_standard_input_too() {
    let site = durable();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "echo \"$2\" | \"$0\" --config \"$1\" apply -"]);
    command.arg(env!("CARGO_BIN_EXE_zonemux")).arg(site.path("config.toml"));
    command.arg(create(&["a.example.org"]).to_string());
    site.prepare(&mut command);
    let finished = zonemux_test_support::Process::spawn(command).wait();
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{finished:?}");
    assert!(site.run(&["records"]).stdout.starts_with("a.example.org"));
}
