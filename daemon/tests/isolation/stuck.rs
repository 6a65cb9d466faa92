//! A plugin that does not come back: its callers are answered in time, and its process does not go on with what
//! nobody waits for.

use std::time::{Duration, Instant};

use zonemux_test_support::{Request, Signal};

use crate::*;

/// What the daemon lets a process go on with a call that nobody waits for.
const LEAVING: Duration = Duration::from_secs(5);
/// What a machine with more to do than it can may add.
const SLACK: Duration = Duration::from_secs(5);

/// `lan` lists for ever; the limit of a list is 2 s.
#[track_caller]
fn is_ended(behaviour: &str) {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    misbehave(&site, behaviour, &["records"]);
    let begun = Instant::now();
    daemon.webhook().get("/records");
    edge_works(&daemon, "a");
    let seen = restarted(&daemon, "lan", 1, &["unresponsive"]);
    let took = begun.elapsed();
    assert!(is_gone(first), "{behaviour}: it still runs");
    assert!(took < Duration::from_secs(2) + LEAVING + SLACK, "{behaviour}: {took:?}");
    assert!(seen["last_end"].as_str().unwrap().contains("nobody waited for it"), "{seen}");
    lan_recovers(&site, &daemon);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_loop_without_end_does_not_outlive_the_limit_of_its_call() {
    is_ended("spin");
}

#[test]
fn a_deadlock_does_not_outlive_the_limit_of_its_call() {
    is_ended("deadlock");
}

#[test]
fn one_that_goes_on_with_a_cancelled_call_is_ended() {
    is_ended("block");
}

#[test]
fn one_that_waits_for_ever_but_can_be_cancelled_goes_on() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    misbehave(&site, "hang", &["records"]);
    daemon.webhook().get("/records");
    daemon.wait_state("lan", "failing");
    lan_recovers(&site, &daemon);
    // Longer than one that did not let go would have been let run.
    std::thread::sleep(LEAVING + Duration::from_secs(1));
    assert_eq!(pid(&daemon, "lan"), first);
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0);
}

#[test]
fn one_that_does_not_read_what_it_is_sent_is_cut_off() {
    let site = two_with("quarantine = { retry = \"1h\" }");
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    looks::signal(first, Signal::STOP);
    // More than any socket's buffer holds waits for it, from many calls at once; none waits for ever.
    let begun = Instant::now();
    let records: Vec<_> =
        (0..500).map(|number| zonemux_test_support::record(&format!("host-{number}.example.org"))).collect();
    let mut calls: Vec<_> = (0..20)
        .map(|_| daemon.webhook().send(&Request::post("/adjustendpoints", json!(records))))
        .chain((0..20).map(|_| daemon.webhook().send(&Request::get("/records"))))
        .collect();
    edge_works(&daemon, "a");
    for call in &mut calls {
        assert!(matches!(call.answer().status, 200 | 503));
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    restarted(&daemon, "lan", 1, &["unresponsive"]);
    assert!(is_gone(first));
    lan_recovers(&site, &daemon);
}

#[test]
fn one_that_is_stopped_for_a_moment_goes_on() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    looks::signal(first, Signal::STOP);
    let mut call = daemon.webhook().send(&Request::get("/records"));
    edge_works(&daemon, "a");
    looks::signal(first, Signal::CONT);
    assert_eq!(names(&call.answer()), ["kept.example.org"]);
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0);
}

#[test]
fn one_that_is_opened_for_ever_is_tried_again_in_another_process() {
    let site = two();
    misbehave(&site, "spin", &["open"]);
    let daemon = site.start();
    daemon.wait_state("edge", "up");
    edge_works(&daemon, "a");
    restarted(&daemon, "lan", 1, &["unresponsive"]);
    misbehave(&site, "healthy", &[]);
    daemon.wait_state("lan", "up");
    lan_has_a_record(&daemon);
}
