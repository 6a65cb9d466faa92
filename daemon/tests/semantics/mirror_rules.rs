//! Mirrors of mirrors, the guards of a mirror's own, and what comparing costs.

use std::fs;

use serde_json::Value;
use zonemux_test_support::{Daemon, Site, eventually};

use super::mirrors::{
    calls_of, delete, mirror, mirror_calls, mirrored, on, status, status_of, wait_behind, wait_equal,
};
use super::{create, endpoint, listed, owned, ready, site};

/// `lan` is mirrored by `standby`, which is mirrored by `far`.
fn chain() -> Site {
    let site = mirrored("", "mirrors = [\"far\"]");
    mirror(&site, "far", "");
    site
}

#[track_caller]
fn wait_all_equal(daemon: &Daemon) {
    eventually("all are equal", || {
        ["lan", "standby"].iter().all(|primary| status_of(daemon, primary)["state"] == "equal").then_some(())
    });
}

#[test]
fn a_mirror_of_a_mirror_has_everything_and_is_written_no_more_once_it_has() {
    let site = chain();
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("b.example.org")].concat()), 204);
    eventually("it is at the end of the chain", || (on(&site, "far") == listed(&daemon)).then_some(()));
    assert_eq!(delete(&daemon, &owned("a.example.org")), 204);
    eventually("it is gone there", || (on(&site, "far") == listed(&daemon)).then_some(()));
    wait_all_equal(&daemon);
    assert_eq!(on(&site, "standby"), listed(&daemon));
    assert_eq!(daemon.stop().code, Some(0));
    // What would go round and round would be written again, and be told again.
    let applies = || ["standby", "far"].map(|backend| calls_of(&site, backend, "apply"));
    let before = applies();
    assert!(before.iter().all(|calls| calls.len() <= 3), "{before:?}");
    let daemon = ready(&site);
    wait_all_equal(&daemon);
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(applies(), before);
}

#[test]
fn the_end_of_a_chain_catches_up_after_its_middle_was_away() {
    let site = chain();
    let daemon = ready(&site);
    wait_all_equal(&daemon);
    site.misbehave("standby", r#"{"behaviour": "fail", "on": ["apply", "records"]}"#);
    assert_eq!(create(&daemon, &owned("a.example.org")), 204);
    wait_behind(&daemon);
    assert_eq!(calls_of(&site, "far", "apply").len(), 0, "it follows its own primary, and nobody else");
    site.misbehave("standby", "healthy");
    wait_equal(&daemon);
    eventually("it is at the end of the chain", || (on(&site, "far") == listed(&daemon)).then_some(()));
    wait_all_equal(&daemon);
}

#[test]
fn a_dry_run_of_the_mirror_writes_nothing_there_and_says_how_much_differs() {
    let site = mirrored("", "guards = { dry_run = true }");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("b.example.org")].concat()), 204);
    // What waits to be written is counted too, and not counted any more once it was tried in vain: until the
    // two have been compared again.
    let (status, shown) = eventually("the difference is counted, and shown", || {
        let status = status(&daemon);
        let shown = site.run(&["status"]).stdout;
        (status["differing"] == 2 && shown.contains(", 2 to be written")).then_some((status, shown))
    });
    assert_eq!(status["state"], "behind", "{status:#}");
    assert!(shown.contains("\n  mirror standby: behind for "), "{shown}");
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(mirror_calls(&site, "apply"), 0);
}

#[test]
fn types_and_protected_names_of_the_mirror_keep_from_it_only_what_they_mean() {
    let guards = "guards = { types = [\"A\", \"TXT\"], protect = [\"keep.example.org *\"] }";
    let site = mirrored("", guards);
    let daemon = ready(&site);
    let records = [
        owned("a.example.org"),
        owned("keep.example.org"),
        vec![endpoint("c.example.org", "CNAME", "x.test")],
    ];
    assert_eq!(create(&daemon, &records.concat()), 204);
    eventually("what the guards keep from it is counted", || (status(&daemon)["refused"] == 1).then_some(()));
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), ["a-a.example.org TXT owned", "a.example.org A 192.0.2.1"]);
    let shown = site.run(&["status"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.stdout.contains("\n  mirror standby: equal, 1 kept from it by its guards\n"),
        "{}",
        shown.stdout
    );
    // The primary may do with them what it likes.
    assert_eq!(delete(&daemon, &owned("keep.example.org")), 204);
    wait_equal(&daemon);
    assert_eq!(listed(&daemon).len(), 3);
}

