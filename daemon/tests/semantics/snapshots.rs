//! What is shown when a backend fails, and what may be done on it.

use serde_json::json;
use zonemux_test_support::{Daemon, Site, eventually};

use crate::{backend, calls, create, endpoint, listed, owned, post, ready, site};

const DOWN: &str = r#"{"behaviour": "fail", "on": ["records", "open", "apply"]}"#;
const NO_LIST: &str = r#"{"behaviour": "fail", "on": ["records"]}"#;
const PATIENT: &str = "breaker = { failures = 1000 }";

/// A daemon whose backend `lan` has a record, a list of it was served, and its snapshot is on the disk.
fn with_snapshot(site: &Site) -> Daemon {
    let daemon = ready(site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    listed(&daemon);
    eventually("the snapshot is written", || {
        let text = std::fs::read_to_string(site.path("state/control/lan/snapshot")).ok()?;
        text.contains("www.example.org").then_some(())
    });
    daemon
}

#[test]
fn a_backend_that_fails_does_not_freeze_the_others_and_its_changes_wait() {
    let site = site(PATIENT, "");
    backend(&site, "edge", "example.net", "", "");
    let daemon = with_snapshot(&site);
    site.misbehave("lan", NO_LIST);
    let shown = ["a-www.example.org TXT owned", "www.example.org A 192.0.2.1"];
    assert_eq!(listed(&daemon), shown);
    assert_eq!(daemon.metric("zonemux_snapshot_served_total", &[("backend", "lan")]), 1.0);
    // Planned on an old list: the others are applied.
    let applies = calls(&site, "apply").len();
    let batch = json!({
        "delete": owned("www.example.org"),
        "create": [endpoint("www.example.net", "A", "192.0.2.9")],
    });
    assert_eq!(post(&daemon, &batch), 503);
    assert_eq!(calls(&site, "apply").len(), applies);
    assert!(listed(&daemon).contains(&"www.example.net A 192.0.2.9".to_owned()));
    // Back, but the view has not seen it yet.
    site.misbehave("lan", "healthy");
    assert_eq!(create(&daemon, &owned("new.example.org")), 503);
    listed(&daemon);
    assert_eq!(create(&daemon, &owned("new.example.org")), 204);
}

#[test]
fn changes_planned_on_an_old_list_wait_after_a_restart_too() {
    let site = site(PATIENT, "");
    let daemon = with_snapshot(&site);
    site.misbehave("lan", NO_LIST);
    listed(&daemon);
    assert!(daemon.stop().code == Some(0));
    site.misbehave("lan", "healthy");
    let daemon = ready(&site);
    assert_eq!(post(&daemon, &json!({ "delete": owned("www.example.org") })), 503);
    listed(&daemon);
}

#[test]
fn a_batch_planned_before_a_restart_is_compared_with_a_fresh_list() {
    let site = site(PATIENT, "");
    let daemon = with_snapshot(&site);
    assert_eq!(create(&daemon, &owned("gone.example.org")), 204);
    listed(&daemon);
    // Behind the view's back, and forgotten at the restart: its list is older than this.
    let by_hand = json!({
        "updateOld": [endpoint("www.example.org", "A", "192.0.2.1")],
        "updateNew": [endpoint("www.example.org", "A", "192.0.2.99")],
        "delete": owned("gone.example.org"),
        "create": [endpoint("new.example.org", "A", "192.0.2.99")],
    });
    site.write("changes.json", by_hand.to_string());
    let applied = site.run(&["apply", "changes.json"]);
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert_eq!(daemon.stop().code, Some(0));

    let daemon = ready(&site);
    let lists = calls(&site, "records").len();
    let update = |old: &str| {
        json!({
            "updateOld": [endpoint(old, "A", "192.0.2.1")],
            "updateNew": [endpoint(old, "A", "192.0.2.2")],
        })
    };
    assert_eq!(post(&daemon, &update("www.example.org")), 503, "it is another record now");
    assert_eq!(post(&daemon, &update("gone.example.org")), 503, "there is nothing to be updated");
    assert_eq!(create(&daemon, &owned("new.example.org")), 503, "somebody else's");
    assert!(calls(&site, "records").len() > lists);
    assert_eq!(
        create(&daemon, &owned("other.example.org")),
        204,
        "what still is as it was planned on is done"
    );
    let expected = [
        "a-other.example.org TXT owned",
        "a-www.example.org TXT owned",
        "new.example.org A 192.0.2.99",
        "other.example.org A 192.0.2.1",
        "www.example.org A 192.0.2.99",
    ];
    assert_eq!(listed(&daemon), expected);
}

#[test]
fn a_snapshot_is_served_after_a_restart_while_the_backend_is_down() {
    let site = site(PATIENT, "");
    with_snapshot(&site).stop();
    site.misbehave("lan", DOWN);
    let daemon = site.start();
    eventually("the daemon is ready by its snapshot", || {
        (daemon.admin().get("/readyz").status == 200).then_some(())
    });
    assert_eq!(listed(&daemon), ["a-www.example.org TXT owned", "www.example.org A 192.0.2.1"]);
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let site = site(PATIENT, "");
    with_snapshot(&site).stop();
    let file = site.path("state/control/lan/snapshot");
    let damaged = std::fs::read_to_string(&file).unwrap().replacen("192.0.2.1", "192.0.2.2", 1);
    std::fs::write(&file, damaged).unwrap();
    site.misbehave("lan", DOWN);
    let daemon = site.start();
    assert_eq!(daemon.webhook().get("/records").status, 503);
    daemon.wait_logged("the snapshot is refused");
}

#[test]
fn a_list_that_is_too_old_is_not_served() {
    let site = site("max_stale = \"1s\"\nbreaker = { failures = 1000 }", "");
    let daemon = with_snapshot(&site);
    site.misbehave("lan", NO_LIST);
    eventually("the list is too old", || (daemon.webhook().get("/records").status == 503).then_some(()));
}

#[test]
fn without_list_and_snapshot_of_one_backend_nothing_is_shown() {
    let site = site(PATIENT, "");
    for name in ["edge", "other"] {
        backend(&site, name, &format!("{name}.example.net"), "", "");
    }
    site.misbehave("lan", DOWN);
    let daemon = site.start();
    daemon.wait_state("edge", "up");
    daemon.wait_state("other", "up");
    for _ in 0..3 {
        assert_eq!(daemon.webhook().get("/records").status, 503);
    }
    // The others apply all the same.
    assert_eq!(create(&daemon, &[endpoint("a.edge.example.net", "A", "192.0.2.1")]), 204);
}

#[test]
fn a_list_that_takes_longer_than_a_call_is_served_old_and_then_fresh() {
    let site = site(PATIENT, "");
    site.layer("deadline", "[webhook]\ndeadline = \"2s\"");
    let daemon = with_snapshot(&site);
    assert_eq!(create(&daemon, &owned("new.example.org")), 204);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 3000}"#);
    assert_eq!(listed(&daemon).len(), 2, "as it was before");
    eventually("the listing that went on is served", || (listed(&daemon).len() == 4).then_some(()));
}

