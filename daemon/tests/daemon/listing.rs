//! One listing for all who ask; it outlives them, and is never older than a write.

use std::time::Instant;

use zonemux_test_support::{Connection, Daemon, Request, Site, create, delete, eventually, names};

use crate::{flaky, ready};

/// A ready daemon with one record, whose deadline for calls is `deadline`.
fn with_a_record(site: &Site, deadline: &str) -> Daemon {
    site.layer("deadline", &format!("[webhook]\ndeadline = \"{deadline}\""));
    let daemon = ready(site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
    daemon
}

fn listings(daemon: &Daemon) -> usize {
    daemon.logged("listing begun").len()
}

fn ask(daemon: &Daemon) -> Connection {
    daemon.webhook().send(&Request::get("/records"))
}

#[test]
fn concurrent_calls_share_one_and_a_hang_up_disturbs_nobody() {
    let site = flaky();
    let daemon = with_a_record(&site, "12s");
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 1500}"#);
    let first = ask(&daemon);
    daemon.wait_logged("listing begun");
    let mut others: Vec<Connection> = (0..5).map(|_| ask(&daemon)).collect();
    // The one that began it goes away, and one that joined.
    drop(first);
    drop(others.pop());
    for other in &mut others {
        assert_eq!(names(&other.answer()), ["a.example.org"]);
    }
    assert_eq!(listings(&daemon), 1);
    // Those who ask afterwards want to know what is there now.
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
    assert_eq!(listings(&daemon), 2);
}

#[test]
fn one_that_takes_longer_than_a_call_serves_the_next() {
    let site = flaky();
    let daemon = with_a_record(&site, "500ms");
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 1500}"#);
    let begun = Instant::now();
    let late = daemon.webhook().get("/records");
    assert_eq!(late.status, 503, "{}", late.shown());
    assert!(begun.elapsed().as_millis() < 1400, "answered by the deadline, not by the listing");
    // As ExternalDNS's loop does it: again and again.
    let listed =
        eventually("a list", || Some(daemon.webhook().get("/records")).filter(|answer| answer.status == 200));
    assert_eq!(names(&listed), ["a.example.org"]);
    // The caller that finds it ended begins the next one behind it.
    assert!((1..=2).contains(&listings(&daemon)), "it was never begun anew by those who waited");
}

#[test]
fn a_kept_list_is_given_once_and_another_is_begun_behind_it() {
    let site = flaky();
    let daemon = with_a_record(&site, "500ms");
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 1000}"#);
    assert_eq!(daemon.webhook().get("/records").status, 503);
    let operation = [("operation", "records"), ("outcome", "ok")];
    eventually("the listing ends", || {
        (daemon.metric("zonemux_backend_call_duration_seconds_count", &operation) >= 1.0).then_some(())
    });
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().get("/records").status, 200);
    eventually("the next listing", || (listings(&daemon) == 2).then_some(()));
    assert_eq!(daemon.webhook().get("/records").status, 200);
}

#[test]
fn one_begun_before_a_write_is_not_served_after_it() {
    let site = flaky();
    let daemon = with_a_record(&site, "12s");
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 1500}"#);
    // It has read nothing yet: flaky waits first. Whatever it reads, a later call must not be given it.
    let mut before = ask(&daemon);
    daemon.wait_logged("listing begun");
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().post("/records", delete(&["a.example.org"])).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")), [""; 0]);
    assert_eq!(listings(&daemon), 2);
    assert_eq!(before.answer().status, 200);
}

#[test]
fn one_that_was_kept_is_outdated_by_a_write() {
    let site = flaky();
    let daemon = with_a_record(&site, "500ms");
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 1000}"#);
    assert_eq!(daemon.webhook().get("/records").status, 503);
    let operation = [("operation", "records"), ("outcome", "ok")];
    eventually("the listing ends", || {
        (daemon.metric("zonemux_backend_call_duration_seconds_count", &operation) >= 1.0).then_some(())
    });
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().post("/records", create(&["b.example.org"])).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org", "b.example.org"]);
}

#[test]
fn it_ends_with_its_own_limit_and_the_next_call_begins_another() {
    let site = crate::site();
    site.flaky_with("lan", "example.org", "list_timeout = \"1s\"");
    let daemon = with_a_record(&site, "12s");
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["records"]}"#);
    let answer = daemon.webhook().get("/records");
    assert_eq!(answer.status, 503, "{}", answer.shown());
    let line = daemon.wait_logged("backend can't be listed");
    assert!(line["error"].as_str().unwrap().contains("listing took longer than 1s"), "{line}");
    site.misbehave("lan", "healthy");
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
}

#[test]
fn a_part_of_a_list_is_never_served() {
    let site = flaky();
    site.backend("edge", "memory", "example.net", "");
    let daemon = with_a_record(&site, "1s");
    let batch = create(&["b.example.org", "c.example.org", "d.example.net"]);
    assert_eq!(daemon.webhook().post("/records", batch).status, 204);
    for how in ["partial", "partial-panic", "partial-hang", "fail"] {
        site.misbehave("lan", &format!(r#"{{"behaviour": "{how}", "on": ["records"]}}"#));
        let answer = daemon.webhook().get("/records");
        assert_eq!(answer.status, 503, "{how}: {}", answer.shown());
        assert!(!answer.text().contains("example"), "{how}: {}", answer.text());
    }
}
