use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use zonemux_rdata::{Rtype, name_to_wire};

use super::*;
use crate::rrset::{Origin, Rrset};
use crate::soa::Soa;

pub(super) fn soa() -> Soa {
    let name = name_to_wire("ns1.example.org");
    Soa { mname: name.clone(), rname: name, refresh: 1, retry: 2, expire: 3, minimum: 4, ttl: 5 }
}

pub(super) fn name(text: &str) -> Name {
    Name::from_canonical(text).unwrap()
}

pub(super) fn text(words: &str) -> Rrset {
    let rdata = [&[u8::try_from(words.len()).unwrap()], words.as_bytes()].concat();
    Rrset::new(Rtype::TXT, 60, Origin::Managed, [rdata], b"note").unwrap()
}

/// Opens a folder. A process that another test starts holds our locks until it runs its own program.
pub(super) fn open(folder: &Path) -> Result<Store, OpenError> {
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match Store::open(folder) {
            Err(OpenError::Locked(_)) if std::time::Instant::now() < give_up => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

/// A store with the zones example.org and example.net.
pub(super) fn open_new(folder: &Path) -> Store {
    let mut store = open(folder).unwrap();
    for apex in ["example.org", "example.net"] {
        let zone = Zone::new(name(apex), &soa(), 1);
        store.commit(&[Changed::created(Arc::new(zone))]).unwrap();
    }
    store
}

pub(super) fn change(store: &Store, owner: &str, rrset: Option<&Rrset>) -> Option<Changed> {
    let owner = name(owner);
    let zone = store.zones().find(|zone| owner.is_at_or_below(zone.apex())).unwrap();
    let mut draft = zone.draft();
    match rrset {
        Some(rrset) => draft.put(&owner, rrset),
        None => draft.remove(&owner, Rtype::TXT),
    }
    let serial = zone.serial() + 1;
    draft.finish(&soa(), serial)
}

pub(super) fn commit(store: &mut Store, changes: &[(&str, Option<&str>)]) {
    let done: Vec<Changed> =
        changes.iter().filter_map(|(owner, words)| change(store, owner, words.map(text).as_ref())).collect();
    store.commit(&done).unwrap();
}

/// Everything that a store holds, as text.
pub(super) fn content(store: &Store) -> Vec<String> {
    let of = |zone: &Arc<Zone>| {
        let lines = zone.iter().map(|(name, rrset)| format!("{name} {rrset:?} {:?}", rrset.note()));
        lines.collect::<Vec<_>>()
    };
    store.zones().flat_map(of).collect()
}

pub(super) fn owners(folder: &Path) -> Vec<String> {
    let store = open(folder).unwrap();
    let names =
        store.zones().flat_map(|zone| zone.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>());
    names.filter(|name| name.split('.').count() > 2).collect()
}

pub(super) fn fixture() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made").join("here");
    (folder, path)
}

#[test]
fn batches_are_there_after_a_restart() {
    let (_folder, path) = fixture();
    let before = {
        let mut store = open_new(&path);
        commit(&mut store, &[("a.example.org", Some("1")), ("b.example.net", Some("2"))]);
        commit(&mut store, &[("a.example.org", None), ("c.example.net", Some("3"))]);
        commit(&mut store, &[("a.example.org", Some("4"))]);
        content(&store)
    };
    let store = open(&path).unwrap();
    assert_eq!(content(&store), before);
    let zone = store.get(&name("example.org")).unwrap();
    assert_eq!(zone.serial(), 4);
    let steps: Vec<_> = zone.steps_since(1).unwrap().map(|step| (step.from, step.to)).collect();
    assert_eq!(steps, [(1, 2), (2, 3), (3, 4)], "a secondary goes on from where it was");
}

#[test]
fn a_second_opening_is_refused() {
    let (_folder, path) = fixture();
    let _first = open_new(&path);
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Locked(_)));
    assert!(error.to_string().contains("is in use by another backend or process\nhint: "), "{error}");
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let (_folder, path) = fixture();
    fs::create_dir_all(&path).unwrap();
    for content in ["", "something else", "zonemux authority zones 2\n"] {
        fs::write(path.join(FILE), content).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Foreign(_))));
        assert_eq!(fs::read_to_string(path.join(FILE)).unwrap(), content);
    }
}

#[test]
fn a_batch_that_was_cut_off_anywhere_is_dropped_whole() {
    let (_folder, path) = fixture();
    let mut store = open_new(&path);
    commit(&mut store, &[("a.example.org", Some("1"))]);
    let (before, kept) = (store.size(), content(&store));
    commit(&mut store, &[("b.example.org", Some("2")), ("b.example.net", Some("2"))]);
    let whole = content(&store);
    drop(store);
    let bytes = fs::read(path.join(FILE)).unwrap();
    for end in before..bytes.len() {
        fs::write(path.join(FILE), &bytes[..end]).unwrap();
        assert_eq!(content(&open(&path).unwrap()), kept, "cut at {end}");
        assert_eq!(fs::metadata(path.join(FILE)).unwrap().len(), before as u64);
        // After a loss of power there may be zeros instead.
        let mut zeros = bytes[..end].to_vec();
        zeros.resize(bytes.len(), 0);
        fs::write(path.join(FILE), &zeros).unwrap();
        match open(&path) {
            Ok(store) => assert_eq!(content(&store), if zeros == bytes { &whole[..] } else { &kept[..] }),
            // Only of what a disk writes as a whole.
            Err(error) => assert!(
                end - before < 8 || bytes.len() - end < 4,
                "cut at {end} of {before} to {}: {error}",
                bytes.len()
            ),
        }
    }
}

