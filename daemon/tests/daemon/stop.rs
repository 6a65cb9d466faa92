//! The end: not ready at once, running applies finished, everything else answered.

use std::time::Instant;

use zonemux_test_support::{Connection, Daemon, Request, Signal, Site, Target, create, eventually, names};

use crate::{flaky, ready, site};

/// A daemon in the middle of an apply to `lan`, with the connection that waits for it.
fn applying(site: &Site, how: &str) -> (Daemon, Connection) {
    let daemon = ready(site);
    site.misbehave("lan", how);
    let waiting = daemon.webhook().send(&Request::post("/records", create(&["a.example.org"])));
    daemon.wait_logged("batch begun");
    (daemon, waiting)
}

#[test]
fn a_running_apply_finishes_while_new_calls_are_refused() {
    let site = site();
    site.flaky("lan", "example.org");
    site.backend("edge", "memory", "example.net", &format!("file = \"{}\"", site.path("records").display()));
    let (daemon, mut waiting) = applying(&site, r#"{"behaviour": "late", "on": ["apply"], "delay": 2000}"#);
    let mut pooled = daemon.webhook().connect().unwrap();
    pooled.send(&Request::get("/"));
    assert_eq!(pooled.answer().header("connection"), None);

    daemon.signal(Signal::TERM);
    eventually("it is not ready any more", || (daemon.admin().get("/readyz").status == 503).then_some(()));
    assert!(daemon.admin().get("/readyz").text().starts_with("zonemux: stopping\n"));
    assert!(daemon.admin().get("/status").text().contains("\"stopping\": true"));
    // On a connection that was there, and on a new one.
    pooled.send(&Request::post("/records", create(&["b.example.net"])));
    let fresh = daemon.webhook().get("/records");
    for refused in [pooled.answer(), fresh] {
        assert_eq!(
            (refused.status, refused.header("connection")),
            (503, Some("close")),
            "{}",
            refused.shown()
        );
        assert!(refused.text().contains("zonemux is stopping"), "{}", refused.text());
    }
    assert!(pooled.is_closed());
    assert_eq!(daemon.webhook().get("/healthz").status, 200);

    let applied = waiting.answer();
    assert_eq!((applied.status, applied.header("connection")), (204, Some("close")));
    let stopped = daemon.wait();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert!(stopped.stderr.contains("\"message\":\"stopped\",\"complete\":true"), "{}", stopped.stderr);
}

#[test]
fn an_apply_whose_client_has_gone_is_waited_for() {
    let site = site();
    let control = site.path("lan.control");
    let settings =
        format!("control = \"{}\"\nfile = \"{}\"", control.display(), site.path("records").display());
    site.backend("lan", "flaky", "example.org", &settings);
    let (daemon, waiting) = applying(&site, r#"{"behaviour": "late", "on": ["apply"], "delay": 1000}"#);
    drop(waiting);
    let stopped = daemon.stop();
    assert_eq!(stopped.code, Some(0));
    assert!(stopped.stderr.contains("batch done"), "{}", stopped.stderr);

    site.misbehave("lan", "healthy");
    assert_eq!(names(&ready(&site).webhook().get("/records")), ["a.example.org"]);
}

#[test]
fn when_the_grace_is_over_it_ends_all_the_same() {
    let site = flaky();
    site.layer("grace", "[shutdown]\ngrace = \"1s\"");
    let (daemon, mut waiting) = applying(&site, r#"{"behaviour": "hang", "on": ["apply"]}"#);
    let begun = Instant::now();
    let stopped = daemon.stop();
    let took = begun.elapsed();
    assert_eq!(stopped.code, Some(0));
    assert!((1..10).contains(&took.as_secs()), "{took:?}");
    assert!(stopped.stderr.contains("an apply had not ended"), "{}", stopped.stderr);
    // Its end is not known; a connection that breaks off would end ExternalDNS.
    assert_eq!(waiting.answer().status, 503);
}

#[test]
fn a_call_that_adjusts_is_answered_before_the_end() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["adjust"], "delay": 2500}"#);
    let body = r#"[{"dnsName":"a.example.org","recordType":"A","targets":["192.0.2.1"]}]"#;
    let mut waiting = daemon.webhook().send(&Request::post("/adjustendpoints", body));
    std::thread::sleep(std::time::Duration::from_millis(500));
    let stopped = daemon.stop();
    assert_eq!(stopped.code, Some(0));
    assert_eq!(waiting.answer().status, 200, "{}", stopped.stderr);
}

#[test]
fn a_plugin_that_blocks_its_thread_does_not_keep_the_process() {
    let site = flaky();
    site.layer("grace", "[shutdown]\ngrace = \"1s\"");
    let (daemon, _waiting) = applying(&site, r#"{"behaviour": "block"}"#);
    let begun = Instant::now();
    assert_eq!(daemon.stop().code, Some(0));
    let took = begun.elapsed();
    assert!(took.as_secs() < 10, "{took:?}");
}

#[test]
fn a_listing_that_hangs_is_not_waited_for() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["records"]}"#);
    let mut waiting = daemon.webhook().send(&Request::get("/records"));
    daemon.wait_logged("listing begun");
    let begun = Instant::now();
    let stopped = daemon.stop();
    let took = begun.elapsed();
    assert_eq!(stopped.code, Some(0));
    assert!(took.as_secs() < 10, "the default grace is 25 s: {took:?}");
    assert!(stopped.stderr.contains("\"complete\":true"), "no apply was running: {}", stopped.stderr);
    // A list can be asked for again: better a word than a broken connection.
    assert_eq!(waiting.answer().status, 503);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let site = flaky();
    let (daemon, _waiting) = applying(&site, r#"{"behaviour": "hang", "on": ["apply"]}"#);
    daemon.signal(Signal::TERM);
    daemon.wait_logged("stopping");
    let begun = Instant::now();
    daemon.signal(Signal::INT);
    let ended = daemon.wait();
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("second signal"), "{}", ended.stderr);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn interrupt_ends_it_as_well_and_sockets_go_with_it() {
    let site = flaky();
    let daemon = ready(&site);
    daemon.signal(Signal::INT);
    assert_eq!(daemon.wait().code, Some(0));
    for socket in ["webhook.sock", "control.sock"] {
        assert!(Target::Unix(site.path(socket)).connect().is_err());
        assert!(!site.path(socket).exists(), "{socket}");
    }
}

#[test]
fn a_plugin_that_fails_to_close_does_not_hold_it_up() {
    for how in ["panic", "hang", "fail", "panic-value"] {
        let site = flaky();
        let daemon = ready(&site);
        site.misbehave("lan", &format!(r#"{{"behaviour": "{how}", "on": ["close", "drop"]}}"#));
        let begun = Instant::now();
        assert_eq!(daemon.stop().code, Some(0), "{how}");
        assert!(begun.elapsed().as_secs() < 10, "{how}: {:?}", begun.elapsed());
    }
}
