use std::collections::HashMap;

use proptest::prelude::*;

use super::Unit;
use crate::changes::{ChangeId, Changes};
use crate::endpoint::Endpoint;
use crate::testing::ChangesBuilder;

use ChangeId::{Create, Delete, Update};

fn record(name: &str, record_type: &str) -> Endpoint {
    Endpoint::new(format!("{name}.example.org"), record_type, ["target"])
}

fn in_set(set: &str, mut endpoint: Endpoint) -> Endpoint {
    set.clone_into(&mut endpoint.set_identifier);
    endpoint
}

/// An ownership TXT as the registry sends it.
fn txt(name: &str, owned: &str) -> Endpoint {
    let mut txt = Endpoint::new(format!("{name}.example.org"), "TXT", ["\"heritage=external-dns\""]);
    txt.labels.insert("ownedRecord".into(), format!("{owned}.example.org"));
    txt
}

fn unlabelled(name: &str) -> Endpoint {
    let mut txt = txt(name, "");
    txt.labels.clear();
    txt
}

fn units(batch: &ChangesBuilder) -> Vec<Vec<ChangeId>> {
    batch.build().units().into_iter().map(|Unit { changes }| changes).collect()
}

#[test]
fn a_record_and_its_ownership_are_one_unit_in_order() {
    let batch = ChangesBuilder::new()
        .create(record("new", "A"))
        .create(record("other", "A"))
        .create(txt("x-a.new", "new"))
        .update(record("both", "MX"), record("both", "MX"))
        .update(txt("x-mx.both", "both"), txt("x-mx.both", "both"))
        .delete(txt("a-gone", "gone"))
        .delete(record("gone", "A"));
    assert_eq!(
        units(&batch),
        [vec![Delete(1), Delete(0)], vec![Update(1), Update(0)], vec![Create(2), Create(0)], vec![Create(1)],]
    );
}

#[test]
fn a_retype_is_one_unit_with_both_ownership_records() {
    let batch = ChangesBuilder::new()
        .create(record("www", "CNAME"))
        .create(txt("x-cname.www", "www"))
        .delete(record("www", "A"))
        .delete(txt("x-a.www", "www"));
    assert_eq!(units(&batch), [[Delete(0), Delete(1), Create(1), Create(0)]]);
    let dual_stack = ChangesBuilder::new()
        .create(record("www", "AAAA"))
        .update(record("www", "MX"), record("www", "MX"))
        .delete(record("www", "A"));
    assert_eq!(units(&dual_stack), [vec![Delete(0), Create(0)], vec![Update(0)]]);
}

#[test]
fn types_that_live_together_are_apart() {
    let batch = ChangesBuilder::new()
        .create(record("www", "A"))
        .create(record("www", "AAAA"))
        .create(txt("x-aaaa.www", "www"))
        .create(txt("x-a.www", "www"));
    assert_eq!(units(&batch), [[Create(3), Create(0)], [Create(2), Create(1)]]);
}

#[test]
fn a_cname_joins_everything_at_its_name() {
    let batch = ChangesBuilder::new()
        .create(in_set("blue", record("www", "CNAME")))
        .update(in_set("green", record("www", "A")), in_set("green", record("www", "A")))
        .create(record("ww", "A"));
    assert_eq!(units(&batch), [vec![Update(0), Create(0)], vec![Create(1)]]);
    let weighted = ChangesBuilder::new()
        .create(in_set("blue", record("www", "CNAME")))
        .create(in_set("green", record("www", "CNAME")))
        .create(in_set("green", txt("cname-www", "www")));
    assert_eq!(units(&weighted), [vec![Create(0)], vec![Create(2), Create(1)]]);
}

#[test]
fn what_makes_room_for_a_dname_is_its_unit() {
    let batch = ChangesBuilder::new()
        .create(record("old", "DNAME"))
        .create(record("beside", "A"))
        .delete(record("a.b.old", "A"))
        .delete(record("very-old", "A"));
    assert_eq!(units(&batch), [vec![Delete(0), Create(0)], vec![Delete(1)], vec![Create(1)]]);
}

#[test]
fn names_are_compared_in_one_spelling() {
    let batch = ChangesBuilder::new()
        .delete(Endpoint::new("WWW.bücher.example.", "A", ["192.0.2.1"]))
        .create(Endpoint::new("www.xn--bcher-kva.example", "CNAME", ["a.example"]));
    assert_eq!(units(&batch), [[Delete(0), Create(0)]]);
    let mut owner = Endpoint::new("a-bücher.example", "TXT", ["\"heritage=external-dns\""]);
    owner.labels.insert("ownedRecord".into(), "bücher.example".into());
    let record = |record_type| Endpoint::new("bücher.example", record_type, ["x"]);
    let batch = ChangesBuilder::new().create(record("MX")).create(record("A")).create(owner);
    assert_eq!(units(&batch), [vec![Create(0)], vec![Create(2), Create(1)]]);
}

