//! Random batches against a model that is too simple to be wrong, with the backend opened anew after each.

use std::collections::BTreeMap;

use proptest::prelude::*;
use zonemux_authority_backend::Authority;
use zonemux_plugin::testing::{self, ChangesBuilder, json};
use zonemux_plugin::{Change, ChangeId, Endpoint, EndpointView as _};

type Key = (String, String);
type Model = BTreeMap<Key, Endpoint>;

fn key(endpoint: &Endpoint) -> Key {
    (endpoint.dns_name.clone(), endpoint.record_type.clone())
}

/// Whether records could stand together in a zone with a static MX at `a.example.org`.
fn consistent(model: &Model) -> bool {
    model.keys().all(|(name, record_type)| {
        let others = model.keys().filter(|(other, _)| other == name).count();
        record_type != "CNAME" || (others == 1 && name != "a.example.org")
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
            let change = changes.get(id).expect("a change of the batch");
            let endpoint = change.endpoint().to_endpoint();
            good &= key(&endpoint) != ("a.example.org".to_owned(), "MX".to_owned());
            match change {
                Change::Create(_) | Change::Update { .. } => {
                    good &= endpoint.targets != ["bad"];
                    copy.insert(key(&endpoint), endpoint);
                }
                Change::Delete(_) => drop(copy.remove(&key(&endpoint))),
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
    ("[abc]\\.example\\.(org|net)", record_type, 0..4_u8, 1..3_u32).prop_map(
        |(name, record_type, number, ttl)| {
            let target = match (number, record_type) {
                (0, "A" | "MX") => "bad".to_owned(),
                (_, "A") => format!("192.0.2.{number}"),
                (_, "MX") => format!("{number} mail.example.org"),
                _ => format!("target{number}.example.org"),
            };
            Endpoint::new(name, record_type, [target]).with_ttl(ttl)
        },
    )
}

fn batch() -> impl Strategy<Value = ChangesBuilder> {
    let list = || proptest::collection::vec(endpoint(), 0..5);
    (list(), list(), list()).prop_map(|(create, update, delete)| {
        let batch = create.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::create);
        let batch = update.into_iter().fold(batch, ChangesBuilder::upsert);
        delete.into_iter().fold(batch, ChangesBuilder::delete)
    })
}

fn sorted(mut listed: Vec<Endpoint>) -> Vec<Endpoint> {
    listed.sort_by_key(key);
    listed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_backend_does_as_the_model(batches in proptest::collection::vec(batch(), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let settings = json!({
            "directory": folder.path(),
            "listen": ["127.0.0.1:0"],
            "static": [{ "name": "a.example.org", "type": "MX", "targets": ["1 mail.example.org"] }],
        });
        let open = || testing::open::<Authority>(&settings, ["example.org", "example.net"]).unwrap();
        let mut model = Model::new();
        for batch in batches {
            let dns = open();
            let foreseen = dns.dry_run(&batch).unwrap();
            let outcome = dns.apply(&batch).unwrap();
            prop_assert_eq!(foreseen.failures(), outcome.failures());
            let mut refused: Vec<_> = outcome.failures().iter().map(|failure| failure.change).collect();
            refused.sort_unstable();
            prop_assert_eq!(refused, expected(&mut model, &batch));
            prop_assert_eq!(sorted(dns.records().unwrap()), model.values().cloned().collect::<Vec<_>>());
            // Dropped without being closed, as by a crash; the next round opens the folder anew.
            drop(dns);
        }
        prop_assert_eq!(sorted(open().records().unwrap()), model.into_values().collect::<Vec<_>>());
    }
}
