//! Calls that are in flight while a new generation is put in place.

use zonemux_test_support::{Request, create, eventually, names};

use crate::{flaky, opened, ready, reloaded};

#[test]
fn calls_in_flight_end_on_the_old_generation() {
    let site = flaky();
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 2000}"#);
    let mut waiting = daemon.webhook().send(&Request::get("/records"));
    daemon.wait_logged("listing begun");
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    reloaded(&site);
    site.misbehave("lan", "healthy");
    // The new instance has no records yet; the call asked the old one.
    assert_eq!(names(&daemon.webhook().get("/records")), [""; 0]);
    assert!(daemon.logged("backend of before the reload closed").is_empty());
    assert_eq!(names(&waiting.answer()), ["a.example.org"]);
    eventually("the old instance is closed", || {
        (!daemon.logged("backend of before the reload closed").is_empty()).then_some(())
    });
}

#[test]
fn a_call_that_adjusts_ends_on_the_old_generation() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["adjust"], "delay": 2000}"#);
    let body = r#"[{"dnsName":"a.example.org","recordType":"A","targets":["192.0.2.1"]}]"#;
    let mut waiting = daemon.webhook().send(&Request::post("/adjustendpoints", body));
    // A listing after it shows that the call has been read.
    assert_eq!(daemon.webhook().get("/records").status, 200);
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    reloaded(&site);
    assert_eq!(waiting.answer().status, 200);
}

#[test]
fn a_keep_alive_connection_survives() {
    let site = flaky();
    let daemon = ready(&site);
    let mut pooled = daemon.webhook().connect().unwrap();
    for round in 0..3 {
        pooled.send(&Request::get("/records"));
        let answer = pooled.answer();
        assert_eq!((answer.status, answer.header("connection")), (200, None));
        site.flaky_with("lan", "example.org", &format!("timeout = \"{}s\"", round + 5));
        reloaded(&site);
    }
    pooled.send(&Request::get("/records"));
    assert_eq!(pooled.answer().status, 200);
    assert_eq!(opened(&daemon, "lan"), 4);
}

#[test]
fn limits_of_calls_are_those_of_the_new_configuration() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["records"]}"#);
    site.layer("deadline", "[webhook]\ndeadline = \"300ms\"\nmax_body = \"1KiB\"");
    reloaded(&site);
    assert_eq!(daemon.webhook().get("/records").status, 503);
    let names: Vec<String> = (0..100).map(|number| format!("{number}.example.org")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(daemon.webhook().post("/records", create(&names)).status, 413);
}
