//! The journal from `Entry` to file and back.

mod full_disk;
mod reading;
mod repeats;
mod writing;

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::{Cursor, Entry, Filter, Journal, Limits, folder, page};

const LARGE: Limits = Limits { max_size: 64 << 20, keep: 4 };
const LONG: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
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
        duration: Duration::from_micros(1_234_567),
    }
}

/// Writes entries with these names as one batch.
fn write<N: AsRef<str>>(journal: &Journal, names: impl IntoIterator<Item = N>) {
    let mut lines = journal.batch();
    for name in names {
        lines.push(&entry(name.as_ref()));
    }
    journal.write(lines);
}

/// All lines of a journal, page by page.
fn read(state: &Path, filter: &Filter) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut from = Some(Cursor::default());
    while let Some(place) = from {
        let page = page(&folder(state), place, filter).unwrap();
        lines.extend(page.lines().map(|line| serde_json::from_slice::<Value>(line).unwrap()));
        from = page.next;
    }
    lines
}

fn names(state: &Path) -> Vec<String> {
    let lines = read(state, &Filter::default());
    lines.iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect()
}

fn files(state: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder(state)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}
