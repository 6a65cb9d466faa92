//! A plugin that panics, wherever it does: an error of that call, told with file and line, and the next
//! call works.

use serde_json::json;
use zonemux_test_support::{Answer, Daemon, create, names, record};

use crate::{flaky, ready};

/// Where the panic was, as the log tells it.
fn is_told(daemon: &Daemon, message: &str, operation: &str) {
    let line = daemon.wait_logged(message);
    let error = line["error"].as_str().unwrap();
    assert!(
        error.contains(&format!("the plugin panicked: panicked on command, in {operation} at ")),
        "{line}"
    );
    assert!(error.contains("backend.rs:"), "{line}");
    assert_eq!(line["kind"], "panic", "{line}");
}

/// A client is told which backend, and none of its words.
fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.shown());
    assert!(
        answer.text().contains("`lan` unavailable") && !answer.text().contains("panic"),
        "{}",
        answer.text()
    );
}

#[test]
fn while_listing() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "panic", "on": ["records"]}"#);
    is_unavailable(&daemon.webhook().get("/records"));
    is_told(&daemon, "backend can't be listed", "records");
    site.misbehave("lan", "healthy");
    assert_eq!(names(&daemon.webhook().get("/records")), [""; 0]);
    daemon.wait_logged("backend works again");
}

#[test]
fn while_applying() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "panic", "on": ["apply"]}"#);
    is_unavailable(&daemon.webhook().post("/records", create(&["a.example.org"])));
    is_told(&daemon, "batch failed", "apply");
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
}

#[test]
fn while_adjusting() {
    let site = flaky();
    // Whether it adjusts at all is asked when it is opened.
    site.misbehave("lan", r#"{"behaviour": "panic", "on": ["adjust"]}"#);
    let daemon = ready(&site);
    let endpoints = json!([record("a.example.org")]);
    is_unavailable(&daemon.webhook().post("/adjustendpoints", &endpoints));
    is_told(&daemon, "call failed", "adjust");
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().post("/adjustendpoints", &endpoints).json(), endpoints);
}

#[test]
fn while_opening_it_is_opened_again() {
    let site = flaky();
    site.misbehave("lan", r#"{"behaviour": "panic", "on": ["open"]}"#);
    let daemon = site.start();
    daemon.wait_state("lan", "down");
    let line = daemon.wait_logged("backend can't be opened");
    assert!(line["error"].as_str().unwrap().contains("panicked on command, in open at "), "{line}");
    assert_eq!(daemon.webhook().get("/records").status, 503);
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.wait_ready().webhook().get("/records").status, 200);
}

#[test]
fn while_closing_and_being_dropped() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "panic", "on": ["close", "drop"]}"#);
    let stopped = daemon.stop();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert!(stopped.stderr.contains("panicked on command, in close at "), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("\"message\":\"stopped\""), "{}", stopped.stderr);
}

#[test]
fn while_checking_settings_it_is_a_fault_of_them() {
    let site = flaky();
    site.misbehave("lan", r#"{"behaviour": "panic", "on": ["validate"]}"#);
    for command in ["check", "serve"] {
        let refused = site.run(&[command]);
        assert_eq!(refused.code, Some(78), "{command}: {refused:?}");
        assert!(refused.stderr.contains("`backends.lan.settings`: "), "{}", refused.stderr);
        assert!(refused.stderr.contains("panicked on command, in validate at "), "{}", refused.stderr);
    }
}

#[test]
fn with_a_value_that_panics_when_it_is_dropped() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", "panic-value");
    is_unavailable(&daemon.webhook().get("/records"));
    is_unavailable(&daemon.webhook().post("/records", create(&["a.example.org"])));
    let line = daemon.wait_logged("batch failed");
    assert!(line["error"].as_str().unwrap().contains("a value that is not text at "), "{line}");
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().get("/records").status, 200);
}

#[test]
fn in_a_task_of_its_own() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", "panic-task");
    is_unavailable(&daemon.webhook().get("/records"));
    let line = daemon.wait_logged("backend can't be listed");
    assert!(line["error"].as_str().unwrap().contains("panicked"), "{line}");
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().get("/records").status, 200);
}

#[test]
fn half_way() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "partial-panic", "on": ["apply"]}"#);
    is_unavailable(&daemon.webhook().post("/records", create(&["a.example.org", "b.example.org"])));
    let line = daemon.wait_logged("batch failed");
    assert!(line["message"].as_str().unwrap().contains("not known until the next list"), "{line}");
    site.misbehave("lan", "healthy");
    assert_eq!(names(&daemon.webhook().get("/records")).len(), 1, "the next list tells");
}
