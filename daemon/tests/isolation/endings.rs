//! No process outlives the daemon, however either of them ends.

use std::time::{Duration, Instant};

use zonemux_test_support::{Request, Signal};

use crate::*;

#[test]
fn a_killed_daemon_takes_all_its_children_along() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let children = [pid(&daemon, "lan"), pid(&daemon, "edge")];
    assert_eq!(looks::children(daemon.process().id()).len(), children.len());
    // One is in the middle of a call that it does not leave.
    misbehave(&site, "spin", &["records"]);
    let _call = daemon.webhook().send(&Request::get("/records"));
    daemon.wait_logged("listing begun");
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.wait().signal, Some(9));
    for child in children {
        eventually("the child is gone", || is_gone(child).then_some(()));
    }
}

#[test]
fn a_stopped_child_dies_with_a_killed_daemon() {
    let site = two();
    let daemon = ready(&site);
    let child = pid(&daemon, "lan");
    looks::signal(child, Signal::STOP);
    daemon.signal(Signal::KILL);
    daemon.wait();
    eventually("the child is gone", || is_gone(child).then_some(()));
}

/// The daemon stops in good order and in time, and leaves nothing.
#[track_caller]
fn stops(daemon: Daemon) {
    let children = [pid(&daemon, "lan"), pid(&daemon, "edge")];
    let begun = Instant::now();
    let finished = daemon.stop();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    for child in children {
        // The kernel ends it with the daemon, and needs a moment to.
        eventually("no child outlives the daemon", || is_gone(child).then_some(()));
    }
}

#[test]
fn a_daemon_that_is_told_to_stop_leaves_no_child() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    stops(daemon);
}

#[track_caller]
fn stops_although(behaviour: &str, on: &[&str]) {
    let site = two();
    site.layer("grace", "[shutdown]\ngrace = \"1s\"");
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave(&site, behaviour, on);
    stops(daemon);
}

#[test]
fn a_plugin_that_never_closes_does_not_keep_the_daemon() {
    stops_although("spin", &["close"]);
}

#[test]
fn a_plugin_that_crashes_while_it_closes_is_no_failure_of_the_daemon() {
    stops_although("segfault", &["close"]);
}

#[test]
fn a_destructor_that_never_ends_does_not_keep_the_daemon() {
    stops_although("spin", &["drop"]);
}

#[test]
fn a_destructor_that_crashes_is_no_failure_of_the_daemon() {
    stops_although("segfault", &["drop"]);
}

#[test]
fn a_stopped_child_does_not_keep_the_daemon() {
    let site = two();
    site.layer("grace", "[shutdown]\ngrace = \"1s\"");
    let daemon = ready(&site);
    looks::signal(pid(&daemon, "lan"), Signal::STOP);
    stops(daemon);
}

#[test]
fn a_plugin_that_lists_for_ever_does_not_keep_the_daemon() {
    let site = two();
    site.layer("grace", "[shutdown]\ngrace = \"1s\"");
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave(&site, "spin", &["records"]);
    let _call = daemon.webhook().send(&Request::get("/records"));
    eventually("the plugin lists", || (daemon.logged("listing begun").len() > 1).then_some(()));
    stops(daemon);
}
