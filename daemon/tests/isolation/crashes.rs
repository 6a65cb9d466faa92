//! A plugin whose process ends in the middle of a call: an error of that backend, and of nothing else.

use crate::*;

/// Once while it lists and once while it applies; what it is called afterwards.
#[track_caller]
fn survives(behaviour: &str, reasons: &[&str]) {
    let site = two();
    let mut daemon = ready(&site);
    lan_has_a_record(&daemon);

    misbehave(&site, behaviour, &["records"]);
    let first = pid(&daemon, "lan");
    let answer = daemon.webhook().get("/both/records");
    // The last list may stand in for it, but a part never does.
    assert!(answer.status == 503 || names(&answer) == ["kept.example.org"], "{}", answer.shown());
    edge_works(&daemon, "a");
    let seen = restarted(&daemon, "lan", 1, reasons);
    assert!(is_gone(first));
    if behaviour == "eat-memory" {
        let lines = seen["last_lines"].to_string();
        assert!(lines.contains("memory allocation of"), "{lines}");
    }
    lan_recovers(&site, &daemon);
    assert_ne!(pid(&daemon, "lan"), first);

    // Who was shown an old list plans on the new one first.
    assert_eq!(daemon.webhook().get("/both/records").status, 200);
    misbehave(&site, behaviour, &["apply"]);
    let answer = daemon.webhook().post("/both/records", create(&["lost.example.org", "b.example.net"]));
    assert_eq!(answer.status, 503, "{}", answer.shown());
    edge_works(&daemon, "c");
    restarted(&daemon, "lan", 2, reasons);
    lan_recovers(&site, &daemon);

    assert!(daemon.is_running());
    assert!(daemon.logged("panicked").is_empty());
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_segmentation_fault_is_survived() {
    survives("segfault", &["segfault"]);
}

#[test]
fn an_abort_is_survived() {
    survives("abort", &["abort"]);
}

#[test]
fn an_exit_is_survived() {
    survives("exit", &["exit"]);
}

#[test]
fn a_stack_overflow_is_survived() {
    survives("stack-overflow", &["segfault"]);
}

#[test]
fn more_memory_than_is_allowed_is_survived() {
    survives("eat-memory", &["memory"]);
}

#[test]
fn a_closed_connection_is_survived() {
    // Rust's own libraries abort where they find that a descriptor of theirs was closed.
    survives("close-descriptors", &["closed", "exit", "abort"]);
}

#[test]
fn what_is_no_frame_is_survived() {
    survives("garbage", &["protocol"]);
}

#[test]
fn one_that_is_killed_from_outside_is_survived() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    looks::signal(first, zonemux_test_support::Signal::KILL);
    let seen = restarted(&daemon, "lan", 1, &["killed"]);
    assert!(seen["last_end"].as_str().unwrap().contains("SIGKILL"), "{seen}");
    edge_works(&daemon, "a");
    lan_recovers(&site, &daemon);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn the_last_lines_before_the_end_are_shown() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave_with(&site, "print", &["records"], &json!({ "count": 30 }));
    assert_eq!(daemon.webhook().get("/records").status, 200);
    misbehave(&site, "abort", &["records"]);
    daemon.webhook().get("/records");
    let seen = restarted(&daemon, "lan", 1, &["abort"]);
    let lines = seen["last_lines"].as_array().unwrap();
    assert!(lines.len() <= 20, "{lines:?}");
    assert!(lines.iter().any(|line| line == "line 29 on command"), "{lines:?}");
    assert!(!lines.iter().any(|line| line == "line 0 on command"), "{lines:?}");
    // People see it as well.
    let shown = site.run(&["status"]);
    assert!(shown.stdout.contains("abort"), "{}", shown.stdout);
    assert!(shown.stdout.contains("line 29 on command"), "{}", shown.stdout);
}

#[test]
fn a_panic_is_an_error_of_its_call_and_no_end() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    for behaviour in ["panic", "panic-value", "panic-task"] {
        misbehave(&site, behaviour, &["records", "apply"]);
        let answer = daemon.webhook().post("/records", create(&["lost.example.org"]));
        assert_eq!(answer.status, 503, "{behaviour}: {}", answer.shown());
        daemon.webhook().get("/records");
        lan_recovers(&site, &daemon);
    }
    assert_eq!(pid(&daemon, "lan"), first);
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0);
    let place = "panicked on command, in records at plugins/flaky/src/backend.rs:";
    assert!(daemon.log().iter().any(|line| line.to_string().contains(place)), "where it was");
}
