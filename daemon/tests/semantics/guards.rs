//! What is not let through.

use serde_json::{Value, json};
use zonemux_test_support::eventually;

use crate::{calls, create, endpoint, journalled, listed, many, owned, ownership, post, ready, site};

#[test]
fn deletes_beyond_the_limit_are_held_and_the_rest_of_the_batch_is_applied() {
    let site = site("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &many("www", 10)), 204);
    listed(&daemon);
    let batch = json!({ "delete": many("www", 4), "create": owned("new.example.org") });
    assert_eq!(post(&daemon, &batch), 503);
    let lines = listed(&daemon);
    assert_eq!(lines.len(), 22, "{lines:?}");
    assert_eq!(daemon.metric("zonemux_guard_held", &[("backend", "lan"), ("guard", "max_deletes")]), 4.0);
    let told = daemon.wait_logged("deletes are held");
    assert_eq!(told["hint"], "`zonemux release lan` lets them through for 24 hours");
    // ExternalDNS asks again each loop.
    assert_eq!(post(&daemon, &json!({ "delete": many("www", 4) })), 503);
    // Three of eleven are below 30 %.
    assert_eq!(post(&daemon, &json!({ "delete": many("www", 3) })), 204);
    assert_eq!(listed(&daemon).len(), 16);
}

#[test]
fn a_retype_is_no_delete_and_an_ownership_txt_does_not_count() {
    let site = site("guards = { max_deletes = 0 }", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &many("www", 10)), 204);
    listed(&daemon);
    let cname = |name: &str| [endpoint(name, "CNAME", "web.example.net"), ownership(name, "CNAME")];
    let names = ["www0.example.org", "www1.example.org"];
    let batch = json!({
        "delete": names.iter().flat_map(|name| owned(name)).collect::<Vec<Value>>(),
        "create": names.iter().flat_map(|name| cname(name)).collect::<Vec<Value>>(),
    });
    assert_eq!(post(&daemon, &batch), 204);
    assert!(listed(&daemon).contains(&"www0.example.org CNAME web.example.net".to_owned()));
}

#[test]
fn an_ownership_txt_that_is_encrypted_does_not_raise_the_limit() {
    let site = site("", "");
    let daemon = ready(&site);
    let encrypted = |name: &str| {
        let mut txt = ownership(name, "A");
        txt["targets"] = json!([format!("\"{}\"", "kPq0eXAmPlE+".repeat(9))]);
        [endpoint(name, "A", "192.0.2.1"), txt]
    };
    let records: Vec<Value> =
        (0..10).flat_map(|index| encrypted(&format!("www{index}.example.org"))).collect();
    assert_eq!(create(&daemon, &records), 204);
    listed(&daemon);
    // Four of ten, and not of twenty, are more than 30 %. A client by hand sends no labels.
    let mut unlabelled = records[..8].to_vec();
    for record in &mut unlabelled {
        record["labels"] = json!({});
    }
    for deletes in [&records[..8], &unlabelled] {
        assert_eq!(post(&daemon, &json!({ "delete": deletes })), 503);
        assert_eq!(listed(&daemon).len(), 20, "a TXT is held with its record");
    }
    assert_eq!(post(&daemon, &json!({ "delete": unlabelled[..6] })), 204);
    assert_eq!(listed(&daemon).len(), 14);
}

