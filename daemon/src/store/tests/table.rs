//! Tables: crashes, damage, other versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::store::memory::Memory;
use crate::store::{Store, StoreErrorKind, StoreKey, Table};

type Rows = BTreeMap<String, u32>;
type Commit = Vec<(String, Option<u32>)>;

fn key() -> StoreKey {
    StoreKey::new("lan", "numbers")
}

fn open(store: &Arc<Memory>) -> Table<u32> {
    Table::open(Arc::clone(store) as Arc<dyn Store>, key()).unwrap()
}

fn rows(table: &Table<u32>) -> Rows {
    table.iter().map(|(key, value)| (key.to_owned(), *value)).collect()
}

fn put(table: &mut Table<u32>, key: &str, value: u32) {
    table.commit([(key.to_owned(), Some(value))]).unwrap();
}

/// What a table holds after each of these commits, the empty one first.
fn states(commits: &[Commit]) -> Vec<Rows> {
    let mut states = vec![Rows::new()];
    for commit in commits {
        let mut rows = states.last().unwrap().clone();
        for (key, value) in commit {
            match value {
                Some(value) => rows.insert(key.clone(), *value),
                None => rows.remove(key),
            };
        }
        states.push(rows);
    }
    states
}

fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let change = ("[a-d]|\"\\n|ä", proptest::option::of(0_u32..100));
    proptest::collection::vec(proptest::collection::vec(change, 0..4), 0..8)
}

proptest! {
    #[test]
    fn a_table_is_what_was_committed(commits in commits()) {
        let store = Arc::new(Memory::default());
        let states = states(&commits);
        for (index, commit) in commits.into_iter().enumerate() {
            // Some on a table that was open before, some on one that was read again.
            let mut table = open(&store);
            table.commit(commit).unwrap();
            prop_assert_eq!(&rows(&table), &states[index + 1]);
            prop_assert_eq!(table.len(), states[index + 1].len());
        }
        prop_assert_eq!(&rows(&open(&store)), states.last().unwrap());
        prop_assert_eq!(store.aside().len(), 0);
    }

    #[test]
    fn after_a_crash_at_any_byte_a_table_is_what_some_first_commits_made(commits in commits()) {
        let store = Arc::new(Memory::default());
        let mut table = open(&store);
        let states = states(&commits);
        // How long the log was when each state was acknowledged.
        let mut lengths = vec![0];
        for commit in commits {
            table.commit(commit).unwrap();
            lengths.push(store.value(&key()).map_or(0, |log| log.len()));
        }
        let log = store.value(&key()).unwrap_or_default();
        for end in 0..=log.len() {
            let crashed = Arc::new(Memory::default());
            crashed.set(&key(), &log[..end]);
            let mut table = open(&crashed);
            let found = rows(&table);
            let acknowledged = lengths.iter().rposition(|length| *length <= end).unwrap();
            prop_assert!(
                states[acknowledged..].iter().take(2).any(|state| *state == found),
                "cut at {}: {:?}, acknowledged was {:?}", end, found, states[acknowledged]
            );
            // And it goes on from there.
            put(&mut table, "z", 1);
            let mut expected = found;
            expected.insert("z".into(), 1);
            prop_assert_eq!(rows(&open(&crashed)), expected);
        }
    }

    #[test]
    fn damage_anywhere_is_set_aside_and_costs_only_its_own_line(place: prop::sample::Index, bit in 0_u8..8) {
        let store = Arc::new(Memory::default());
        let mut table = open(&store);
        for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
            put(&mut table, name, u32::try_from(index).unwrap());
        }
        let mut log = store.value(&key()).unwrap();
        let place = place.index(log.len() - 1);
        log[place] ^= 1 << bit;
        store.set(&key(), log.clone());
        let mut table = open(&store);
        // A bit that makes a line break of another byte, or another byte of one, costs two lines at most.
        prop_assert!(!table.is_empty(), "{:?}", table);
        prop_assert_eq!(store.aside(), [log]);
        put(&mut table, "d", 4);
        let again = open(&store);
        prop_assert_eq!(rows(&again), rows(&table));
        prop_assert_eq!(store.aside().len(), 1);
    }
}