#[test]
fn repeated_failures_leave_a_backend_alone() {
    let site = site("breaker = { failures = 2, cooldown = \"1h\" }", "");
    let daemon = with_snapshot(&site);
    site.misbehave("lan", NO_LIST);
    for _ in 0..5 {
        assert_eq!(listed(&daemon).len(), 2);
    }
    assert_eq!(calls(&site, "records").len(), 1 + 2);
}

#[test]
fn whoever_comes_while_a_backend_is_probed_is_shown_what_the_probe_lists() {
    let site = site("breaker = { failures = 1, cooldown = \"1s\" }", "");
    let daemon = with_snapshot(&site);
    site.misbehave("lan", NO_LIST);
    listed(&daemon);
    site.misbehave("lan", "healthy");
    let state = |daemon: &Daemon| daemon.metric("zonemux_breaker_state", &[("backend", "lan")]);
    eventually("the backend may be asked once more", || (state(&daemon) == 1.0).then_some(()));
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 2000}"#);
    let lists = calls(&site, "records").len();
    let probe = daemon.webhook().send(&zonemux_test_support::Request::get("/records"));
    eventually("the probe is under way", || (calls(&site, "records").len() > lists).then_some(()));
    listed(&daemon);
    assert_eq!(daemon.metric("zonemux_snapshot_served_total", &[("backend", "lan")]), 1.0);
    assert_eq!({ probe }.answer().status, 200);
    assert_eq!(calls(&site, "records").len(), lists + 1, "one list for both");
    // It was fresh, so that its changes need not wait.
    assert_eq!(create(&daemon, &[endpoint("new.example.org", "A", "192.0.2.1")]), 204);
}
