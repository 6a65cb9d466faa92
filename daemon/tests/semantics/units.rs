//! A record and its ownership TXT, and what replaces what at a name, stand or fall together.

use serde_json::json;

use crate::{calls, create, endpoint, listed, owned, ownership, post, ready, site};

#[test]
fn a_record_that_is_refused_leaves_no_ownership_txt_to_claim_its_name() {
    for settings in ["atomic_units = true", "atomic_units = false"] {
        // The backend refuses the record, and has nothing against its TXT.
        let site = site("", settings);
        let daemon = ready(&site);
        site.misbehave("lan", r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad", "type": "A"}"#);
        let records = [owned("bad.example.org"), owned("good.example.org")].concat();
        assert_eq!(create(&daemon, &records), 204);
        assert_eq!(listed(&daemon), ["a-good.example.org TXT owned", "good.example.org A 192.0.2.1"]);
    }
}

#[test]
fn a_retype_whose_create_is_refused_keeps_the_old_record() {
    for settings in ["atomic_units = true", "atomic_units = false"] {
        let site = site("", settings);
        let daemon = ready(&site);
        assert_eq!(create(&daemon, &owned("bad.example.org")), 204);
        let before = listed(&daemon);
        site.misbehave("lan", r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad", "type": "CNAME"}"#);
        let retype = json!({
            "delete": owned("bad.example.org"),
            "create": [endpoint("bad.example.org", "CNAME", "web.example.net"), ownership("bad.example.org", "CNAME")],
        });
        assert_eq!(post(&daemon, &retype), 204);
        assert_eq!(listed(&daemon), before, "{settings}");
    }
}

#[test]
fn one_bad_record_among_many_is_found_by_halving_where_the_backend_refuses_the_whole() {
    let site = site("", "");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "refuse-batch", "on": ["apply"], "match": "bad"}"#);
    let mut records = crate::many("good", 63);
    records.extend(owned("bad.example.org"));
    assert_eq!(create(&daemon, &records), 204);
    assert_eq!(listed(&daemon).len(), 63 * 2);
    // 64 units: the whole, then two halves at each of six levels; once more without the TXT.
    let applies = calls(&site, "apply").len();
    assert!(applies <= 1 + 2 * 6 + 1, "{applies}");
}

#[test]
fn what_is_true_already_costs_the_backend_nothing() {
    let site = site("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    listed(&daemon);
    let applies = calls(&site, "apply").len();
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    assert_eq!(post(&daemon, &json!({ "delete": owned("never.example.org") })), 204);
    assert_eq!(calls(&site, "apply").len(), applies);
    // Only what is not true yet is sent.
    let more = [owned("www.example.org"), owned("new.example.org")].concat();
    assert_eq!(create(&daemon, &more), 204);
    assert_eq!(calls(&site, "apply").last().unwrap(), "apply 2");
}

#[test]
fn a_conflict_with_what_is_held_is_no_fault_of_the_record() {
    let site = site("guards = { max_deletes = 0 }", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[endpoint("bad.example.org", "A", "192.0.2.1")]), 204);
    listed(&daemon);
    site.misbehave("lan", r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad"}"#);
    // In one batch with a delete at the same name that is held, in another set: another unit.
    let mut other = endpoint("bad.example.org", "A", "192.0.2.7");
    other["setIdentifier"] = "north".into();
    let batch = json!({
        "delete": [endpoint("bad.example.org", "A", "192.0.2.1")],
        "create": [other],
    });
    assert_eq!(post(&daemon, &batch), 503);
    assert_eq!(daemon.metric("zonemux_quarantined_records", &[("reason", "permanent")]), 0.0);
    assert_eq!(listed(&daemon), ["bad.example.org A 192.0.2.1"]);
}