#[test]
fn damage_before_the_end_refuses_to_start_wherever_it_is() {
    let (_folder, path) = fixture();
    let mut store = open_new(&path);
    commit(&mut store, &[("a.example.org", Some("1"))]);
    store.rewrite(store.zones.clone()).unwrap();
    let zones_end = store.size();
    commit(&mut store, &[("b.example.org", Some("2"))]);
    let last = store.size();
    commit(&mut store, &[("c.example.org", Some("3"))]);
    drop(store);
    let bytes = fs::read(path.join(FILE)).unwrap();
    for at in 0..last {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        fs::write(path.join(FILE), &damaged).unwrap();
        let error = open(&path).expect_err("damage");
        let words = error.to_string();
        assert!(words.contains("\nhint: "), "{words}");
        if at >= HEADER.len() {
            assert!(matches!(error, OpenError::Damaged { offset, .. } if offset <= at), "{words}");
            assert_eq!(words.contains("truncate -s"), at >= zones_end, "{words}");
        }
        assert_eq!(fs::read(path.join(FILE)).unwrap(), damaged, "nothing is written");
    }
    // What can be cut off is told right.
    let mut damaged = bytes;
    damaged[zones_end + 20] ^= 1;
    damaged.truncate(zones_end);
    fs::write(path.join(FILE), &damaged).unwrap();
    assert_eq!(owners(&path), ["a.example.org"]);
}

#[test]
fn zones_that_are_not_complete_are_damage() {
    let (_folder, path) = fixture();
    let mut store = open_new(&path);
    commit(&mut store, &[("a.example.org", Some("1"))]);
    store.rewrite(store.zones.clone()).unwrap();
    drop(store);
    let bytes = fs::read(path.join(FILE)).unwrap();
    for end in HEADER.len()..bytes.len() {
        fs::write(path.join(FILE), &bytes[..end]).unwrap();
        assert!(matches!(open(&path), Err(OpenError::Damaged { complete: false, .. })), "cut at {end}");
    }
}

#[test]
fn the_file_is_rewritten_once_most_of_it_is_history() {
    let (_folder, path) = fixture();
    let mut store = open_new(&path);
    let mut largest = 0;
    for round in 0..60 {
        let words: Vec<String> = (0..10).map(|part| format!("{round} {part} {}", "x".repeat(200))).collect();
        let owners: Vec<String> = (0..20).map(|owner| format!("o{owner}.example.org")).collect();
        let zone = Arc::clone(store.get(&name("example.org")).unwrap());
        let mut draft = zone.draft();
        for owner in &owners {
            let rdatas = words.iter().map(|words| [&[210], format!("{words:210}").as_bytes()].concat());
            draft.put(&name(owner), &Rrset::new(Rtype::TXT, 60, Origin::Managed, rdatas, b"").unwrap());
        }
        store.commit(&[draft.finish(&soa(), zone.serial() + 1).unwrap()]).unwrap();
        store.tidy();
        largest = largest.max(store.size());
    }
    assert!((SMALL..2 * SMALL).contains(&largest), "{largest}");
    let before = content(&store);
    drop(store);
    assert_eq!(content(&open(&path).unwrap()), before);
    assert!(!path.join("zones.db.new").exists());
}

#[test]
fn a_file_that_was_removed_is_written_anew() {
    let (_folder, path) = fixture();
    let mut store = open_new(&path);
    commit(&mut store, &[("a.example.org", Some("1"))]);
    store.check().unwrap();
    fs::remove_file(path.join(FILE)).unwrap();
    assert!(store.check().is_err());
    commit(&mut store, &[("b.example.org", Some("2"))]);
    store.check().unwrap();
    drop(store);
    assert_eq!(owners(&path), ["a.example.org", "b.example.org"]);
}

pub(super) fn owners_of(store: &Store) -> Vec<String> {
    store.zones().flat_map(|zone| zone.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn what_is_read_is_what_was_written(
        batches in proptest::collection::vec(
            proptest::collection::vec(("[a-c]{1,2}\\.example\\.(org|net)", any::<Option<u8>>()), 1..5),
            1..8,
        ),
        rewrite_at in 0..8_usize,
    ) {
        let (_folder, path) = fixture();
        let mut store = open_new(&path);
        for (index, batch) in batches.iter().enumerate() {
            for (owner, words) in batch {
                commit(&mut store, &[(owner, words.map(|number| number.to_string()).as_deref())]);
            }
            if index == rewrite_at {
                store.rewrite(store.zones.clone()).unwrap();
            }
        }
        let before = content(&store);
        drop(store);
        prop_assert_eq!(content(&open(&path).unwrap()), before);
    }
}
