//! `zonemux check`, with and without a daemon.

use serde_json::Value;
use zonemux_test_support::{Site, create};

use crate::{flaky, memory, ready, site};

fn json(site: &Site, arguments: &[&str]) -> (Option<i32>, Value) {
    let finished = site.run(&[arguments, &["--output", "json"]].concat());
    let report =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    (finished.code, report)
}

#[test]
fn a_configuration_that_is_right() {
    let site = memory();
    let check = site.run(&["check"]);
    assert_eq!(
        (check.code, check.stdout.as_str(), check.stderr.as_str()),
        (Some(0), "the configuration is valid\n", "")
    );
    let (code, report) = json(&site, &["check"]);
    assert_eq!((code, &report["valid"]), (Some(0), &Value::Bool(true)));
}

#[test]
fn a_fault_is_data_as_well() {
    let site = memory();
    site.backend("edge", "memory", "example.net", "fiel = \"records\"");
    let (code, report) = json(&site, &["check"]);
    assert_eq!(code, Some(78));
    insta::assert_snapshot!(site.shown(&format!("{report:#}")));
}

#[test]
fn faults_of_plugins_are_told_with_those_of_the_configurations_form() {
    let site = memory();
    site.layer("bad", "[webhook]\ndeadline = 5");
    site.backend_with(
        "edge",
        "flaky",
        "example.net",
        "guards = { min_records = -1 }",
        "delay = []\ntokne = 1",
    );
    site.layer("far", "[backends.far]\nplugin = \"nosuch\"\nzones = [\"example.com\"]\ntimeout = 1");
    site.backend_with("own", "memory", "example.edu", "sha256 = \"1234\"", "fiel = 1");
    let check = site.run(&["check"]);
    assert_eq!(check.code, Some(78), "{check:?}");
    insta::assert_snapshot!(site.shown(&check.stderr));
    let serve = site.run(&["serve"]);
    assert_eq!((serve.code, serve.stderr), (Some(78), check.stderr));
}

#[test]
fn a_backend_with_faults_of_its_own_keeps_no_other_from_being_judged() {
    let site = memory();
    site.layer("edge", "[backends.edge]\nplugin = 7");
    site.backend("far", "memory", "example.net", "fiel = \"records\"");
    let (code, report) = json(&site, &["check"]);
    assert_eq!(code, Some(78));
    let faults = report["faults"].as_array().unwrap();
    let keys: Vec<&str> = faults.iter().map(|fault| fault["key"].as_str().unwrap()).collect();
    assert_eq!(
        keys,
        ["backends.edge.plugin", "backends.edge.zones", "backends.far.settings.fiel"],
        "{report}"
    );
}

#[test]
fn a_probe_lists_each_backend() {
    let site = memory();
    site.backend("edge", "memory", "example.net", "");
    let probe = site.run(&["check", "--probe"]);
    assert_eq!((probe.code, probe.stderr.as_str()), (Some(0), ""), "{probe:?}");
    insta::with_settings!({ filters => [(r"in \d+ ms", "in [TIME] ms")] }, {
        insta::assert_snapshot!(probe.stdout);
    });
}

#[test]
fn a_probe_asks_the_daemon_where_one_runs() {
    let site = memory();
    // A second instance could not lock this file.
    site.backend("lan", "memory", "example.org", &format!("file = \"{}\"", site.path("records").display()));
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org", "b.example.org"])).status, 204);
    let (code, report) = json(&site, &["check", "--probe"]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["probes"][0]["records"], 2);
    assert!(daemon.logged("control request").iter().any(|line| line["path"] == "/probe"));

    drop(daemon.stop());
    let (code, report) = json(&site, &["check", "--probe"]);
    assert_eq!((code, &report["probes"][0]["records"]), (Some(0), &Value::from(2)), "{report}");
}

#[test]
fn a_probe_that_fails_is_1_and_says_why() {
    let site = flaky();
    site.backend("edge", "memory", "example.net", "");
    site.misbehave("lan", r#"{"behaviour": "fail", "on": ["records"]}"#);
    let probe = site.run(&["check", "--probe"]);
    assert_eq!(probe.code, Some(1), "{probe:?}");
    assert!(probe.stdout.contains("lan: failed on command, in records\n"), "{probe:?}");
    assert!(probe.stdout.contains("edge: 0 records"), "{probe:?}");

    site.misbehave("lan", r#"{"behaviour": "fail", "on": ["open"]}"#);
    let probe = site.run(&["check", "--probe"]);
    assert_eq!(probe.code, Some(1), "{probe:?}");
    assert!(probe.stdout.contains("lan: failed on command, in open\n"), "{probe:?}");
}

#[test]
fn without_a_probe_no_backend_is_opened() {
    let site = flaky();
    site.misbehave("lan", "abort");
    let check = site.run(&["check"]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

#[test]
fn what_inline_can_t_contain_is_a_warning() {
    let site = site();
    site.backend_with("lan", "memory", "example.org", "isolation = \"inline\"", "");
    let check = site.run(&["check"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(
        check.stderr.contains("warning: `backends.lan.isolation`: inline: a plugin that crashes"),
        "{check:?}"
    );
    site.backend("lan", "memory", "example.org", "");
    assert!(!site.run(&["check"]).stderr.contains("warning"), "a process is no reason for one");
}
