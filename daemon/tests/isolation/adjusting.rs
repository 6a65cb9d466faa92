//! The end of a process while it adjusts endpoints, which no backend needs to be open for.

use std::time::{Duration, Instant};

use zonemux_test_support::record;

use crate::*;

#[track_caller]
fn adjust(daemon: &Daemon, path: &str) -> u16 {
    daemon.webhook().post(path, json!([record("a.example.org")])).status
}

#[test]
fn a_crash_while_it_adjusts_fails_that_call_alone() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave(&site, "segfault", &["adjust"]);
    assert_eq!(adjust(&daemon, "/adjustendpoints"), 503);
    assert_eq!(daemon.webhook().post("/edge/adjustendpoints", json!([record("a.example.net")])).status, 200);
    restarted(&daemon, "lan", 1, &["segfault"]);
    lan_recovers(&site, &daemon);
    assert_eq!(adjust(&daemon, "/adjustendpoints"), 200);
}

#[test]
fn one_that_adjusts_for_ever_is_ended() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    misbehave(&site, "spin", &["adjust"]);
    assert_eq!(adjust(&daemon, "/adjustendpoints"), 503);
    edge_works(&daemon, "a");
    restarted(&daemon, "lan", 1, &["unresponsive"]);
    assert!(is_gone(first));
    lan_recovers(&site, &daemon);
    assert_eq!(adjust(&daemon, "/adjustendpoints"), 200);
}

#[test]
fn one_that_keeps_ending_is_not_started_for_every_call() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave(&site, "segfault", &["adjust", "open"]);
    let begun = Instant::now();
    eventually("the process has ended four times", || {
        assert_eq!(adjust(&daemon, "/adjustendpoints"), 503);
        (looks::process(&daemon, "lan")["restarts"].as_u64() >= Some(4)).then_some(())
    });
    // Whoever opens it waits one second, two, four, give or take a quarter; so does a call, from the last end on.
    assert!(begun.elapsed() > Duration::from_millis(2400), "{:?}", begun.elapsed());
    lan_recovers(&site, &daemon);
}
