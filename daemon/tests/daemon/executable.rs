//! Backends that are programs: the example in Python, as its users run it.

use serde_json::{Value, json};
use zonemux_test_support::{Daemon, Request, Signal, Site, create, delete, eventually, names};

use crate::{ready, site};

const EXAMPLE: &str = include_str!("../../../plugins/example.py");

/// A site whose one backend is the example.
fn example(settings: &str) -> Site {
    let site = site();
    let program = site.write("plugins/example.py", EXAMPLE);
    site.chmod("plugins/example.py", 0o755);
    site.backend("lan", &format!("exec:{}", program.display()), "example.org", settings);
    site
}

fn with_file() -> Site {
    let site = example("file = \"records.json\"");
    // Relative paths are relative to the file that holds them.
    site.chmod("conf.d", 0o755);
    site
}

fn post(daemon: &Daemon, changes: Value) -> u16 {
    daemon.webhook().send(&Request::post("/records", changes)).answer().status
}

fn listed(daemon: &Daemon) -> Vec<String> {
    names(&daemon.webhook().get("/records"))
}

#[test]
fn a_program_in_python_is_a_backend_like_any_other() {
    let site = with_file();
    let daemon = ready(&site);
    assert_eq!(post(&daemon, create(&["b.example.org", "a.example.org"])), 204);
    assert_eq!(listed(&daemon), ["a.example.org", "b.example.org"]);

    let change = |target: &str, ttl: u32| {
        json!({ "dnsName": "a.example.org", "recordType": "A", "targets": [target], "recordTTL": ttl,
                "providerSpecific": [{ "name": "webhook/comment", "value": "für alle" }] })
    };
    let before = daemon.webhook().get("/records").json()[0].clone();
    let update = json!({ "updateOld": [before], "updateNew": [change("192.0.2.9", 300)] });
    assert_eq!(post(&daemon, update), 204);
    let records = daemon.webhook().get("/records").json();
    let updated = records.as_array().unwrap().iter().find(|record| record["dnsName"] == "a.example.org");
    assert_eq!(updated.unwrap(), &change("192.0.2.9", 300));

    assert_eq!(post(&daemon, delete(&["b.example.org"])), 204);
    assert_eq!(listed(&daemon), ["a.example.org"]);
    daemon.stop();

    let daemon = ready(&site);
    assert_eq!(listed(&daemon), ["a.example.org"], "records survive a restart");
    let read = daemon.wait_logged("records read");
    assert_eq!((&read["backend"], &read["fields"]), (&json!("lan"), &json!("records=1")));
}

#[test]
fn thousands_of_records_go_through_a_program_in_pieces() {
    let site = with_file();
    let daemon = ready(&site);
    let wanted: Vec<String> = (0..3000).map(|index| format!("host-{index:04}.example.org")).collect();
    let names: Vec<&str> = wanted.iter().map(String::as_str).collect();
    assert_eq!(post(&daemon, create(&names)), 204);
    assert_eq!(listed(&daemon), wanted);
}

#[test]
fn a_record_that_a_program_refuses_is_set_aside_alone() {
    let site = with_file();
    let daemon = ready(&site);
    let two = json!({ "dnsName": "c.example.org", "recordType": "CNAME", "targets": ["a.example.net", "b.example.net"] });
    let mut changes = create(&["a.example.org"]);
    changes["create"].as_array_mut().unwrap().push(two);
    assert_eq!(post(&daemon, changes), 204);
    assert_eq!(listed(&daemon), ["a.example.org"]);
    let quarantine = &daemon.status()["backends"][0]["safety"]["quarantine"];
    assert_eq!(quarantine["total"], 1, "{quarantine:#}");
    assert!(quarantine.to_string().contains("a CNAME has one target"), "{quarantine:#}");
}

#[test]
fn faults_of_a_program_s_settings_end_the_start_at_their_keys() {
    let site = example("fiel = \"records.json\"");
    let check = site.run(&["check"]);
    assert_eq!(check.code, Some(78), "{check:?}");
    insta::assert_snapshot!(site.shown(&check.stderr));
}

#[test]
fn a_program_that_is_killed_is_started_again() {
    let site = with_file();
    let daemon = ready(&site);
    assert_eq!(post(&daemon, create(&["a.example.org"])), 204);
    let pid = || daemon.status()["backends"][0]["process"]["pid"].as_u64();
    let before = pid().unwrap();
    let process = rustix::process::Pid::from_raw(i32::try_from(before).unwrap()).unwrap();
    rustix::process::kill_process(process, Signal::KILL).unwrap();
    let after = eventually("another process runs", || pid().filter(|after| *after != before));
    assert_ne!(after, before);
    eventually("its records are listed", || {
        let answer = daemon.webhook().get("/records");
        (answer.status == 200).then(|| names(&answer)).filter(|names| names == &["a.example.org"])
    });
    let labels = [("backend", "lan"), ("reason", "killed")];
    assert!((daemon.metric("zonemux_plugin_restarts_total", &labels) - 1.0).abs() < f64::EPSILON);
}
