//! `zonemux release`, with a daemon and without one, and how `status` shows what is set aside.

use zonemux_test_support::{Daemon, Site, create, delete, names};

use crate::{VERSION, flaky, ready, site};

fn ten() -> Vec<String> {
    (0..10).map(|number| format!("r{number}.example.org")).collect()
}

fn short(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// A site with ten records, five of which ExternalDNS has tried to delete.
fn held() -> (Site, Daemon) {
    let site = site();
    site.backend("lan", "memory", "example.org", "file = \"lan.records\"");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&short(&ten()))).status, 204);
    assert_eq!(daemon.webhook().post("/records", delete(&short(&ten()[..5]))).status, 503);
    (site, daemon)
}

fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        VERSION,
        (r"until \d{4}-\d\d-\d\dT[\d:]+Z", "until [TIME]"),
        (r"process \d+, up \d+s", "process [PID], up [AGE]"),
        (r"\b(\d+m)?\d+s ago", "[AGE] ago"),
        (r"for (\d+m)?\d+s", "for [AGE]"),
        (r"in (\d+m)?\d+s", "in [AGE]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    ]
}

#[test]
fn release_lets_the_held_deletes_through_and_nothing_that_came_later() {
    let (site, daemon) = held();
    assert_eq!(names(&daemon.webhook().get("/records")), ten());
    let preview = site.run(&["release", "lan", "--dry-run"]);
    assert_eq!((preview.code, preview.stderr.as_str()), (Some(0), ""), "{preview:?}");
    insta::assert_snapshot!("preview", preview.stdout);
    // A look grants nothing.
    assert_eq!(daemon.webhook().post("/records", delete(&short(&ten()[..5]))).status, 503);

    let release = site.run(&["release", "lan"]);
    assert_eq!((release.code, release.stderr.as_str()), (Some(0), ""), "{release:?}");
    insta::with_settings!({ filters => filters() }, {
        insta::assert_snapshot!("release", release.stdout);
    });
    assert_eq!(names(&daemon.webhook().get("/records")), ten(), "it applies nothing itself");
    // Two that were not held then are too much now: of ten, beside those that are granted.
    assert_eq!(daemon.webhook().post("/records", delete(&short(&ten()[..9]))).status, 503);
    assert_eq!(names(&daemon.webhook().get("/records")), ten()[5..]);
    let last = delete(&short(&ten()[5..9]));
    daemon.webhook().post(
        "/records",
        create(&["x1.example.org", "x2.example.org", "x3.example.org", "x4.example.org", "x5.example.org"]),
    );
    assert_eq!(daemon.webhook().post("/records", last).status, 503, "the grant holds for nothing else");
}

#[test]
fn without_a_daemon_the_next_one_finds_the_grant() {
    let (site, daemon) = held();
    daemon.stop();
    let preview = site.run(&["release", "lan", "--dry-run"]);
    assert!(preview.stdout.contains("these 5 records"), "{preview:?}");
    let release = site.run(&["release", "lan"]);
    assert_eq!((release.code, release.stderr.as_str()), (Some(0), ""), "{release:?}");
    let daemon = ready(&site);
    let status = site.run(&["status"]);
    assert!(status.stdout.contains("let through: waits for ExternalDNS to ask again"), "{status:?}");
    assert_eq!(daemon.webhook().post("/records", delete(&short(&ten()[..5]))).status, 204);
    let nothing = site.run(&["release", "lan"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), "nothing is held of backend lan\n"));
}

#[test]
fn a_backend_that_is_not_there_is_said() {
    let (site, daemon) = held();
    let running = site.run(&["release", "wan"]);
    assert_eq!((running.code, running.stdout.as_str()), (Some(1), ""));
    assert_eq!(running.stderr, "error: there is no backend `wan`\n  hint: there is `lan`\n");
    daemon.stop();
    assert_eq!(site.run(&["release", "wan"]).stderr, running.stderr);
}

#[test]
fn status_shows_what_is_held_and_what_is_in_quarantine() {
    let site = flaky();
    let daemon = ready(&site);
    let bad: Vec<String> = (10..22).map(|number| format!("bad{number}.example.org")).collect();
    site.misbehave("lan", r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad"}"#);
    assert_eq!(daemon.webhook().post("/records", create(&short(&[ten(), bad].concat()))).status, 204);
    assert_eq!(daemon.webhook().post("/records", delete(&short(&ten()[..5]))).status, 503);
    let status = site.run(&["status"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    insta::with_settings!({ filters => filters() }, {
        insta::assert_snapshot!(site.shown(&status.stdout));
    });
    let held = daemon.metric("zonemux_guard_held", &[("backend", "lan"), ("guard", "max_deletes")]);
    let quarantined = daemon.metric("zonemux_quarantined_records", &[("backend", "lan")]);
    assert_eq!((held, quarantined), (5.0, 12.0));
}

#[test]
fn an_apply_that_runs_is_shown() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["apply"]}"#);
    let _waiting = daemon
        .webhook()
        .send(&zonemux_test_support::Request::post("/records", create(&["a.example.org", "b.example.org"])));
    daemon.wait_logged("batch begun");
    let status = site.run(&["status"]);
    assert!(status.stdout.contains("\n  applying 2 units for "), "{status:?}");
    assert_eq!(daemon.status()["backends"][0]["safety"]["unconfirmed"], true);
}

#[test]
fn gauges_of_safety_are_there_from_the_start() {
    let daemon = ready(&flaky());
    let metrics = daemon.metrics();
    for (name, labels) in [
        ("zonemux_guard_held", vec![("backend", "lan"), ("guard", "max_deletes")]),
        ("zonemux_quarantined_records", vec![("backend", "lan"), ("reason", "permanent")]),
        ("zonemux_breaker_state", vec![("backend", "lan")]),
    ] {
        assert_eq!(metrics.sum(name, &labels), Some(0.0), "{name}");
    }
    daemon.webhook().get("/records");
    assert!(daemon.metrics().sum("zonemux_snapshot_age_seconds", &[("backend", "lan")]).is_some());
}

#[test]
fn the_breaker_is_shown_while_it_is_open() {
    let site = site();
    site.flaky_with("lan", "example.org", "[backends.lan.breaker]\nfailures = 1\ncooldown = \"5m\"");
    let daemon = ready(&site);
    site.misbehave("lan", "fail");
    daemon.webhook().get("/records");
    let status = site.run(&["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.stdout.contains("\n  left alone after repeated failures, for "), "{status:?}");
    assert!((daemon.metric("zonemux_breaker_state", &[("backend", "lan")]) - 2.0).abs() < f64::EPSILON);
}
