//! Ownership TXT where the backend can't hold them.

use serde_json::json;

use crate::{calls, create, endpoint, journalled, listed, owned, ownership, post, ready, site};

const NO_TXT: &str = r#"{"behaviour": "refuse-txt", "on": ["apply"]}"#;

#[test]
fn a_txt_that_the_backend_refuses_is_kept_and_listed_beside_its_record() {
    for settings in ["", "atomic_units = false", "record_types = [\"A\", \"CNAME\"]"] {
        let site = site("guards = { max_deletes = \"none\" }", settings);
        let daemon = ready(&site);
        if !settings.starts_with("record_types") {
            site.misbehave("lan", NO_TXT);
        }
        let both = ["*.wild.example.org A 192.0.2.1", "a-*.wild.example.org TXT owned"];
        assert_eq!(create(&daemon, &owned("*.wild.example.org")), 204, "{settings}");
        assert_eq!(listed(&daemon), both, "{settings}");
        daemon.stop();
        let daemon = ready(&site);
        assert_eq!(listed(&daemon), both, "{settings}");
        // Nothing is asked of the backend for what is there.
        let applies = calls(&site, "apply").len();
        assert_eq!(create(&daemon, &owned("*.wild.example.org")), 204);
        assert_eq!(calls(&site, "apply").len(), applies);
        assert_eq!(post(&daemon, &json!({ "delete": owned("*.wild.example.org") })), 204);
        assert_eq!(listed(&daemon), Vec::<String>::new(), "{settings}");
        assert_eq!(create(&daemon, &[endpoint("*.wild.example.org", "A", "192.0.2.1")]), 204);
        assert_eq!(listed(&daemon), [both[0]], "deleted with its record, and not shown for another");
    }
}

#[test]
fn a_users_own_txt_that_is_refused_is_not_kept() {
    let site = site("", "");
    let daemon = ready(&site);
    site.misbehave("lan", NO_TXT);
    assert_eq!(create(&daemon, &[endpoint("text.example.org", "TXT", "\"v=spf1 -all\"")]), 204);
    assert_eq!(listed(&daemon), Vec::<String>::new());
    assert_eq!(journalled(&site, &daemon, "text.example.org"), ["quarantined"]);
}

#[test]
fn the_txt_of_a_zones_apex_that_lies_outside_the_zone_is_kept() {
    let site = site("guards = { max_deletes = \"none\" }", "");
    let daemon = ready(&site);
    let apex = [endpoint("example.org", "A", "192.0.2.1"), ownership("example.org", "A")];
    assert_eq!(create(&daemon, &apex), 204);
    assert_eq!(listed(&daemon), ["a-example.org TXT owned", "example.org A 192.0.2.1"]);
    assert_eq!(calls(&site, "apply"), ["apply 1"], "a name outside its zones is never sent to it");
    assert_eq!(post(&daemon, &json!({ "delete": apex })), 204);
    assert_eq!(listed(&daemon), Vec::<String>::new());
}

#[test]
fn one_way_can_be_forced() {
    let site = site("ownership = \"virtual\"", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    assert_eq!(calls(&site, "apply"), ["apply 1"]);
    assert_eq!(listed(&daemon).len(), 2);
    daemon.stop();

    let site = crate::site("ownership = \"native\"", "");
    let daemon = ready(&site);
    site.misbehave("lan", NO_TXT);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    assert_eq!(listed(&daemon), Vec::<String>::new(), "a record without its owner is not written");
}

#[test]
fn a_txt_that_the_backend_has_stays_there_when_others_are_kept() {
    let site = site("guards = { max_deletes = \"none\" }", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    daemon.stop();
    site.layer("virtual", "[backends.lan]\nownership = \"virtual\"");
    let daemon = ready(&site);
    assert_eq!(listed(&daemon).len(), 2);
    let mut other = ownership("www.example.org", "A");
    other["targets"][0] = "\"heritage=external-dns,external-dns/owner=me\"".into();
    let update = json!({ "updateOld": [ownership("www.example.org", "A")], "updateNew": [other] });
    assert_eq!(post(&daemon, &update), 204);
    assert_eq!(listed(&daemon).len(), 2, "listed once");
    assert_eq!(post(&daemon, &json!({ "delete": owned("www.example.org") })), 204);
    assert_eq!(listed(&daemon), Vec::<String>::new());
}
