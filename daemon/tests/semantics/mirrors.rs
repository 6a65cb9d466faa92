//! Mirrors: written after their primary, until they are equal; what zonemux did not write there stays.

use std::fs;

use serde_json::{Value, json};
use zonemux_test_support::{Daemon, Signal, Site, eventually, record};

use super::{backend, create, endpoint, listed, owned, post, ready, site};

const LABELS: [(&str, &str); 2] = [("backend", "lan"), ("mirror", "standby")];
const HANGS: &str = r#"{"behaviour": "hang", "on": ["apply"]}"#;
const FAILS: &str = r#"{"behaviour": "fail", "on": ["apply", "records"]}"#;

/// `lan` with the mirror `standby`; both misbehave on command and keep their records in files.
pub(crate) fn mirrored(lan: &str, standby: &str) -> Site {
    let site = site(&format!("mirrors = [\"standby\"]\n{lan}"), "");
    mirror(&site, "standby", standby);
    site
}

/// As [`backend`], without zones of its own.
pub(crate) fn mirror(site: &Site, name: &str, keys: &str) {
    // A probe of the breaker is not to be waited for longer than a test may take.
    let keys = format!("{keys}\n[backends.{name}.breaker]\ncooldown = \"100ms\"");
    backend(site, name, "", &keys, "");
    let path = site.path(format!("conf.d/backend-{name}.toml"));
    let text = fs::read_to_string(&path).unwrap();
    site.write(&format!("conf.d/backend-{name}.toml"), text.replace("zones = []\n", ""));
}

/// A complete run of a daemon that serves a mirror's file alone, to put something there or to see it.
fn alone<T>(file: &std::path::Path, work: impl FnOnce(&Daemon) -> T) -> T {
    let other = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    let settings = format!("file = \"{}\"", file.display());
    other.backend("standby", "memory", "example.org example.net", &settings);
    let daemon = ready(&other);
    let done = work(&daemon);
    assert_eq!(daemon.stop().code, Some(0));
    done
}

/// What is on a mirror, as `name type target`.
#[track_caller]
pub(crate) fn on(site: &Site, mirror: &str) -> Vec<String> {
    let copy = site.path("copy.records");
    // A mirror is opened behind the listeners, and nobody waits for it.
    let file = site.path(format!("{mirror}.records"));
    eventually("the mirror has been opened", || fs::copy(&file, &copy).ok());
    alone(&copy, listed)
}

/// Puts records on the mirror that zonemux does not know of.
fn put(site: &Site, records: &[Value]) {
    let put = |daemon: &Daemon| assert_eq!(create(daemon, records), 204);
    alone(&site.path("standby.records"), put);
}

pub(crate) fn status(daemon: &Daemon) -> Value {
    status_of(daemon, "lan")
}

/// How the first mirror of a backend stands.
pub(crate) fn status_of(daemon: &Daemon, primary: &str) -> Value {
    let status = daemon.status();
    let backends = status["backends"].as_array().unwrap();
    let primary = backends.iter().find(|backend| backend["name"] == primary).unwrap();
    let mirrors = find(primary, "mirrors").unwrap_or_else(|| panic!("{primary:#}"));
    mirrors.as_array().unwrap()[0].clone()
}

fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let map = value.as_object()?;
    map.get(key).or_else(|| map.values().find_map(|value| find(value, key)))
}

#[track_caller]
pub(crate) fn wait_equal(daemon: &Daemon) {
    eventually("the mirror is equal", || (status(daemon)["state"] == "equal").then_some(()));
    let behind = daemon.metric("zonemux_mirror_behind", &LABELS);
    assert!(behind.abs() < f64::EPSILON, "{behind}");
}

#[track_caller]
pub(crate) fn wait_behind(daemon: &Daemon) -> Value {
    eventually("the mirror is behind, and it is said why", || {
        let status = status(daemon);
        (status["state"] == "behind" && status["last_error"].is_string()).then_some(status)
    })
}

pub(crate) fn delete(daemon: &Daemon, records: &[Value]) -> u16 {
    post(daemon, &json!({ "delete": records }))
}

pub(crate) fn mirror_calls(site: &Site, operation: &str) -> usize {
    calls_of(site, "standby", operation).len()
}

/// The calls that a backend got, `apply 2` and the like.
pub(crate) fn calls_of(site: &Site, backend: &str, operation: &str) -> Vec<String> {
    let text = fs::read_to_string(site.path(format!("{backend}.calls"))).unwrap_or_default();
    text.lines().filter(|line| line.starts_with(operation)).map(str::to_owned).collect()
}

#[test]
fn creates_updates_and_deletes_follow_and_the_mirror_is_never_shown() {
    let site = mirrored("", "");
    put(&site, &[endpoint("theirs.example.org", "A", "192.0.2.9")]);
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("b.example.org")].concat()), 204);
    wait_equal(&daemon);
    assert_eq!(listed(&daemon).len(), 4, "the mirror's own record is not shown");
    let changes = json!({
        "updateOld": [record("a.example.org")],
        "updateNew": [endpoint("a.example.org", "A", "192.0.2.2")],
        "delete": owned("b.example.org"),
    });
    assert_eq!(post(&daemon, &changes), 204);
    wait_equal(&daemon);
    let expected =
        ["a-a.example.org TXT owned", "a.example.org A 192.0.2.2", "theirs.example.org A 192.0.2.9"];
    assert_eq!(on(&site, "standby"), expected);
}

