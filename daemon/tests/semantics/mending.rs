//! After a crash, or an answer that was lost in the middle of an apply.

use serde_json::json;
use zonemux_test_support::eventually;

use crate::{calls, create, endpoint, listed, owned, ownership, post, ready, site};

#[test]
fn a_create_that_broke_off_after_its_txt_is_finished() {
    let site = site("", "atomic_units = false");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "half", "on": ["apply"], "match": "www"}"#);
    assert_eq!(create(&daemon, &owned("www.example.org")), 503);
    site.misbehave("lan", "healthy");
    // ExternalDNS leaves a listed TXT out of its next create: the record is ours to finish.
    assert_eq!(listed(&daemon), ["a-www.example.org TXT owned", "www.example.org A 192.0.2.1"]);
}

#[test]
fn a_delete_that_broke_off_after_its_record_leaves_no_txt_behind() {
    let site = site("guards = { max_deletes = \"none\" }", "atomic_units = false");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    listed(&daemon);
    site.misbehave("lan", r#"{"behaviour": "half", "on": ["apply"], "match": "www"}"#);
    assert_eq!(post(&daemon, &json!({ "delete": owned("www.example.org") })), 503);
    site.misbehave("lan", "healthy");
    // ExternalDNS never repeats the delete of a TXT whose record is gone.
    assert_eq!(listed(&daemon), Vec::<String>::new());
}

#[test]
fn a_process_that_ended_in_the_middle_of_a_unit_mends_it_when_it_is_back() {
    // Inline, so that the plugin takes the daemon along.
    let site = site("isolation = \"inline\"", "atomic_units = false");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    listed(&daemon);
    site.misbehave("lan", r#"{"behaviour": "half-abort", "on": ["apply"], "match": "www"}"#);
    let retype = json!({
        "delete": owned("www.example.org"),
        "create": [endpoint("www.example.org", "CNAME", "web.example.net"), ownership("www.example.org", "CNAME")],
    });
    let mut connection = daemon.webhook().connect().unwrap();
    connection.send(&zonemux_test_support::Request::post("/records", &retype));
    assert!(connection.try_answer().is_err(), "the process has gone");
    drop(daemon);
    site.misbehave("lan", "healthy");
    let daemon = ready(&site);
    daemon.wait_logged("an apply had not ended when zonemux did; its outcome is read from the next list");
    let after = listed(&daemon);
    let (old, new) = (
        ["a-www.example.org TXT owned", "www.example.org A 192.0.2.1"],
        ["cname-www.example.org TXT owned", "www.example.org CNAME web.example.net"],
    );
    assert!(after == old || after == new, "{after:?}");
    // And it is known now: the next apply needs no list.
    let lists = calls(&site, "records").len();
    assert_eq!(create(&daemon, &owned("other.example.org")), 204);
    assert_eq!(calls(&site, "records").len(), lists);
}

#[test]
fn an_apply_of_unknown_outcome_is_never_replayed_but_read_from_the_list() {
    let site = site("", "");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "partial", "on": ["apply"]}"#);
    assert_eq!(create(&daemon, &crate::many("www", 4)), 503);
    let applies = calls(&site, "apply").len();
    site.misbehave("lan", "healthy");
    let after = listed(&daemon);
    assert_eq!(after.len(), 4, "every other unit was applied: {after:?}");
    assert_eq!(calls(&site, "apply").len(), applies, "nothing is written that nobody asked for again");
    assert_eq!(create(&daemon, &crate::many("www", 4)), 204);
    assert_eq!(calls(&site, "apply").last().unwrap(), "apply 4", "only what is not there yet");
}

#[test]
fn a_backend_that_is_unconfirmed_is_listed_before_it_is_written_again() {
    let site = site("", "");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "partial", "on": ["apply"]}"#);
    assert_eq!(create(&daemon, &owned("www.example.org")), 503);
    assert!(site.path("state/control/lan/unconfirmed").exists());
    // While it can't be listed nothing is written.
    site.misbehave("lan", r#"{"behaviour": "fail", "on": ["records"]}"#);
    let applies = calls(&site, "apply").len();
    assert_eq!(create(&daemon, &owned("other.example.org")), 503);
    assert_eq!(calls(&site, "apply").len(), applies);
    site.misbehave("lan", "healthy");
    assert_eq!(create(&daemon, &owned("other.example.org")), 204);
    eventually("the mark is gone", || (!site.path("state/control/lan/unconfirmed").exists()).then_some(()));
}

#[test]
fn a_half_that_the_backend_will_not_finish_is_undone_and_freezes_nothing() {
    let site = site("", "atomic_units = false");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "half", "on": ["apply"], "match": "www"}"#);
    assert_eq!(create(&daemon, &owned("www.example.org")), 503);
    // Its TXT is there, and the record is refused.
    site.misbehave("lan", r#"{"behaviour": "refuse", "on": ["apply"], "match": "www", "type": "A"}"#);
    assert_eq!(listed(&daemon), Vec::<String>::new());
    assert_eq!(create(&daemon, &owned("other.example.org")), 204);
    assert_eq!(listed(&daemon).len(), 2);
}

#[test]
fn nothing_is_mended_while_nothing_may_be_written() {
    let site = site("", "atomic_units = false");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "half", "on": ["apply"], "match": "www"}"#);
    assert_eq!(create(&daemon, &owned("www.example.org")), 503);
    site.misbehave("lan", "healthy");
    daemon.stop();
    let applies = calls(&site, "apply").len();
    for brake in ["read_only", "dry_run"] {
        site.layer("zz-brake", &format!("[backends.lan]\nguards = {{ {brake} = true }}"));
        let daemon = ready(&site);
        assert_eq!(listed(&daemon), ["a-www.example.org TXT owned"], "{brake}");
        assert_eq!(calls(&site, "apply").len(), applies, "{brake}");
        daemon.stop();
    }
    site.layer("zz-brake", "");
    assert_eq!(listed(&ready(&site)).len(), 2);
}