#[test]
fn what_the_guard_of_a_mirror_holds_is_deleted_there_once_it_is_released() {
    let site = mirrored("", "guards = { max_deletes = \"30%\", min_records = 2 }");
    let daemon = ready(&site);
    let all: Vec<Value> =
        ["a", "b", "c", "d"].iter().flat_map(|name| owned(&format!("{name}.example.org"))).collect();
    assert_eq!(create(&daemon, &all), 204);
    wait_equal(&daemon);
    assert_eq!(delete(&daemon, &all), 204, "the primary's own guard counts from 10 records on");
    eventually("the deletes are held", || (status(&daemon)["held"] == 4).then_some(()));
    assert_eq!(on(&site, "standby").len(), 8);
    let shown = site.run(&["status"]).stdout;
    assert!(shown.contains(", 4 held by its deletion guard"), "{shown}");
    assert!(shown.contains("hint: `zonemux release standby`"), "{shown}");

    let released = site.run(&["release", "standby"]);
    assert_eq!(released.code, Some(0), "{released:?}");
    assert_eq!(on(&site, "standby").len(), 8, "a release applies nothing itself");
    // The next write has the two compared.
    assert_eq!(create(&daemon, &owned("e.example.org")), 204);
    wait_equal(&daemon);
    assert_eq!(on(&site, "standby"), ["a-e.example.org TXT owned", "e.example.org A 192.0.2.1"]);
}

/// What a mirror of so many records costs when it is filled, and when it is equal already: lists of the
/// primary, lists of the mirror, and batches.
fn cost_of(records: usize) -> [[usize; 3]; 2] {
    let site = site("", "");
    let daemon = ready(&site);
    let endpoints: Vec<Value> =
        (0..records).map(|index| endpoint(&format!("r{index}.example.org"), "A", "192.0.2.1")).collect();
    assert_eq!(create(&daemon, &endpoints), 204);
    assert_eq!(daemon.stop().code, Some(0));
    super::backend(&site, "lan", "example.org", "mirrors = [\"standby\"]", "");
    mirror(&site, "standby", "");
    let calls = || {
        [
            calls_of(&site, "lan", "records").len(),
            mirror_calls(&site, "records"),
            mirror_calls(&site, "apply"),
        ]
    };
    let cost = || {
        let before = calls();
        let daemon = ready(&site);
        wait_equal(&daemon);
        assert_eq!(daemon.stop().code, Some(0));
        let after = calls();
        [0, 1, 2].map(|which| after[which] - before[which])
    };
    let costs = [cost(), cost()];
    assert_eq!(calls_of(&site, "standby", "apply"), [format!("apply {records}")]);
    // What is remembered of each record is little more than its key.
    let folder = fs::read_dir(site.path("state/control/standby")).unwrap().map(Result::unwrap);
    let remembered = folder.filter(|entry| entry.file_name().to_string_lossy().contains("mirror"));
    let bytes: u64 = remembered.map(|entry| entry.metadata().unwrap().len()).sum();
    assert!((1..1_000 + 100 * records as u64).contains(&bytes), "{bytes} bytes");
    costs
}

#[test]
fn comparing_costs_a_list_of_each_and_one_batch_however_many_records_there_are() {
    let [filled, equal] = cost_of(5_000);
    assert!(filled[0] <= 2 && filled[1] <= 2 && filled[2] == 1, "{filled:?}");
    assert!(equal[0] <= 2 && equal[1] <= 2 && equal[2] == 0, "{equal:?}");
    assert_eq!(cost_of(50), [filled, equal]);
}