#[test]
fn a_new_mirror_is_filled_and_a_later_start_writes_nothing() {
    let site = site("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("b.example.org")].concat()), 204);
    let before = listed(&daemon);
    assert_eq!(daemon.stop().code, Some(0));
    backend(&site, "lan", "example.org", "mirrors = [\"standby\"]", "");
    mirror(&site, "standby", "");
    let daemon = ready(&site);
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), before);
    assert_eq!(daemon.stop().code, Some(0));
    let applies = mirror_calls(&site, "apply");
    let daemon = ready(&site);
    wait_equal(&daemon);
    assert_eq!(mirror_calls(&site, "apply"), applies);
}

#[test]
fn a_mirror_that_fails_keeps_no_call_waiting_and_catches_up() {
    let site = mirrored("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    wait_equal(&daemon);
    site.misbehave("standby", FAILS);
    assert_eq!(delete(&daemon, &owned("a.example.org")), 204);
    assert_eq!(create(&daemon, &owned("b.example.org")), 204);
    let behind = wait_behind(&daemon);
    assert!(behind["retry_in"].is_u64(), "{behind:#}");
    assert!(behind["since"].is_u64(), "{behind:#}");
    assert!(daemon.metric("zonemux_mirror_behind", &LABELS) >= 1.0);
    site.misbehave("standby", "healthy");
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), listed(&daemon));
}

#[test]
fn a_mirror_that_hangs_keeps_no_call_waiting() {
    let site = mirrored("", "apply_timeout = \"1s\"");
    let daemon = ready(&site);
    wait_equal(&daemon);
    site.misbehave("standby", HANGS);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    assert_eq!(create(&daemon, &owned("b.example.org")), 204);
    wait_behind(&daemon);
    site.misbehave("standby", "healthy");
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), listed(&daemon));
}

#[test]
fn a_record_that_the_mirror_refuses_keeps_no_other_back() {
    let site = mirrored("", "");
    let daemon = ready(&site);
    wait_equal(&daemon);
    site.misbehave("standby", r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad"}"#);
    assert_eq!(create(&daemon, &[owned("bad.example.org"), owned("good.example.org")].concat()), 204);
    let behind = eventually("what is refused is counted", || {
        let status = status(&daemon);
        (status["quarantined"] == 1).then_some(status)
    });
    assert_eq!((&behind["state"], &behind["differing"]), (&json!("behind"), &json!(1)), "{behind:#}");
    assert_eq!(on(&site, "standby"), ["a-good.example.org TXT owned", "good.example.org A 192.0.2.1"]);
}

#[test]
fn a_kill_between_primary_and_mirror_leaves_them_equal_after_the_next_start() {
    let site = mirrored("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    wait_equal(&daemon);
    site.misbehave("standby", HANGS);
    let changes = json!({ "create": owned("b.example.org"), "delete": owned("a.example.org") });
    assert_eq!(post(&daemon, &changes), 204);
    eventually("the mirror's write has begun", || (mirror_calls(&site, "apply") >= 2).then_some(()));
    daemon.signal(Signal::KILL);
    daemon.wait();
    site.misbehave("standby", "healthy");
    let daemon = ready(&site);
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), ["a-b.example.org TXT owned", "b.example.org A 192.0.2.1"]);
}

#[test]
fn what_was_deleted_while_the_mirror_was_away_is_deleted_there_after_a_restart() {
    let site = mirrored("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("b.example.org")].concat()), 204);
    wait_equal(&daemon);
    site.misbehave("standby", FAILS);
    assert_eq!(delete(&daemon, &owned("a.example.org")), 204);
    let since = wait_behind(&daemon)["since"].clone();
    assert_eq!(daemon.stop().code, Some(0));
    let daemon = ready(&site);
    assert_eq!(wait_behind(&daemon)["since"], since, "a restart does not make it newer");
    site.misbehave("standby", "healthy");
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), listed(&daemon));
}

#[test]
fn a_record_that_somebody_else_put_on_the_mirror_is_neither_overwritten_nor_deleted() {
    let site = mirrored("", "");
    put(&site, &[endpoint("a.example.org", "A", "192.0.2.9")]);
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("b.example.org")].concat()), 204);
    eventually("the conflict is counted", || (status(&daemon)["conflicts"] == 1).then_some(()));
    wait_equal(&daemon);
    assert_eq!(status(&daemon)["conflicting"], json!(["a.example.org A"]));
    assert!((daemon.metric("zonemux_mirror_conflicts", &LABELS) - 1.0).abs() < f64::EPSILON);
    let expected = ["a-b.example.org TXT owned", "a.example.org A 192.0.2.9", "b.example.org A 192.0.2.1"];
    assert_eq!(on(&site, "standby"), expected, "no ownership TXT of ours beside their record");
    assert_eq!(delete(&daemon, &owned("a.example.org")), 204);
    eventually("there is no conflict any more", || (status(&daemon)["conflicts"] == 0).then_some(()));
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), expected);
}

