//! Reading while it is written, and by filter.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{LARGE, LONG, at, entry, names, read, write};
use crate::journal::{Cursor, Entry, Filter, Journal, Limits, folder, page};

#[test]
fn a_journal_that_is_not_there_has_no_lines() {
    let state = tempfile::tempdir().unwrap();
    assert_eq!(names(state.path()), [""; 0]);
}

#[test]
fn a_line_that_is_half_written_is_not_seen_until_it_is_whole() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    write(&journal, ["a"]);
    assert!(journal.close(LONG));
    let path = folder(state.path()).join("journal.jsonl");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{\"time\":\"2026-01-01T00:00:00.000Z\",\"name\":").unwrap();
    assert_eq!(names(state.path()), ["a"]);
    file.write_all(b"\"b\"}\n").unwrap();
    assert_eq!(names(state.path()), ["a", "b"]);
}

#[test]
fn garbage_between_lines_is_left_out() {
    let state = tempfile::tempdir().unwrap();
    let folder = folder(state.path());
    fs::create_dir(&folder).unwrap();
    let good = |name: &str| format!("{{\"time\":\"2026-01-01T00:00:00.000Z\",\"name\":\"{name}\"}}\n");
    let text =
        [good("a").as_bytes(), b"\n\xff\xfe\n{}\n[1]\n{\"time\":3}\n\0\0\0\n", good("b").as_bytes()].concat();
    fs::write(folder.join("journal.jsonl"), text).unwrap();
    assert_eq!(names(state.path()), ["a", "b"]);
}

/// One thread writes numbers and rotates all the while; others read, and must see each number once, in
/// order, up to some number that had been written by then.
#[test]
fn rotation_during_reading_neither_loses_nor_doubles_lines() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), Limits { max_size: 2000, keep: 10_000 }).unwrap();
    let over = AtomicBool::new(false);
    let total = 3000;
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            loop {
                let last = over.load(Ordering::Acquire);
                let seen = names(state.path());
                let expected: Vec<String> = (0..seen.len()).map(|number| number.to_string()).collect();
                assert_eq!(seen, expected);
                reads += 1;
                if last {
                    assert_eq!(seen.len(), total);
                    return reads;
                }
            }
        });
        for number in 0..total {
            write(&journal, [number.to_string()]);
            if number % 100 == 0 {
                journal.flush(LONG);
            }
        }
        assert!(journal.close(LONG));
        over.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    assert!(reads > 1, "{reads}");
}

#[test]
fn a_place_between_two_pages_stays_right_when_files_are_rotated() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), Limits { max_size: 3 << 20, keep: 100 }).unwrap();
    let long = |number: usize| format!("{number:06}.{}", "x".repeat(1000));
    let put = |numbers: std::ops::Range<usize>| {
        write(&journal, numbers.map(long));
        assert!(journal.flush(LONG));
    };
    put(0..5000);
    let mut seen = Vec::new();
    let mut from = Some(Cursor::default());
    let mut pages = 0;
    while let Some(place) = from {
        let page = page(&folder(state.path()), place, &Filter::default()).unwrap();
        let lines = page.lines().map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
        seen.extend(lines.map(|line| line["name"].as_str().unwrap().to_owned()));
        from = page.next;
        pages += 1;
        if pages == 1 {
            // The file that the page ended in is full now, and gets its number.
            put(5000..12_000);
        }
    }
    assert!(pages > 2, "{pages}");
    assert_eq!(seen, (0..12_000).map(long).collect::<Vec<_>>());
}

#[test]
fn filters_take_what_has_all_that_they_ask_for() {
    let state = tempfile::tempdir().unwrap();
    let journal = Journal::open(state.path(), LARGE).unwrap();
    let mut lines = journal.batch();
    for (second, name, backend, view, outcome) in [
        (0, "example.org", "lan", "default", "applied"),
        (1, "www.example.org", "lan", "default", "applied"),
        (2, "WWW.Example.ORG.", "edge", "internal", "refused"),
        (3, "*.example.org", "lan", "internal", "held"),
        (4, "notexample.org", "lan", "default", "applied"),
        (5, "a.b.example.org", "edge", "default", "applied"),
        (6, "no domain name", "edge", "default", "refused"),
    ] {
        lines.push(&Entry { time: at(second), backend, view, outcome, ..entry(name) });
    }
    journal.write(lines);
    assert!(journal.close(LONG));
    let found = |pairs: &[(&str, &str)]| -> Vec<u64> {
        let mut filter = Filter::default();
        for (key, value) in pairs {
            filter.set(key, value).unwrap();
        }
        let lines = read(state.path(), &filter);
        let second =
            |line: &serde_json::Value| line["time"].as_str().unwrap()[17..19].parse::<u64>().unwrap();
        // 1,700,000,000 is at 20 seconds past a minute.
        lines.iter().map(|line| second(line) - 20).collect()
    };
    assert_eq!(found(&[]), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(found(&[("name", "www.EXAMPLE.org.")]), [1, 2]);
    assert_eq!(found(&[("name", "*.example.org")]), [1, 2, 3, 5]);
    assert_eq!(found(&[("name", "*.b.example.org")]), [5]);
    assert_eq!(found(&[("backend", "edge")]), [2, 5, 6]);
    assert_eq!(found(&[("view", "internal")]), [2, 3]);
    assert_eq!(found(&[("outcome", "refused")]), [2, 6]);
    assert_eq!(found(&[("since", "2023-11-14T22:13:25Z")]), [5, 6]);
    assert_eq!(found(&[("since", "2023-11-14T22:13:25Z"), ("outcome", "applied")]), [5]);
    assert_eq!(found(&[("since", "2099-01-01T00:00:00Z")]), [0; 0]);
}
