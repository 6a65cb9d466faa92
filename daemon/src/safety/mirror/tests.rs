//! Comparing, with random primaries, mirrors and memories: what is ours becomes equal, what is not stays.

use std::collections::BTreeSet;

use proptest::prelude::*;
use zonemux_plugin::{Change, Endpoint, EndpointView, is_ownership_txt};

use super::reconcile::{Records, Wanted, join, plan};
use crate::safety::RecordKey;
use crate::safety::compare::is_as_desired;

/// A mirror, and the keys that zonemux wrote there.
#[derive(Debug, Clone, PartialEq, Default)]
struct Mirror {
    records: Records,
    ours: BTreeSet<RecordKey>,
}

fn records(endpoints: impl IntoIterator<Item = Endpoint>) -> Records {
    let mut records = Records::new();
    endpoints.into_iter().for_each(|endpoint| join(&mut records, endpoint));
    records
}

fn whole(primary: &Records) -> Wanted {
    let records = primary.iter().map(|(key, record)| (key.clone(), Some(record.clone())));
    Wanted { records: records.collect(), whole: true }
}

/// Writes what a comparison says, as a mirror without guards would; how many records were touched, and
/// the keys of those that were left alone.
fn write(mirror: &mut Mirror, wanted: &Wanted) -> (usize, BTreeSet<RecordKey>) {
    let ours = mirror.ours.clone();
    let (units, sorted) = plan(wanted, &mirror.records, |key| ours.contains(key)).unwrap().sort();
    let mut touched = 0;
    for unit in sorted.write {
        for (_, change) in units.changes(unit) {
            let key = RecordKey::of(&change.endpoint());
            if let Change::Update { old: Some(old), .. } | Change::Delete(old) = &change {
                assert_eq!(old.to_endpoint(), mirror.records[&key], "planned on what is not there");
            }
            assert!(ours.contains(&key) || !mirror.records.contains_key(&key), "{key} is not ours");
            if let Some(new) = change.desired() {
                mirror.records.insert(key.clone(), new.to_endpoint());
                mirror.ours.insert(key);
            } else {
                mirror.records.remove(&key);
                mirror.ours.remove(&key);
            }
            touched += 1;
        }
    }
    let conflicts = sorted.conflicts.iter().flat_map(|&unit| units.all_keys(unit)).collect();
    (touched, conflicts)
}

fn www(target: &str) -> Endpoint {
    Endpoint::new("www.example.org", "A", [target]).with_ttl(300)
}

fn ownership(name: &str) -> Endpoint {
    Endpoint::new(format!("a-{name}"), "TXT", ["\"heritage=external-dns,external-dns/owner=x\""])
}

fn keys(endpoints: &[Endpoint]) -> BTreeSet<RecordKey> {
    endpoints.iter().map(RecordKey::of).collect()
}

/// Few names, types and targets, so that much of it meets.
fn endpoint() -> impl Strategy<Value = Endpoint> {
    let name = prop_oneof![Just("www"), Just("db"), Just("a-www"), Just("x")];
    let record_type = prop_oneof![4 => Just("A"), 2 => Just("CNAME"), 3 => Just("TXT"), 1 => Just("MX")];
    (name, record_type, 0..3_u8, 0..3_u32, prop_oneof![6 => Just(""), 1 => Just("north")]).prop_map(
        |(name, record_type, target, ttl, set)| {
            let target = match record_type {
                "A" => format!("192.0.2.{target}"),
                "CNAME" => format!("target{target}.example.org"),
                "MX" => format!("10 mail{target}.example.org"),
                _ => format!("\"heritage=external-dns,external-dns/owner=owner{target}\""),
            };
            let endpoint = Endpoint::new(format!("{name}.example.org"), record_type, [target]);
            Endpoint { set_identifier: set.to_owned(), ..endpoint.with_ttl(ttl * 60) }
        },
    )
}

fn some_records() -> impl Strategy<Value = Records> {
    proptest::collection::vec(endpoint(), 0..12).prop_map(records)
}

fn mirror() -> impl Strategy<Value = Mirror> {
    (some_records(), proptest::collection::vec(any::<bool>(), 12), some_records()).prop_map(
        |(records, ours, gone)| {
            let known = records.keys().zip(ours).filter(|(_, ours)| *ours).map(|(key, _)| key.clone());
            // Some that zonemux wrote once, and that somebody took away.
            let taken = gone.keys().filter(|key| !records.contains_key(*key)).cloned();
            let ours = known.chain(taken).collect();
            Mirror { records, ours }
        },
    )
}

