//! What is kept comes back whole or not at all.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use zonemux_plugin::Endpoint;

use super::{Mark, Snapshot, is_same};
use crate::store::memory::Memory;
use crate::store::{Files, Store, StoreErrorKind, StoreKey};
use crate::wire::{EncodedList, ListEncoder, join};

fn list(count: usize) -> EncodedList {
    let endpoints: Vec<Endpoint> =
        (0..count).map(|index| Endpoint::new(format!("r{index}.example.org"), "A", ["192.0.2.1"])).collect();
    ListEncoder::encode(&endpoints)
}

fn zones() -> Vec<String> {
    vec!["example.org".to_owned()]
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn save(store: &dyn Store, list: &EncodedList, second: u64) -> Mark {
    Snapshot::save(store, "lan", &zones(), list, at(second)).unwrap()
}

fn load(store: &dyn Store) -> Snapshot {
    Snapshot::load(store, "lan", &zones()).unwrap().unwrap()
}

fn text(list: &EncodedList) -> Vec<u8> {
    join([list]).concat()
}

#[test]
fn a_list_comes_back_as_it_was_in_the_same_chunks() {
    let state = tempfile::tempdir().unwrap();
    let files: Arc<dyn Store> = Arc::new(Files::new(state.path()));
    assert!(Snapshot::load(&*files, "lan", &zones()).unwrap().is_none());
    for count in [5_000, 1, 0] {
        let list = list(count);
        let mark = save(&*files, &list, 7);
        let loaded = load(&*files);
        assert_eq!((loaded.list.count, loaded.list.bytes), (count, list.bytes));
        assert_eq!(loaded.list.chunks, list.chunks);
        assert_eq!((loaded.taken_at, loaded.mark), (at(7), mark));
    }
}

#[test]
fn its_first_line_can_be_read_by_a_person() {
    let store = Memory::default();
    save(&store, &list(1), 0);
    let content = String::from_utf8(store.value(&StoreKey::new("lan", "snapshot")).unwrap()).unwrap();
    insta::assert_snapshot!(content);
}

#[test]
fn the_same_list_seen_again_is_younger_and_is_not_written_again() {
    let store = Memory::default();
    let mark = save(&store, &list(100), 0);
    let kept = store.value(&StoreKey::new("lan", "snapshot"));
    Snapshot::confirm(&store, "lan", mark, at(60)).unwrap();
    assert_eq!(load(&store).taken_at, at(60));
    assert_eq!(store.value(&StoreKey::new("lan", "snapshot")), kept);
    // A confirmation of a list that has been replaced says nothing of the new one.
    save(&store, &list(99), 30);
    assert_eq!(load(&store).taken_at, at(30));
    // One that is damaged makes the list no younger, and costs nothing else.
    let mark = save(&store, &list(100), 10);
    Snapshot::confirm(&store, "lan", mark, at(60)).unwrap();
    store.set(&StoreKey::new("lan", "snapshot-confirmed"), "garbage");
    assert_eq!(load(&store).taken_at, at(10));
}

#[test]
fn a_confirmation_after_the_clock_was_set_back_counts() {
    let store = Memory::default();
    let mark = save(&store, &list(3), 1_000_000);
    Snapshot::confirm(&store, "lan", mark, at(5)).unwrap();
    assert_eq!(load(&store).taken_at, at(5));
}

#[test]
fn a_snapshot_of_other_zones_is_not_shown() {
    let store = Memory::default();
    save(&store, &list(3), 0);
    assert!(Snapshot::load(&store, "lan", &["example.net".to_owned()]).unwrap().is_none());
}

#[test]
fn a_snapshot_of_another_backend_or_a_newer_version_is_refused_by_name() {
    let store = Memory::default();
    save(&store, &list(3), 0);
    let content = store.value(&StoreKey::new("lan", "snapshot")).unwrap();
    store.set(&StoreKey::new("edge", "snapshot"), content);
    let error = Snapshot::load(&store, "edge", &zones()).unwrap_err();
    assert_eq!(error.to_string(), "can't use the snapshot of `edge`: it is of the backend `lan`");

    let json = "{\"snapshot\":2,\"what\":\"nobody knows\"}";
    let content = format!("{:08x} {json}\nbody", crc32fast::hash(json.as_bytes()));
    store.set(&StoreKey::new("lan", "snapshot"), content);
    let error = Snapshot::load(&store, "lan", &zones()).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Newer);
    let expected = "can't use the snapshot of `lan`: it has version 2, and this zonemux reads up to 1";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_snapshot_that_is_cut_anywhere_is_refused() {
    let store = Memory::default();
    save(&store, &list(3), 0);
    let content = store.value(&StoreKey::new("lan", "snapshot")).unwrap();
    for end in 0..content.len() {
        store.set(&StoreKey::new("lan", "snapshot"), &content[..end]);
        let error = Snapshot::load(&store, "lan", &zones()).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Damaged, "{end}");
    }
}

proptest! {
    #[test]
    fn a_changed_bit_anywhere_is_noticed(place: prop::sample::Index, bit in 0_u8..8) {
        let store = Memory::default();
        save(&store, &list(3), 0);
        let mut content = store.value(&StoreKey::new("lan", "snapshot")).unwrap();
        let place = place.index(content.len());
        content[place] ^= 1 << bit;
        store.set(&StoreKey::new("lan", "snapshot"), content);
        let error = Snapshot::load(&store, "lan", &zones()).unwrap_err();
        prop_assert_eq!(error.kind, StoreErrorKind::Damaged);
    }

    #[test]
    fn lists_are_the_same_whatever_their_cuts(
        text in proptest::collection::vec(0_u8..3, 0..40), cuts in proptest::collection::vec(0..40_usize, 0..5),
        change in proptest::option::of(0..40_usize),
    ) {
        let whole = EncodedList { chunks: vec![text.clone().into()], count: 1, bytes: text.len() as u64 };
        let mut other = text.clone();
        if let Some(byte) = change.and_then(|place| other.get_mut(place)) {
            *byte += 1;
        }
        let differs = other != text;
        let mut chunks = Vec::new();
        for cut in cuts {
            chunks.push(other.drain(..cut.min(other.len())).collect::<Vec<u8>>().into());
        }
        chunks.push(other.into());
        let cut = EncodedList { chunks, ..whole.clone() };
        prop_assert_eq!(is_same(&whole, &cut), !differs);
        prop_assert_eq!(is_same(&cut, &whole), !differs);
    }
}

#[test]
fn a_list_that_can_not_be_kept_leaves_the_one_before() {
    let store = Memory::default();
    save(&store, &list(3), 0);
    store.set_full(true);
    let error = Snapshot::save(&store, "lan", &zones(), &list(4), at(1)).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Full);
    assert_eq!(text(&load(&store).list), text(&list(3)));
}