#[test]
fn without_a_complete_list_deletes_are_held() {
    let site = site("breaker = { failures = 1000 }", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    site.misbehave("lan", r#"{"behaviour": "fail", "on": ["records"]}"#);
    let batch = json!({ "delete": owned("www.example.org"), "create": owned("new.example.org") });
    assert_eq!(post(&daemon, &batch), 503);
    site.misbehave("lan", "healthy");
    assert_eq!(listed(&daemon).len(), 4, "the create was done, the delete was not");
}

#[test]
fn each_zone_is_counted_alone() {
    let site = site("guards = { max_deletes = 2 }", "");
    site.layer("zones", "[backends.lan]\nzones = [\"example.org\", \"example.net\"]");
    let daemon = ready(&site);
    let in_zone = |zone: &str| -> Vec<Value> {
        (0..4).map(|index| endpoint(&format!("www{index}.{zone}"), "A", "192.0.2.1")).collect()
    };
    assert_eq!(create(&daemon, &[in_zone("example.org"), in_zone("example.net")].concat()), 204);
    listed(&daemon);
    let batch = [&in_zone("example.org")[..2], &in_zone("example.net")[..3]].concat();
    assert_eq!(post(&daemon, &json!({ "delete": batch })), 503);
    let left = listed(&daemon);
    assert_eq!(left.iter().filter(|line| line.contains("example.org")).count(), 2);
    assert_eq!(left.iter().filter(|line| line.contains("example.net")).count(), 4);
}

#[test]
fn what_is_protected_is_neither_changed_nor_deleted() {
    let keys = "guards = { protect = [\"mail.example.org MX\", \"*._domainkey.example.org *\"], max_deletes = \"none\" }";
    let unprotected = site("", "");
    let daemon = ready(&unprotected);
    let mail = endpoint("mail.example.org", "MX", "10 mx.example.net");
    let key = endpoint("s1._domainkey.example.org", "TXT", "\"v=DKIM1\"");
    assert_eq!(
        create(&daemon, &[mail.clone(), key.clone(), endpoint("mail.example.org", "A", "192.0.2.1")]),
        204
    );
    daemon.stop();
    unprotected.layer("guards", &format!("[backends.lan]\n{keys}"));
    let daemon = ready(&unprotected);
    let batch = json!({
        "delete": [key, endpoint("mail.example.org", "A", "192.0.2.1")],
        "updateOld": [mail],
        "updateNew": [endpoint("mail.example.org", "MX", "10 evil.example.net")],
    });
    assert_eq!(post(&daemon, &batch), 204);
    let left = listed(&daemon);
    assert!(left.contains(&"mail.example.org MX 10 mx.example.net".to_owned()), "{left:?}");
    assert!(left.iter().any(|line| line.starts_with("s1._domainkey")), "{left:?}");
    assert!(!left.iter().any(|line| line.starts_with("mail.example.org A")), "{left:?}");
}

#[test]
fn soa_and_ns_of_a_zones_apex_are_never_deleted() {
    let site = site("guards = { max_deletes = \"none\" }", "");
    let daemon = ready(&site);
    let below = endpoint("sub.example.org", "NS", "ns1.example.net");
    assert_eq!(create(&daemon, std::slice::from_ref(&below)), 204);
    let apex = endpoint("example.org", "NS", "ns1.example.net");
    assert_eq!(post(&daemon, &json!({ "delete": [apex, below] })), 204);
    assert_eq!(listed(&daemon), Vec::<String>::new());
    assert_eq!(calls(&site, "apply").last().unwrap(), "apply 1");
}

#[test]
fn a_backend_that_is_only_read_is_never_written() {
    let site = site("guards = { read_only = true }", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    assert_eq!(calls(&site, "apply"), Vec::<String>::new());
    assert_eq!(journalled(&site, &daemon, "www.example.org"), ["refused"]);
}

#[test]
fn a_dry_run_answers_as_if_done_writes_nothing_anywhere_and_is_told_once() {
    let site = site("ownership = \"virtual\"\nguards = { dry_run = true }", "");
    let daemon = ready(&site);
    for _ in 0..3 {
        listed(&daemon);
        assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    }
    assert_eq!(calls(&site, "apply"), Vec::<String>::new());
    assert_eq!(listed(&daemon), Vec::<String>::new());
    for table in ["ownership", "quarantine", "held", "unconfirmed"] {
        assert!(!site.path(format!("state/control/lan/{table}")).exists(), "{table}");
    }
    eventually("the journal is written", || {
        (journalled(&site, &daemon, "www.example.org") == ["dry_run"]).then_some(())
    });
}

#[test]
fn what_is_held_stays_to_be_released_when_a_later_loop_can_not_begin() {
    let site = site("breaker = { failures = 1000 }", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &many("www", 10)), 204);
    listed(&daemon);
    assert_eq!(post(&daemon, &json!({ "delete": many("www", 5) })), 503);
    site.misbehave("lan", r#"{"behaviour": "fail", "on": ["records"]}"#);
    listed(&daemon);
    assert_eq!(post(&daemon, &json!({ "delete": many("www", 5) })), 503);
    site.misbehave("lan", "healthy");
    listed(&daemon);
    assert_eq!(site.run(&["release", "lan"]).code, Some(0));
    assert_eq!(post(&daemon, &json!({ "delete": many("www", 5) })), 204);
    assert_eq!(listed(&daemon).len(), 10);
}

#[test]
fn what_is_deleted_by_a_release_is_no_part_of_the_zone_that_others_are_measured_by() {
    let site = site("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &many("www", 20)), 204);
    listed(&daemon);
    let delete = |count: usize| post(&daemon, &json!({ "delete": many("www", count) }));
    assert_eq!(delete(10), 503);
    assert_eq!(site.run(&["release", "lan"]).code, Some(0));
    // Five of the ten that stay, and not of twenty, are more than 30 %.
    assert_eq!(delete(15), 503);
    assert_eq!(listed(&daemon).len(), 20, "what was released is gone, and nothing else");
    let told = daemon.wait_logged("deletes are held");
    assert_eq!(told["reason"], "10 of 20 records of example.org would be deleted, 6 may be");
    let reason = "5 of 20 records of example.org would be deleted beside 10 that were released, 3 may be";
    assert_eq!(daemon.logged("deletes are held").last().unwrap()["reason"], reason);
}

#[test]
fn what_is_held_stays_to_be_released_when_another_client_asks_for_something_else() {
    let site = site("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &many("www", 12)), 204);
    listed(&daemon);
    let delete = |names: Vec<Value>| post(&daemon, &json!({ "delete": names }));
    assert_eq!(delete(many("www", 5)), 503);
    let held = || daemon.metric("zonemux_guard_held", &[("backend", "lan"), ("guard", "max_deletes")]);
    // One that shares the view.
    assert_eq!(create(&daemon, &owned("other.example.org")), 204);
    listed(&daemon);
    assert_eq!(held(), 5.0);
    // The next plan of the first, which wants two of them no more.
    assert_eq!(delete(many("www", 3)), 204);
    assert_eq!(held(), 0.0);
    listed(&daemon);
    assert_eq!(delete(many("www", 10)), 503);
    assert_eq!(held(), 7.0);
    // Somebody takes away what is held.
    let records = site.path("lan.records");
    daemon.stop();
    std::fs::remove_file(&records).unwrap();
    let daemon = ready(&site);
    listed(&daemon);
    eventually("what is gone is not held", || {
        let status = daemon.status();
        (status["backends"][0]["safety"]["held"]["total"] == 0).then_some(())
    });
}
