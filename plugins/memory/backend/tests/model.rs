//! Random batches against a model that is too simple to be wrong, with the file opened anew after
//! each.

use std::collections::BTreeMap;

use proptest::prelude::*;
use zonemux_memory_backend::Memory;
use zonemux_plugin::testing::{self, ChangesBuilder, json};
use zonemux_plugin::{Change, ChangeId, Endpoint, EndpointView as _};

type Key = (String, String, String);
type Model = BTreeMap<Key, Endpoint>;

fn key(endpoint: &Endpoint) -> Key {
    (endpoint.dns_name.clone(), endpoint.record_type.clone(), endpoint.set_identifier.clone())
}

/// Whether records could stand together in a zone.
fn consistent(model: &Model) -> bool {
    model.keys().all(|(name, record_type, set)| {
        let lonely = record_type == "CNAME";
        model.keys().filter(|(other, ..)| other == name).all(|(_, other_type, other_set)| {
            let same = other_type == record_type && other_set == set;
            let weighted = other_type == "CNAME" && !set.is_empty() && !other_set.is_empty();
            !lonely || same || weighted
        })
    })
}

/// Does the changes of each unit on a copy, and keeps the copy if it is consistent.
fn expected(model: &mut Model, batch: &ChangesBuilder) -> Vec<ChangeId> {
    let changes = batch.build();
    let mut refused = Vec::new();
    for unit in changes.units() {
        let mut copy = model.clone();
        let mut good = true;
        for &id in &unit.changes {
            match changes.get(id).expect("a change of the batch") {
                Change::Create(new) | Change::Update { new, .. } => {
                    let new = new.to_endpoint();
                    good &= new.targets != ["bad"];
                    copy.insert(key(&new), new);
                }
                Change::Delete(gone) => {
                    copy.remove(&key(&gone.to_endpoint()));
                }
            }
        }
        if good && consistent(&copy) {
            *model = copy;
        } else {
            refused.extend(unit.changes);
        }
    }
    refused.sort_unstable();
    refused
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let record_type = prop_oneof![Just("A"), Just("MX"), Just("CNAME")];
    (
        prop_oneof!["[abc]\\.example\\.org", Just("example.org".into())],
        record_type,
        "[12]?",
        0..4_u8,
        0..3_u32,
    )
        .prop_filter("a CNAME at the apex is another matter", |(name, record_type, ..)| {
            name != "example.org" || *record_type != "CNAME"
        })
        .prop_map(|(name, record_type, set, number, ttl)| {
            let target = match (number, record_type) {
                (0, "A" | "MX") => "bad".to_owned(),
                (_, "A") => format!("192.0.2.{number}"),
                (_, "MX") => format!("{number} mail.example.org"),
                _ => format!("target{number}.example.org"),
            };
            let mut endpoint = Endpoint::new(name, record_type, [target]).with_ttl(ttl);
            endpoint.set_identifier = set;
            endpoint
        })
}

fn batch() -> impl Strategy<Value = ChangesBuilder> {
    let list = || proptest::collection::vec(endpoint(), 0..5);
    (list(), list(), list()).prop_map(|(create, update, delete)| {
        let batch = create.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::create);
        let batch = update.into_iter().fold(batch, ChangesBuilder::upsert);
        delete.into_iter().fold(batch, ChangesBuilder::delete)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_backend_does_as_the_model(batches in proptest::collection::vec(batch(), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let settings = json!({ "file": folder.path().join("records") });
        let mut model = Model::new();
        for batch in batches {
            let dns = testing::open::<Memory>(&settings, ["example.org"]).unwrap();
            let foreseen = dns.dry_run(&batch).unwrap();
            let outcome = dns.apply(&batch).unwrap();
            prop_assert_eq!(foreseen.failures(), outcome.failures());
            let mut refused: Vec<_> = outcome.failures().iter().map(|failure| failure.change).collect();
            refused.sort_unstable();
            prop_assert_eq!(refused, expected(&mut model, &batch));
            let mut listed = dns.records().unwrap();
            listed.sort_by_key(key);
            prop_assert_eq!(listed, model.values().cloned().collect::<Vec<_>>());
            // Dropped without being closed, as by a crash; the next round opens the file anew.
            drop(dns);
        }
        let dns = testing::open::<Memory>(&settings, ["example.org"]).unwrap();
        let mut listed = dns.records().unwrap();
        listed.sort_by_key(key);
        prop_assert_eq!(listed, model.into_values().collect::<Vec<_>>());
    }
}
