//! What is written, and where.

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use zonemux_plugin::Endpoint;

use super::{LARGE, LONG, at, entry, files, names, write};
use crate::journal::{Entry, Journal, Limits, OUTCOMES, Rdata, folder};

#[test]
fn a_change_is_a_line() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    let (old, new) = (
        Endpoint::new("www.example.org", "A", ["192.0.2.1"]),
        Endpoint::new("www.example.org", "A", ["192.0.2.2", "192.0.2.3"]).with_ttl(300),
    );
    let mut lines = journal.batch();
    lines.push(&Entry { after: Some(Rdata::of(&new)), ..entry("www.example.org") });
    lines.push(&Entry {
        time: at(1),
        action: "update",
        set_identifier: "north \"1\"",
        before: Some(Rdata::of(&old)),
        after: Some(Rdata::of(&new)),
        outcome: "refused",
        reason: Some("a line\nbreak"),
        ..entry("www.example.org")
    });
    lines.push(&Entry { action: "delete", before: Some(Rdata::of(&old)), ..entry("www.example.org") });
    assert_eq!(lines.len(), 3);
    journal.write(lines);
    assert!(journal.close(LONG));
    insta::assert_snapshot!(fs::read_to_string(folder(state.path()).join("journal.jsonl")).unwrap());
    let mode = |path: &str| fs::metadata(state.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("journal"), mode("journal/journal.jsonl")), (0o700, 0o600));
}

#[test]
fn a_restart_goes_on_in_the_same_file() {
    let state = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let journal = Journal::open(state.path(), LARGE).unwrap();
        write(&journal, [name]);
        assert!(journal.close(LONG));
    }
    assert_eq!(names(state.path()), ["a", "b"]);
}

#[test]
fn a_full_file_is_kept_under_a_number_and_the_oldest_goes() {
    let state = tempfile::tempdir().unwrap();
    // Each line has 180 bytes: five to a file.
    let journal = Journal::open(state.path(), Limits { max_size: 1000, keep: 2 }).unwrap();
    let all: Vec<String> = (100..130).map(|number| format!("n{number}")).collect();
    for batch in all.chunks(4) {
        write(&journal, batch);
    }
    assert!(journal.flush(LONG));
    assert_eq!(files(state.path()), ["journal.000004.jsonl", "journal.000005.jsonl", "journal.jsonl"]);
    for file in files(state.path()) {
        let text = fs::read_to_string(folder(state.path()).join(&file)).unwrap();
        assert!(text.len() <= 1000 && text.ends_with("}\n"), "{file}: {text}");
    }
    let left = names(state.path());
    assert_eq!(left, all[all.len() - left.len()..]);
    assert_eq!(left.len(), 15);
    // New limits, as a reload brings them.
    journal.set_limits(Limits { max_size: 1000, keep: 0 });
    write(&journal, &all[..5]);
    assert!(journal.close(LONG));
    assert_eq!(files(state.path()), ["journal.jsonl"]);
    assert_eq!(names(state.path()), all[..5]);
}

#[test]
fn a_line_longer_than_a_file_may_be_has_its_own() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), Limits { max_size: 300, keep: 9 }).unwrap();
    let long = "x".repeat(1000);
    write(&journal, ["a", &long, "b"]);
    assert!(journal.close(LONG));
    assert_eq!(files(state.path()).len(), 3);
    assert_eq!(names(state.path()), ["a", &long, "b"]);
}

#[test]
fn a_line_that_a_crash_tore_takes_no_other_with_it() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    write(&journal, ["a", "b"]);
    assert!(journal.close(LONG));
    let path = folder(state.path()).join("journal.jsonl");
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() - 10]).unwrap();
    assert_eq!(names(state.path()), ["a"]);
    let journal = Journal::open(state.path(), LARGE).unwrap();
    write(&journal, ["c"]);
    assert!(journal.close(LONG));
    assert_eq!(names(state.path()), ["a", "c"]);
}

#[test]
fn a_file_that_somebody_moved_away_is_not_written_any_more() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    write(&journal, ["a"]);
    assert!(journal.flush(LONG));
    fs::remove_dir_all(folder(state.path())).unwrap();
    write(&journal, ["b"]);
    assert!(journal.close(LONG));
    assert_eq!(names(state.path()), ["b"]);
}

#[test]
fn a_disk_that_hangs_holds_up_no_call() {
    let state = tempfile::tempdir().unwrap();
    fs::create_dir(folder(state.path())).unwrap();
    // A pipe that nobody reads: opening it for reading and writing works, and so do the first 64 KiB.
    let path = folder(state.path()).join("journal.jsonl");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    let name = "x".repeat(1 << 20);
    let begun = Instant::now();
    for _ in 0..300 {
        write(&journal, [&name]);
    }
    assert!(begun.elapsed() < LONG);
    // What waits is bounded, and the end does not wait for ever.
    assert!(!journal.close(std::time::Duration::from_millis(10)));
    // The thread is set free, so that the test ends.
    let mut text = String::new();
    OpenOptions::new().read(true).open(&path).unwrap().read_to_string(&mut text).unwrap();
    assert!((10..70).contains(&text.lines().count()), "{}", text.lines().count());
    assert!(journal.close(LONG));
}

#[test]
fn every_outcome_can_be_written() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    let mut lines = journal.batch();
    for outcome in OUTCOMES {
        lines.push(&Entry { outcome, ..entry(outcome) });
    }
    journal.write(lines);
    assert!(journal.close(LONG));
    assert_eq!(names(state.path()), OUTCOMES);
}

#[test]
fn times_that_no_calendar_has_are_written_all_the_same() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    let mut lines = journal.batch();
    let day = std::time::Duration::from_secs(86_400);
    for time in [std::time::UNIX_EPOCH - day, std::time::UNIX_EPOCH + 1_000_000_000 * day] {
        lines.push(&Entry { time, ..entry("a") });
    }
    journal.write(lines);
    assert!(journal.close(LONG));
    let text = fs::read_to_string(folder(state.path()).join("journal.jsonl")).unwrap();
    let starts: Vec<&str> = text.lines().map(|line| &line[..35]).collect();
    assert_eq!(
        starts,
        ["{\"time\":\"1970-01-01T00:00:00.000Z\",", "{\"time\":\"9999-12-30T22:00:00.999Z\",",]
    );
}
