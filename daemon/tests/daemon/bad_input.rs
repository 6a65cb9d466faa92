//! Records that are wrong in themselves: a call in the right form never gets a 4xx for its data, and one
//! bad record does not sink the others.

use serde_json::{Value, json};
use zonemux_test_support::{Daemon, names, record};

use crate::{memory, ready};

/// Posts the bad records together with a good one, whose name tells the posts apart.
fn post_with_a_good_one(daemon: &Daemon, good: &str, bad: Vec<Value>) {
    let mut create = vec![record(good)];
    create.extend(bad);
    let answer = daemon.webhook().post("/records", json!({ "create": create }));
    assert_eq!(answer.status, 204, "{}", answer.shown());
    let listed = names(&daemon.webhook().get("/records"));
    assert!(listed.iter().any(|name| name == good), "{good} in {listed:?}");
}

#[test]
fn names_that_are_none_are_refused_and_the_others_applied() {
    let daemon = ready(&memory());
    let label = "x".repeat(64);
    let long = format!("{}example.org", "label-of-16-byte.".repeat(15));
    let bad = [
        "a..example.org",
        ".example.org",
        &format!("{label}.example.org"),
        &long,
        "tab\t.example.org",
        "nul\0.example.org",
        "new\nline.example.org",
        "",
        ".",
        "org",
    ];
    post_with_a_good_one(&daemon, "good.example.org", bad.iter().map(|name| record(name)).collect());
    assert_eq!(names(&daemon.webhook().get("/records")), ["good.example.org"]);
    let counted = daemon.metric("zonemux_changes_total", &[("outcome", "refused")]);
    assert!((counted - 10.0).abs() < f64::EPSILON, "{counted}");
    // A log line stays one line, whatever a name holds.
    assert_eq!(daemon.logged("change refused").len(), 10);
}

#[test]
fn case_and_trailing_dots_make_no_other_name() {
    let daemon = ready(&memory());
    post_with_a_good_one(
        &daemon,
        "www.example.org",
        vec![record("MAIL.Example.ORG."), record("wWw.eXample.org.")],
    );
    let listed = names(&daemon.webhook().get("/records"));
    assert_eq!(listed.len(), 2, "{listed:?}");
}

#[test]
fn ttls_that_are_none_do_not_break_a_list() {
    let daemon = ready(&memory());
    let ttls = [
        json!(-1),
        json!(0),
        json!(2_147_483_647_i64),
        json!(2_147_483_648_i64),
        json!(i64::MIN),
        json!(null),
    ];
    let bad = ttls.iter().enumerate().map(|(index, ttl)| {
        let mut record = record(&format!("ttl-{index}.example.org"));
        record["recordTTL"] = ttl.clone();
        record
    });
    post_with_a_good_one(&daemon, "good.example.org", bad.collect());
    for endpoint in daemon.webhook().get("/records").json().as_array().unwrap() {
        let ttl = &endpoint["recordTTL"];
        assert!(ttl.is_null() || ttl.as_u64().is_some_and(|ttl| ttl <= 2_147_483_647), "{endpoint}");
    }
}

#[test]
fn endpoints_without_the_rest_are_refused_and_adjusted_as_they_came() {
    let daemon = ready(&memory());
    let odd =
        vec![json!({}), json!({ "dnsName": "a.example.org" }), json!({ "recordType": "A" }), json!(null)];
    let answer = daemon.webhook().post("/adjustendpoints", json!(odd));
    assert_eq!(answer.status, 200, "{}", answer.shown());
    assert!(!answer.text().contains("null"), "{}", answer.text());
    post_with_a_good_one(&daemon, "good.example.org", odd);
    assert_eq!(names(&daemon.webhook().get("/records")), ["good.example.org"]);
}

#[test]
fn after_what_is_not_the_protocol_it_still_serves() {
    let daemon = ready(&memory());
    let deep = format!("{{\"create\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, status) in
        [("{", 400), ("", 400), ("[]", 400), ("{\"create\":[{\"dnsName\":7}]}", 400), (&*deep, 400)]
    {
        let answer = daemon.webhook().post("/records", body);
        assert_eq!(answer.status, status, "{}", answer.shown());
        post_with_a_good_one(&daemon, "good.example.org", Vec::new());
    }
}
