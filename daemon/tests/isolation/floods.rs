//! A plugin that says too much: lines, records, descriptors, threads.

use std::fs;
use std::time::{Duration, Instant};

use crate::*;

/// Calls to the healthy one go on as if nothing were.
#[track_caller]
fn edge_works_all_the_while(daemon: &Daemon, done: impl Fn() -> bool) {
    let begun = Instant::now();
    for number in 0.. {
        let call = Instant::now();
        edge_works(daemon, &format!("call-{number}"));
        // On a machine that many tests share; without them it is milliseconds.
        assert!(call.elapsed() < Duration::from_secs(3), "{:?}", call.elapsed());
        if done() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it never ends");
    }
}

#[track_caller]
fn talks(behaviour: &str) {
    let site = two();
    // Nothing else is to be logged a hundred thousand times.
    site.layer("log", "[log]\nlevel = \"info,plugin=warn\"");
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave_with(&site, behaviour, &["records"], &json!({ "count": 100_000 }));
    let call = daemon.webhook().send(&zonemux_test_support::Request::get("/records"));
    let before = looks::backend(&daemon, "edge");
    edge_works_all_the_while(&daemon, || looks::backend(&daemon, "edge") != before);
    drop(call);
    lan_recovers(&site, &daemon);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_hundred_thousand_printed_lines_are_survived() {
    talks("print");
}

#[test]
fn a_hundred_thousand_logged_lines_are_survived() {
    talks("babble");
}

/// A change is a line or two: what fills a disk is left out, and counted.
#[track_caller]
fn few_lines_are_kept(behaviour: &str) {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let begun = Instant::now();
    misbehave_with(&site, behaviour, &["records"], &json!({ "count": 30_000 }));
    daemon.webhook().get("/records");
    let left_out = daemon.wait_logged("the plugin logs too much");
    assert!(left_out["lines"].as_u64() > Some(0), "{left_out}");
    lan_recovers(&site, &daemon);
    let kept = u32::try_from(daemon.logged("on command").len()).unwrap();
    // So many at once, and two hundred more in each second.
    let allowed = 5000.0 + 200.0 * begun.elapsed().as_secs_f64();
    assert!(kept > 4000 && f64::from(kept) <= allowed, "{kept} lines, {allowed} allowed");
}

#[test]
fn of_many_printed_lines_a_few_thousand_are_kept() {
    few_lines_are_kept("print");
}

#[test]
fn of_many_logged_lines_a_few_thousand_are_kept() {
    few_lines_are_kept("babble");
}

#[test]
fn a_list_without_end_ends_and_takes_no_memory_without_end() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave(&site, "endless", &["records"]);
    let begun = Instant::now();
    daemon.webhook().get("/records");
    edge_works(&daemon, "a");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    daemon.wait_state("lan", "failing");
    lan_recovers(&site, &daemon);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn leaked_descriptors_are_the_plugins_own() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let count = |pid: u32| fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let before = count(daemon.process().id());
    misbehave(&site, "leak-descriptors", &["records"]);
    daemon.webhook().get("/records");
    edge_works(&daemon, "a");
    assert!(count(daemon.process().id()) < before + 20);
    // Those of one that has none left fail, until it is given a new process.
    daemon.webhook().get("/records");
    restarted(&daemon, "lan", 1, &["descriptors"]);
    lan_recovers(&site, &daemon);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn copies_and_threads_are_bounded() {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave(&site, "multiply", &["records"]);
    daemon.webhook().get("/records");
    edge_works(&daemon, "a");
    let report = eventually("the plugin reports", || {
        let report = fs::read_to_string(site.path("lan/report")).ok()?;
        report.contains("threads: ").then_some(report)
    });
    assert!(report.contains("fork: refused"), "{report}");
    let threads = report.lines().find_map(|line| line.strip_prefix("threads: ")).unwrap();
    // Each has a stack of 2 MiB, which counts as its memory.
    assert!(threads.parse::<usize>().unwrap() < 200, "{threads}");
    assert_eq!(daemon.stop().code, Some(0));
}