proptest! {
    #[test]
    fn what_is_ours_becomes_equal_and_what_is_not_stays(primary in some_records(), before in mirror()) {
        let mut after = before.clone();
        let (_, conflicts) = write(&mut after, &whole(&primary));
        for (key, record) in before.records.iter().filter(|(key, _)| !before.ours.contains(*key)) {
            prop_assert_eq!(after.records.get(key), Some(record), "somebody else's {} was touched", key);
        }
        for (key, wanted) in primary.iter().filter(|(key, _)| !conflicts.contains(*key)) {
            let there = after.records.get(key);
            prop_assert!(there.is_some_and(|there| is_as_desired(there, wanted)), "{} is {:?}", key, there);
        }
        let ours = after.records.keys().filter(|key| after.ours.contains(*key));
        for key in ours.filter(|key| !conflicts.contains(*key)) {
            prop_assert!(primary.contains_key(key), "{} is ours, and the primary has none", key);
        }
    }

    #[test]
    fn a_second_comparison_finds_nothing_to_write(primary in some_records(), mut mirror in mirror()) {
        let (_, conflicts) = write(&mut mirror, &whole(&primary));
        let before = mirror.clone();
        prop_assert_eq!(write(&mut mirror, &whole(&primary)), (0, conflicts));
        prop_assert_eq!(mirror, before);
    }

    #[test]
    fn a_conflict_is_always_somebody_elses_record(primary in some_records(), mut mirror in mirror()) {
        let before = mirror.clone();
        let (_, conflicts) = write(&mut mirror, &whole(&primary));
        let names: BTreeSet<&str> = before.records.keys().filter(|key| !before.ours.contains(*key)).map(|key| key.name.as_str()).collect();
        let of_a_unit = |key: &RecordKey| names.contains(key.name.as_str())
            || primary.values().chain(before.records.values()).any(is_ownership_txt);
        prop_assert!(conflicts.iter().all(of_a_unit), "{:?}", conflicts);
        if names.is_empty() {
            prop_assert!(conflicts.is_empty(), "{:?}", conflicts);
        }
    }

    #[test]
    fn changes_come_to_the_same_as_a_comparison(before in some_records(), after in some_records()) {
        let mut by_changes = Mirror::default();
        write(&mut by_changes, &whole(&before));
        let mut compared = by_changes.clone();
        let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), None));
        let there = after.iter().map(|(key, record)| (key.clone(), Some(record.clone())));
        write(&mut by_changes, &Wanted { records: gone.chain(there).collect(), whole: false });
        write(&mut compared, &whole(&after));
        prop_assert_eq!(by_changes, compared);
    }
}

#[test]
fn somebody_elses_record_gets_no_ownership_txt_of_ours() {
    let theirs = [www("192.0.2.1")];
    for primary in [www("192.0.2.1"), www("192.0.2.2")] {
        let primary = records([primary, ownership("www.example.org")]);
        let mut mirror = Mirror { records: records(theirs.clone()), ours: BTreeSet::new() };
        let (touched, conflicts) = write(&mut mirror, &whole(&primary));
        assert_eq!((touched, conflicts.len()), (0, 2));
    }
}

#[test]
fn a_cname_is_not_put_where_somebody_elses_record_is() {
    let cname = Endpoint::new("www.example.org", "CNAME", ["x.example.org"]);
    let mut mirror = Mirror { records: records([www("192.0.2.1")]), ours: BTreeSet::new() };
    assert_eq!(
        write(&mut mirror, &whole(&records([cname.clone()]))),
        (0, keys(std::slice::from_ref(&cname)))
    );
    // Of ours it takes the place.
    mirror.ours = keys(&[www("192.0.2.1")]);
    assert_eq!(write(&mut mirror, &whole(&records([cname.clone()]))), (2, BTreeSet::new()));
    assert_eq!(mirror.records, records([cname]));
}

#[test]
fn what_somebody_put_there_and_is_equal_is_no_conflict() {
    let both = [www("192.0.2.1"), ownership("www.example.org")];
    let mut mirror = Mirror { records: records(both.clone()), ours: BTreeSet::new() };
    assert_eq!(write(&mut mirror, &whole(&records(both))), (0, BTreeSet::new()));
}

#[test]
fn changes_delete_nothing_that_they_do_not_name() {
    let other = Endpoint::new("db.example.org", "A", ["192.0.2.9"]);
    let mut mirror = Mirror::default();
    write(&mut mirror, &whole(&records([www("192.0.2.1"), other.clone()])));
    let gone = Wanted { records: [(RecordKey::of(&www("")), None)].into(), whole: false };
    assert_eq!(write(&mut mirror, &gone).0, 1);
    assert_eq!(mirror.records, records([other]));
}

#[test]
fn several_records_of_one_key_are_one() {
    let listed = [www("192.0.2.1"), www("192.0.2.2")];
    let joined = Endpoint { targets: vec!["192.0.2.1".into(), "192.0.2.2".into()], ..www("") };
    let mut mirror = Mirror { records: records(listed.clone()), ours: keys(&listed) };
    assert_eq!(write(&mut mirror, &whole(&records([joined]))).0, 0);
}
