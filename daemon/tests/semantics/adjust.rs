//! Adjusting is a function of endpoints, settings and capabilities, the backend's health is not among
//! them.

use serde_json::json;
use zonemux_test_support::eventually;

use crate::{endpoint, ready, site};

#[test]
fn a_backend_that_is_down_after_a_restart_adjusts_as_it_did_before() {
    let site = site("", "min_ttl = 600\nrecord_types = [\"A\", \"CNAME\"]");
    let daemon = ready(&site);
    let wished = json!([
        endpoint("www.example.org", "A", "192.0.2.1"),
        endpoint("m.example.org", "MX", "10 a.example.net")
    ]);
    let adjusted = daemon.webhook().post("/adjustendpoints", &wished);
    assert_eq!(adjusted.json()[0]["recordTTL"], 600);
    assert_eq!(adjusted.json().as_array().unwrap().len(), 1);
    eventually("what it can do is stored", || {
        site.path("state/control/lan/capabilities").exists().then_some(())
    });
    daemon.stop();
    site.misbehave("lan", r#"{"behaviour": "fail", "on": ["open"]}"#);
    let daemon = site.start();
    daemon.wait_state("lan", "down");
    assert_eq!(daemon.webhook().post("/adjustendpoints", &wished).json(), adjusted.json());
}

#[test]
fn of_a_backend_that_was_never_open_nothing_is_adjusted() {
    let site = site("", "");
    site.misbehave("lan", r#"{"behaviour": "fail", "on": ["open"]}"#);
    let daemon = site.start();
    daemon.wait_state("lan", "down");
    let wished = json!([endpoint("www.example.org", "A", "192.0.2.1")]);
    assert_eq!(daemon.webhook().post("/adjustendpoints", &wished).status, 503);
}
