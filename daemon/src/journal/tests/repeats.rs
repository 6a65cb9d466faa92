//! A loop that ends in the same way each time is not written each time.

use std::hash::RandomState;
use std::time::{Duration, Instant};

use serde_json::Value;
use zonemux_plugin::Endpoint;

use super::{LARGE, LONG, at, entry, read};
use crate::journal::lines::Lines;
use crate::journal::repeats::Repeats;
use crate::journal::{Entry, Filter, Journal, Rdata};

const MINUTE: Duration = Duration::from_secs(60);

/// Repeats with a clock that is moved by hand.
struct Loop {
    repeats: Repeats,
    hasher: RandomState,
    start: Instant,
    minutes: u32,
}

impl Loop {
    fn new() -> Self {
        Self::bounded(Repeats::default())
    }

    fn bounded(repeats: Repeats) -> Self {
        Self { repeats, hasher: RandomState::new(), start: Instant::now(), minutes: 0 }
    }

    fn now(&self) -> Instant {
        self.start + self.minutes * MINUTE
    }

    /// What is written because of an entry, a minute after the last: `name outcome repeats`.
    fn ask(&mut self, entry: Entry<'_>) -> Vec<String> {
        self.minutes += 1;
        let mut lines = Lines::new(self.hasher.clone());
        lines.push(&Entry { time: at(u64::from(self.minutes) * 60), ..entry });
        let mut out = Vec::new();
        for line in lines.iter() {
            self.repeats.take(line, self.now(), &mut out);
        }
        shown(&out)
    }

    fn look(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.repeats.write_old(self.now(), &mut out);
        shown(&out)
    }

    fn end(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.repeats.write_all(&mut out);
        shown(&out)
    }
}

fn shown(out: &[u8]) -> Vec<String> {
    let line = |line: &[u8]| {
        let line: Value = serde_json::from_slice(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let repeats = line["repeats"].as_u64().map_or(String::new(), |repeats| format!(" +{repeats}"));
        format!("{} {}{repeats}", text("name"), text("outcome"))
    };
    out.split_inclusive(|byte| *byte == b'\n').map(line).collect()
}

fn held(name: &str) -> Entry<'_> {
    Entry { outcome: "held", reason: Some("too many deletions"), ..entry(name) }
}

const NONE: [&str; 0] = [];

#[test]
fn the_same_outcome_is_written_once_and_counted() {
    let mut journal = Loop::new();
    assert_eq!(journal.ask(held("a")), ["a held"]);
    for _ in 0..10 {
        assert_eq!(journal.ask(held("a")), NONE);
    }
    assert_eq!(journal.ask(held("b")), ["b held"]);
    assert_eq!(journal.look(), NONE);
    assert_eq!(journal.end(), ["a held +10"]);
    assert_eq!(journal.end(), NONE);
}

#[test]
fn a_count_is_written_before_what_ends_it() {
    let mut journal = Loop::new();
    journal.ask(held("a"));
    journal.ask(held("a"));
    assert_eq!(journal.ask(entry("a")), ["a held +1", "a applied"]);
    // It is over: the same outcome is news again.
    assert_eq!(journal.ask(held("a")), ["a held"]);
    // Another reason, another target, another record, another action: each is another outcome.
    let target = |text: &str| Endpoint::new("a", "A", [text]);
    let (one, two) = (target("192.0.2.1"), target("192.0.2.2"));
    assert_eq!(journal.ask(Entry { reason: Some("read-only"), ..held("a") }), ["a held"]);
    assert_eq!(journal.ask(Entry { after: Some(Rdata::of(&one)), ..held("a") }), ["a held"]);
    assert_eq!(journal.ask(Entry { after: Some(Rdata::of(&one)), ..held("a") }), NONE);
    assert_eq!(journal.ask(Entry { after: Some(Rdata::of(&two)), ..held("a") }), ["a held +1", "a held"]);
    assert_eq!(journal.ask(Entry { record_type: "TXT", ..held("a") }), ["a held"]);
    assert_eq!(journal.ask(Entry { set_identifier: "x", ..held("a") }), ["a held"]);
    assert_eq!(journal.ask(Entry { view: "x", ..held("a") }), ["a held"]);
    assert_eq!(journal.ask(Entry { backend: "x", ..held("a") }), ["a held"]);
    assert_eq!(journal.ask(Entry { action: "delete", ..held("a") }), ["a held"]);
    // What differs from call to call is no difference.
    let again = Entry { action: "delete", request_id: "r2", duration: MINUTE, ..held("a") };
    assert_eq!(journal.ask(again), NONE);
}

#[test]
fn changes_that_were_made_are_all_written() {
    let mut journal = Loop::new();
    for _ in 0..3 {
        assert_eq!(journal.ask(entry("a")), ["a applied"]);
    }
    assert_eq!(journal.end(), NONE);
}

#[test]
fn a_count_is_written_each_hour_while_it_goes_on() {
    let mut journal = Loop::new();
    let mut written = Vec::new();
    for _ in 0..=150 {
        written.extend(journal.ask(held("a")));
        written.extend(journal.look());
    }
    assert_eq!(written, ["a held", "a held +60", "a held +60"]);
    assert_eq!(journal.end(), ["a held +30"]);
}

#[test]
fn an_outcome_that_ended_without_another_is_counted_and_forgotten() {
    let mut journal = Loop::new();
    journal.ask(held("a"));
    journal.ask(held("a"));
    journal.minutes += 59;
    assert_eq!(journal.look(), ["a held +1"]);
    journal.minutes += 60;
    assert_eq!(journal.look(), NONE);
    assert_eq!(journal.ask(held("a")), ["a held"]);
}

#[test]
fn memory_is_bounded_and_what_goes_beyond_is_still_written() {
    let mut journal = Loop::bounded(Repeats::with_bounds(2, 1 << 20));
    for name in ["a", "b", "c"] {
        journal.ask(held(name));
    }
    assert_eq!(journal.ask(held("a")), NONE);
    assert_eq!(journal.ask(held("c")), ["c held"]);
    // Room that becomes free is used.
    assert_eq!(journal.ask(entry("a")), ["a held +1", "a applied"]);
    assert_eq!(journal.ask(held("c")), ["c held"]);
    assert_eq!(journal.ask(held("c")), NONE);

    // Without room for its text an outcome is left out as a repeat, but not counted.
    let mut journal = Loop::bounded(Repeats::with_bounds(10, 200));
    journal.ask(held("a"));
    journal.ask(held("b"));
    assert_eq!((journal.ask(held("a")), journal.ask(held("b"))), (vec![], vec![]));
    assert_eq!(journal.end(), ["a held +1"]);
}

#[test]
fn counts_are_written_at_the_end() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    for second in 0..5 {
        let mut lines = journal.batch();
        lines.push(&Entry { time: at(second), ..held("a") });
        journal.write(lines);
    }
    assert!(journal.close(LONG));
    let lines = read(state.path(), &Filter::default());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((lines[0].get("repeats"), lines[0]["request_id"].as_str()), (None, Some("r1")));
    assert_eq!(lines[1]["repeats"], 4);
    assert_eq!(lines[1]["since"], lines[0]["time"]);
    assert_eq!(lines[1]["time"], "2023-11-14T22:13:24.000Z");
    assert_eq!(lines[1]["reason"], lines[0]["reason"]);
}