#[test]
fn an_ownership_record_of_unknown_type_joins_the_whole_name() {
    let batch = ChangesBuilder::new()
        .create(record("www", "A"))
        .create(record("www", "AAAA"))
        .create(txt("owner.www", "www"))
        .create(in_set("blue", record("www", "A")));
    assert_eq!(units(&batch), [vec![Create(2), Create(0), Create(1)], vec![Create(3)]]);
}

#[test]
fn an_ownership_record_alone_is_a_unit_of_what_it_owns() {
    let batch = ChangesBuilder::new()
        .create(record("www", "AAAA"))
        .create(txt("x-a.www", "www"))
        .delete(txt("y-a.www", "www"))
        .create(unlabelled("plain"));
    assert_eq!(units(&batch), [vec![Delete(0), Create(1)], vec![Create(0)], vec![Create(2)]]);
}

#[test]
fn without_label_the_text_and_the_name_are_enough() {
    let batch = ChangesBuilder::new()
        .create(record("www", "A"))
        .create(record("example", "A"))
        .create(unlabelled("a-www"))
        .create(unlabelled("example"));
    assert_eq!(units(&batch), [[Create(2), Create(0)], [Create(3), Create(1)]]);
}

#[test]
fn a_large_batch_takes_time_in_proportion() {
    // Every change at one name: anything quadratic would take minutes.
    let mut batch = ChangesBuilder::new();
    for set in 0..20_000 {
        let set = set.to_string();
        batch = batch.create(in_set(&set, record("www", "A"))).create(in_set(&set, txt("a-www", "www")));
    }
    assert_eq!(units(&batch).len(), 20_000);
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    let name = prop_oneof![
        "[ab]\\.example\\.org",
        "[ab]\\.[ab]\\.example\\.org",
        "x-(a|cname|mx)\\.[ab]\\.example\\.org"
    ];
    let record_type = prop_oneof!["A", "AAAA", "CNAME", "TXT", "TXT", "DNAME"];
    (name, record_type, "[12]?", proptest::option::of("[ab]\\.example\\.org"), any::<bool>()).prop_map(
        |(name, record_type, set, owned, heritage)| {
            let target = if heritage { "heritage=external-dns" } else { "x" };
            let mut endpoint = in_set(&set, Endpoint::new(name, record_type, [target]));
            endpoint.labels.extend(owned.map(|owned| ("ownedRecord".to_owned(), owned)));
            endpoint
        },
    )
}

fn any_batch() -> impl Strategy<Value = Changes> {
    let list = || proptest::collection::vec(any_endpoint(), 0..8);
    (list(), list(), list()).prop_map(|(create, update, delete)| {
        let batch = create.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::create);
        let batch = update.into_iter().fold(batch, ChangesBuilder::upsert);
        delete.into_iter().fold(batch, ChangesBuilder::delete).build()
    })
}

proptest! {
    #[test]
    fn each_change_is_in_exactly_one_unit(batch in any_batch()) {
        let units = batch.units();
        prop_assert_eq!(&units, &batch.units());
        let mut seen: Vec<ChangeId> = units.iter().flat_map(|unit| unit.changes.clone()).collect();
        seen.sort_unstable();
        let mut all: Vec<ChangeId> = batch.iter().map(|(id, _)| id).collect();
        all.sort_unstable();
        prop_assert_eq!(seen, all);
    }

    #[test]
    fn what_conflicts_at_a_name_is_never_apart(batch in any_batch()) {
        let mut unit_of = HashMap::new();
        for (index, unit) in batch.units().into_iter().enumerate() {
            unit_of.extend(unit.changes.into_iter().map(|change| (change, index)));
        }
        for (left, one) in batch.iter() {
            for (right, other) in batch.iter() {
                let (one, other) = (one.endpoint(), other.endpoint());
                let records = !super::is_ownership_txt(&one) && !super::is_ownership_txt(&other);
                if records && one.dns_name() == other.dns_name()
                    && !crate::dns::may_stand_together(one.record_type(), other.record_type())
                {
                    prop_assert_eq!(unit_of[&left], unit_of[&right]);
                }
            }
        }
    }

    #[test]
    fn deletes_come_first_and_creates_last(batch in any_batch()) {
        for unit in batch.units() {
            let steps = unit.changes.iter().map(|change| match change {
                Delete(_) => 0,
                Update(_) => 1,
                Create(_) => 2,
            });
            prop_assert!(steps.is_sorted());
        }
    }
}