#[test]
fn a_primary_that_can_not_be_listed_loses_its_mirror_nothing() {
    let site = mirrored("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    wait_equal(&daemon);
    let before = on(&site, "standby");
    assert_eq!(daemon.stop().code, Some(0));
    for how in ["fail", "partial"] {
        site.misbehave("lan", &format!(r#"{{"behaviour": "{how}", "on": ["records"]}}"#));
        let daemon = site.start();
        wait_behind(&daemon);
        assert_eq!(daemon.stop().code, Some(0));
        assert_eq!(on(&site, "standby"), before, "{how}");
    }
}

#[test]
fn a_primary_that_lists_nothing_at_once_meets_the_mirrors_own_guard() {
    let site = mirrored("", "guards = { max_deletes = \"30%\", min_records = 2 }");
    let daemon = ready(&site);
    let all: Vec<Value> =
        ["a", "b", "c", "d"].iter().flat_map(|name| owned(&format!("{name}.example.org"))).collect();
    assert_eq!(create(&daemon, &all), 204);
    wait_equal(&daemon);
    let before = on(&site, "standby");
    assert_eq!(daemon.stop().code, Some(0));
    fs::remove_file(site.path("lan.records")).unwrap();
    let daemon = ready(&site);
    eventually("the deletes are held", || (status(&daemon)["held"] == 4).then_some(()));
    assert_eq!(status(&daemon)["state"], "behind");
    assert_eq!(on(&site, "standby"), before);
}

#[test]
fn a_required_mirror_that_fails_is_503_and_the_primary_keeps_what_was_applied() {
    let site = mirrored("mirror_required = true", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    assert_eq!(on(&site, "standby"), listed(&daemon), "it is there when the call is answered");
    site.misbehave("standby", FAILS);
    assert_eq!(create(&daemon, &owned("b.example.org")), 503);
    assert_eq!(listed(&daemon).len(), 4);
    site.misbehave("standby", "healthy");
    wait_equal(&daemon);
    assert_eq!(create(&daemon, &owned("c.example.org")), 204);
    assert_eq!(on(&site, "standby"), listed(&daemon));
}

#[test]
fn a_required_mirror_that_hangs_is_503_at_the_calls_deadline() {
    let site = mirrored("mirror_required = true", "");
    site.layer("deadline", "[webhook]\ndeadline = \"1s\"");
    let daemon = ready(&site);
    wait_equal(&daemon);
    site.misbehave("standby", HANGS);
    assert_eq!(create(&daemon, &owned("a.example.org")), 503);
    assert_eq!(listed(&daemon).len(), 2);
}

#[test]
fn a_dry_run_of_the_primary_writes_nothing_to_its_mirror() {
    let site = site("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    assert_eq!(daemon.stop().code, Some(0));
    backend(&site, "lan", "example.org", "mirrors = [\"standby\"]\nguards = { dry_run = true }", "");
    mirror(&site, "standby", "");
    let daemon = ready(&site);
    daemon.wait_logged("nothing is written to the mirror");
    assert_eq!(create(&daemon, &owned("b.example.org")), 204);
    assert_eq!(status(&daemon)["state"], "dry_run");
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(mirror_calls(&site, "apply"), 0);
}

#[test]
fn a_mirror_that_a_reload_takes_away_is_written_no_more_and_one_that_it_brings_is_filled() {
    let site = mirrored("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    wait_equal(&daemon);
    let before = on(&site, "standby");
    let reload = || assert_eq!(site.run(&["reload"]).code, Some(0));
    backend(&site, "lan", "example.org", "", "");
    backend(&site, "standby", "example.org", "", "");
    site.layer("views", "[views.public]\npath = \"/\"\nbackends = [\"lan\"]\n[views.other]\npath = \"/other\"\nbackends = [\"standby\"]");
    reload();
    assert_eq!(create(&daemon, &owned("b.example.org")), 204);
    assert_eq!(on(&site, "standby"), before);
    fs::remove_file(site.path("conf.d/views.toml")).unwrap();
    backend(&site, "lan", "example.org", "mirrors = [\"standby\"]", "");
    mirror(&site, "standby", "");
    reload();
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), listed(&daemon));
}

#[test]
fn two_primaries_with_one_mirror_leave_each_others_records_alone() {
    let site = mirrored("", "");
    backend(&site, "edge", "example.net", "mirrors = [\"standby\"]", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("a.example.net")].concat()), 204);
    let all = listed(&daemon);
    assert_eq!(all.len(), 4);
    eventually("both are there", || (on(&site, "standby") == all).then_some(()));
    assert_eq!(daemon.stop().code, Some(0));
    let daemon = ready(&site);
    wait_equal(&daemon);
    assert_eq!(delete(&daemon, &owned("a.example.net")), 204);
    eventually("one is gone", || (on(&site, "standby") == listed(&daemon)).then_some(()));
    assert_eq!(listed(&daemon).len(), 2);
}