#[test]
fn a_commit_that_fails_leaves_memory_and_log_as_they_were() {
    let store = Arc::new(Memory::default());
    let mut table = open(&store);
    put(&mut table, "a", 1);
    store.set_full(true);
    let error = table.commit([("a".into(), None), ("b".into(), Some(2))]).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Full);
    assert_eq!(rows(&table), Rows::from([("a".into(), 1)]));
    store.set_full(false);
    put(&mut table, "b", 2);
    assert_eq!(rows(&open(&store)), Rows::from([("a".into(), 1), ("b".into(), 2)]));
}

#[test]
fn a_damaged_table_on_a_full_disk_is_read_and_set_aside_before_it_is_written() {
    let store = Arc::new(Memory::default());
    let mut table = open(&store);
    put(&mut table, "a", 1);
    put(&mut table, "b", 2);
    let mut log = store.value(&key()).unwrap();
    let line = log.iter().position(|byte| *byte == b'\n').unwrap() + 12;
    log[line] = b'#';
    store.set(&key(), log.clone());
    store.set_full(true);
    let mut table = open(&store);
    assert_eq!(rows(&table), Rows::from([("b".into(), 2)]));
    assert!(table.commit([("c".into(), Some(3))]).is_err());
    assert_eq!((store.value(&key()).unwrap(), store.aside().len()), (log.clone(), 0));
    store.set_full(false);
    put(&mut table, "c", 3);
    assert_eq!(store.aside(), [log]);
    assert_eq!(rows(&open(&store)), Rows::from([("b".into(), 2), ("c".into(), 3)]));
}

#[test]
fn a_table_that_lost_its_content_is_not_silently_empty() {
    let store = Arc::new(Memory::default());
    store.set(&key(), "");
    assert!(open(&store).is_empty());
    assert_eq!(store.aside(), [Vec::<u8>::new()]);
}

#[test]
fn a_table_of_a_newer_version_is_refused_and_left_as_it_is() {
    let store = Arc::new(Memory::default());
    let json = "{\"table\":2}";
    let log = format!("{:08x} {json}\nwhatever comes then\n", crc32fast::hash(json.as_bytes()));
    store.set(&key(), log.clone());
    let error = Table::<u32>::open(Arc::clone(&store) as Arc<dyn Store>, key()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Newer);
    let text = "can't use the table `lan/numbers`: it has version 2, and this zonemux reads up to 1";
    assert_eq!(error.to_string(), text);
    assert_eq!(store.value(&key()).unwrap(), log.into_bytes());
}

#[test]
fn a_value_that_this_version_does_not_know_costs_only_itself() {
    let store = Arc::new(Memory::default());
    let mut other: Table<serde_json::Value> =
        Table::open(Arc::clone(&store) as Arc<dyn Store>, key()).unwrap();
    other.commit([("a".into(), Some("text".into())), ("b".into(), Some(2.into()))]).unwrap();
    assert_eq!(rows(&open(&store)), Rows::from([("b".into(), 2)]));
    assert_eq!(store.aside().len(), 1);
}

#[test]
fn a_log_is_rewritten_when_it_is_mostly_history() {
    let store = Arc::new(Memory::default());
    let mut table = open(&store);
    let mut longest = 0;
    for round in 0..20_000 {
        put(&mut table, &format!("key {}", round % 10), round);
        longest = longest.max(store.value(&key()).unwrap().len());
    }
    assert!((60 << 10..=64 << 10).contains(&longest), "{longest}");
    assert_eq!(rows(&open(&store)), rows(&table));
    assert_eq!((table.len(), table.get("key 9")), (10, Some(&19_999)));
}

#[test]
fn a_commit_without_effect_writes_nothing() {
    let store = Arc::new(Memory::default());
    let mut table = open(&store);
    table.commit([("a".into(), None)]).unwrap();
    table.commit([]).unwrap();
    assert_eq!(store.value(&key()), None);
}

#[test]
fn a_log_can_be_read_by_a_person() {
    let store = Arc::new(Memory::default());
    let mut table = open(&store);
    table.commit([("www.example.org A".into(), Some(1)), ("old.example.org A".into(), Some(2))]).unwrap();
    table.commit([("old.example.org A".into(), None)]).unwrap();
    insta::assert_snapshot!(String::from_utf8(store.value(&key()).unwrap()).unwrap());
}
