//! A plugin that does not come back, with or without its thread: its callers are answered in time, and
//! the other backends served meanwhile.

use std::time::{Duration, Instant};

use serde_json::json;
use zonemux_test_support::{Daemon, Request, Site, create, names, record};

use crate::{flaky, ready, site};

/// A daemon with `lan`, which behaves as it is told from the start on, and a healthy `edge` in a view of
/// its own; deadlines are a second.
fn beside_a_healthy_one(how: &str) -> (Site, Daemon) {
    let site = site();
    site.misbehave("lan", how);
    site.flaky_with("lan", "example.org", "timeout = \"1s\"");
    site.backend("edge", "memory", "example.net", "");
    site.layer(
        "views",
        "[webhook]\ndeadline = \"1s\"\n[shutdown]\ngrace = \"1s\"\n[views.default]\npath = \"/\"\nbackends = [\"lan\"]\n\
         [views.edge]\npath = \"/edge\"\nbackends = [\"edge\"]",
    );
    let daemon = ready(&site);
    (site, daemon)
}

fn edge_is_served(daemon: &Daemon, name: &str) {
    assert_eq!(daemon.webhook().post("/edge/records", create(&[name])).status, 204);
    assert!(names(&daemon.webhook().get("/edge/records")).contains(&name.to_owned()));
}

#[test]
fn one_that_hangs_is_answered_for_by_the_deadline() {
    // Adjusting can't wait without its thread: that is another test.
    let (_site, daemon) = beside_a_healthy_one(r#"{"behaviour": "hang", "on": ["records", "apply"]}"#);
    let begun = Instant::now();
    let mut calls = [Request::get("/records"), Request::post("/records", create(&["a.example.org"]))]
        .map(|request| daemon.webhook().send(&request));
    edge_is_served(&daemon, "a.example.net");
    for call in &mut calls {
        let answer = call.answer();
        assert_eq!(answer.status, 503, "{}", answer.shown());
    }
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn one_that_blocks_its_thread_does_not_block_another_of_the_same_file() {
    let site = site();
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["records"]}"#);
    site.flaky_with("lan", "example.org", "timeout = \"1s\"");
    site.flaky("edge", "example.net");
    site.layer(
        "views",
        "[webhook]\ndeadline = \"1s\"\n[shutdown]\ngrace = \"1s\"\n[views.default]\npath = \"/\"\nbackends = [\"lan\"]\n\
         [views.edge]\npath = \"/edge\"\nbackends = [\"edge\"]",
    );
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().get("/records").status, 503);
    edge_is_served(&daemon, "a.example.net");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn one_that_hangs_while_it_lists_is_cancelled_and_the_next_list_works() {
    let site = site();
    site.flaky_with("lan", "example.org", "list_timeout = \"500ms\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["records"]}"#);
    assert_eq!(daemon.webhook().get("/records").status, 503);
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().get("/records").status, 200);
}

#[test]
fn what_was_given_up_is_cancelled_and_writes_nothing_later() {
    let site = site();
    site.flaky_with("lan", "example.org", "apply_timeout = \"300ms\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["apply"], "delay": 900}"#);
    let begun = Instant::now();
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 503);
    site.misbehave("lan", "healthy");
    // The one fixed wait here: until long after it would have written, had it gone on.
    std::thread::sleep(Duration::from_millis(1800).saturating_sub(begun.elapsed()));
    assert_eq!(names(&daemon.webhook().get("/records")), [""; 0]);
}

#[test]
fn one_that_holds_its_thread_does_not_hold_ours() {
    let (_site, daemon) =
        beside_a_healthy_one(r#"{"behaviour": "block", "on": ["records", "apply", "close"]}"#);
    let mut calls = [Request::get("/records"), Request::post("/records", create(&["a.example.org"]))]
        .map(|request| daemon.webhook().send(&request));
    edge_is_served(&daemon, "a.example.net");
    for call in &mut calls {
        assert_eq!(call.answer().status, 503);
    }
    assert_eq!(daemon.webhook().get("/").status, 200);
    let begun = Instant::now();
    assert_eq!(daemon.stop().code, Some(0));
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn one_that_holds_its_thread_while_it_adjusts() {
    let (_site, daemon) = beside_a_healthy_one(r#"{"behaviour": "block", "on": ["adjust"]}"#);
    let answer = daemon.webhook().post("/adjustendpoints", json!([record("a.example.org")]));
    assert_eq!(answer.status, 503, "{}", answer.shown());
    edge_is_served(&daemon, "a.example.net");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn one_that_blocks_while_its_settings_are_checked_does_not_keep_the_others() {
    let site = flaky();
    site.backend("edge", "memory", "example.net", "");
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["validate"]}"#);
    site.layer("grace", "[shutdown]\ngrace = \"1s\"");
    let daemon = site.start();
    daemon.wait_state("edge", "up");
    assert_eq!(daemon.webhook().get("/").status, 200);
    assert_eq!(daemon.stop().code, Some(0));
}
