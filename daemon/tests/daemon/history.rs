//! `zonemux history`, with a daemon and without one.

use std::time::{Duration, SystemTime};

use zonemux::journal::{Entry, Journal, Limits, Rdata};
use zonemux_plugin::Endpoint;
use zonemux_test_support::{Request, Site};

use crate::{memory, ready};

const LIMITS: Limits = Limits { max_size: 64 << 20, keep: 4 };

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

/// Writes a journal into a site's state directory, as its daemon would.
fn journal(site: &Site, limits: Limits, entries: &[Entry<'_>]) {
    let journal = Journal::open(&site.path("state"), limits).unwrap();
    let mut lines = journal.batch();
    for entry in entries {
        lines.push(entry);
    }
    journal.write(lines);
    assert!(journal.close(Duration::from_secs(60)));
}

fn entry(name: &str) -> Entry<'_> {
    Entry {
        time: at(0),
        view: "default",
        backend: "lan",
        request_id: "r1",
        action: "create",
        name,
        record_type: "A",
        set_identifier: "",
        before: None,
        after: None,
        outcome: "applied",
        reason: None,
        duration: Duration::from_millis(12),
    }
}

/// A site whose journal has a little of everything.
fn site() -> Site {
    let site = memory();
    let a = Endpoint::new("", "A", ["192.0.2.1", "192.0.2.2"]).with_ttl(300);
    let b = Endpoint::new("", "A", ["192.0.2.3"]).with_ttl(60);
    let txt = Endpoint::new("", "TXT", ["bell \u{7} and \u{1b}[31mred"]);
    let refused = Entry {
        backend: "edge-internal",
        view: "internal",
        outcome: "quarantined",
        reason: Some("a CNAME can't stand beside other records"),
        ..entry("alias.example.net")
    };
    journal(
        &site,
        LIMITS,
        &[
            Entry { after: Some(Rdata::of(&a)), ..entry("www.example.org") },
            Entry {
                time: at(1),
                action: "update",
                before: Some(Rdata::of(&a)),
                after: Some(Rdata::of(&b)),
                ..entry("www.example.org")
            },
            Entry { time: at(2), action: "update", after: Some(Rdata::of(&a)), ..entry("example.org") },
            Entry { time: at(3), record_type: "TXT", after: Some(Rdata::of(&txt)), ..entry("a.example.org") },
            Entry { time: at(4), ..refused },
            Entry { time: at(64), ..refused },
            Entry { time: at(124), ..refused },
            Entry {
                time: at(200),
                action: "delete",
                set_identifier: "north",
                before: Some(Rdata::of(&b)),
                outcome: "held",
                reason: Some("the batch would delete 40 of 100 records"),
                ..entry("www.example.org")
            },
        ],
    );
    site
}

#[track_caller]
fn printed(site: &Site, arguments: &[&str]) -> String {
    let history = site.run(&[&["history"], arguments].concat());
    assert_eq!((history.code, history.stderr.as_str()), (Some(0), ""), "{history:?}");
    history.stdout
}

#[test]
fn it_prints_a_line_for_each_change_with_a_daemon_and_without_one() {
    let site = site();
    let text = printed(&site, &[]);
    insta::assert_snapshot!(text);
    let json = printed(&site, &["--output", "json"]);
    assert_eq!(json, std::fs::read_to_string(site.path("state/journal/journal.jsonl")).unwrap());
    let daemon = ready(&site);
    assert_eq!(printed(&site, &[]), text);
    assert_eq!(printed(&site, &["--output", "json"]), json);
    daemon.wait_logged("control request");
}

#[test]
fn filters_work_with_a_daemon_and_without_one() {
    let site = site();
    // Alone it needs no wider columns.
    let newest = "2023-11-14T22:15:24.000Z  internal  edge-internal  create  quarantined  \
                  alias.example.net A  (a CNAME can't stand beside other records) \
                  [2 more times since 2023-11-14T22:13:24.000Z]";
    let compare = || {
        let count = |arguments: &[&str]| printed(&site, arguments).lines().count();
        assert_eq!(count(&["--name", "www.example.org"]), 3);
        assert_eq!(count(&["--name", "*.example.org"]), 4);
        assert_eq!(count(&["--backend", "edge-internal"]), 2);
        assert_eq!(count(&["--view", "internal", "--outcome", "quarantined"]), 2);
        assert_eq!(count(&["--view", "default", "--outcome", "quarantined"]), 0);
        assert_eq!(count(&["--since", "2023-11-14T22:13:24Z"]), 3);
        assert_eq!(count(&["--since", "2h"]), 0);
        assert_eq!(printed(&site, &["--limit", "2"]).lines().count(), 2);
        assert_eq!(printed(&site, &["--limit", "1"]).trim_end(), newest);
        assert_eq!(count(&["--limit", "100"]), 7);
        assert_eq!(count(&["--limit", "0"]), 0);
    };
    compare();
    let _daemon = ready(&site);
    compare();
}

#[test]
fn a_journal_of_many_pages_and_files_comes_whole() {
    let site = memory();
    let names: Vec<String> = (0..20_000).map(|number| format!("r{number}.example.org")).collect();
    let entries: Vec<Entry<'_>> = names.iter().map(|name| entry(name)).collect();
    journal(&site, Limits { max_size: 1 << 20, keep: 100 }, &entries);
    let _daemon = ready(&site);
    let json = printed(&site, &["--output", "json"]);
    let seen = json.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["name"].as_str().unwrap().to_owned()
    });
    assert_eq!(seen.collect::<Vec<_>>(), names);
    let newest = printed(&site, &["--limit", "3"]);
    assert_eq!(newest.lines().last().map(|line| line.contains("r19999.")), Some(true), "{newest}");
}

#[test]
fn without_a_journal_there_is_nothing_to_print() {
    let site = memory();
    assert_eq!(printed(&site, &[]), "");
    let _daemon = ready(&site);
    assert_eq!(printed(&site, &[]), "");
}

#[test]
fn a_journal_that_can_not_be_read_is_an_error() {
    let site = memory();
    std::fs::create_dir_all(site.path("state/journal/journal.jsonl")).unwrap();
    for daemon in [false, true] {
        let _daemon = daemon.then(|| ready(&site));
        let history = site.run(&["history"]);
        assert_eq!((history.code, history.stdout.as_str()), (Some(1), ""), "{history:?}");
        assert!(history.stderr.contains("the journal"), "{history:?}");
    }
}

#[test]
fn wrong_filters_are_wrong_usage() {
    let site = memory();
    let shown = |arguments: &[&str]| {
        let wrong = site.run(&[&["history"], arguments].concat());
        assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(64), ""), "{arguments:?}: {wrong:?}");
        format!("$ zonemux history {}\n{}", arguments.join(" "), wrong.stderr)
    };
    let wrong: [&[&str]; 4] =
        [&["--since", "yesterday"], &["--name", "a..b"], &["--outcome", "done"], &["--limit", "-1"]];
    insta::assert_snapshot!(wrong.map(shown).join("\n"));
}

#[test]
fn the_control_side_refuses_a_filter_that_it_does_not_know() {
    let site = memory();
    let daemon = ready(&site);
    let answer = daemon.control().send(&Request::get("/history?colour=red")).answer();
    insta::assert_snapshot!(answer.shown());
}
