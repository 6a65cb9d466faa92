//! Records that a backend refuses for their own sake.

use zonemux_test_support::eventually;

use crate::{calls, create, endpoint, listed, owned, ready, site};

const REFUSES: &str = r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad"}"#;

#[test]
fn a_refused_record_costs_no_request_until_it_changes_and_survives_a_restart() {
    let site = site("", "");
    let daemon = ready(&site);
    site.misbehave("lan", REFUSES);
    let records = [owned("bad.example.org"), owned("good.example.org")].concat();
    assert_eq!(create(&daemon, &records), 204);
    assert_eq!(listed(&daemon).len(), 2);
    let applies = calls(&site, "apply").len();
    for _ in 0..3 {
        listed(&daemon);
        assert_eq!(create(&daemon, &owned("bad.example.org")), 204);
    }
    assert_eq!(calls(&site, "apply").len(), applies);
    assert_eq!(daemon.metric("zonemux_quarantined_records", &[("reason", "permanent")]), 1.0);
    daemon.stop();

    let daemon = ready(&site);
    listed(&daemon);
    assert_eq!(create(&daemon, &owned("bad.example.org")), 204);
    assert_eq!(calls(&site, "apply").len(), applies);
    // Another state of the record is tried at once.
    site.misbehave("lan", "healthy");
    assert_eq!(create(&daemon, &[endpoint("bad.example.org", "A", "192.0.2.99")]), 204);
    assert!(listed(&daemon).contains(&"bad.example.org A 192.0.2.99".to_owned()));
    assert_eq!(daemon.metric("zonemux_quarantined_records", &[("reason", "permanent")]), 0.0);
}

#[test]
fn a_refused_record_is_tried_again_when_its_time_comes() {
    let site = site("quarantine = { retry = \"1s\" }", "");
    let daemon = ready(&site);
    site.misbehave("lan", REFUSES);
    assert_eq!(create(&daemon, &owned("bad.example.org")), 204);
    site.misbehave("lan", "healthy");
    eventually("it is tried again", || {
        assert_eq!(create(&daemon, &owned("bad.example.org")), 204);
        (listed(&daemon).len() == 2).then_some(())
    });
    assert_eq!(daemon.metric("zonemux_quarantined_records", &[("reason", "permanent")]), 0.0);
}

#[test]
fn what_a_list_shows_as_it_was_wished_is_no_longer_set_aside() {
    let site = site("", "");
    let daemon = ready(&site);
    site.misbehave("lan", REFUSES);
    assert_eq!(create(&daemon, &[endpoint("bad.example.org", "A", "192.0.2.1")]), 204);
    assert_eq!(daemon.metric("zonemux_quarantined_records", &[("reason", "permanent")]), 1.0);
    daemon.stop();
    // Somebody else writes it.
    let other = crate::site("", "");
    let at_other = ready(&other);
    assert_eq!(create(&at_other, &[endpoint("bad.example.org", "A", "192.0.2.1")]), 204);
    at_other.stop();
    std::fs::copy(other.path("lan.records"), site.path("lan.records")).unwrap();
    let daemon = ready(&site);
    assert_eq!(listed(&daemon), ["bad.example.org A 192.0.2.1"]);
    eventually("it is seen", || {
        (daemon.metric("zonemux_quarantined_records", &[("reason", "permanent")]) == 0.0).then_some(())
    });
}
