//! Measures a batch of 10,000 records in a zone of 100,000, and a list of it: run it with `--release`.
//!
//! Half of the records are A, half the ownership TXT that ExternalDNS puts beside each.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for the command line")]

use std::time::Instant;

use zonemux_authority_backend::Authority;
use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::{self, ChangesBuilder, json};

fn batch(hosts: std::ops::Range<u32>, last: u32) -> ChangesBuilder {
    hosts.fold(ChangesBuilder::new(), |batch, host| {
        let name = format!("host{host}.example.org");
        let address = format!("10.{}.{}.{last}", host >> 8 & 255, host & 255);
        let owner =
            "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=service/default/web\"";
        let mut ownership = Endpoint::new(format!("a-{name}"), "TXT", [owner]).with_ttl(300 + last);
        ownership.labels.insert("ownedRecord".into(), name.clone());
        batch.upsert(ownership).upsert(Endpoint::new(name, "A", [address]).with_ttl(300))
    })
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let settings = json!({ "directory": folder.path(), "listen": ["127.0.0.1:0"] });
    let dns = testing::open::<Authority>(settings, ["example.org"]).unwrap();
    assert!(dns.apply(&batch(0..50_000, 1)).unwrap().failures().is_empty());
    for round in 2..7 {
        let changes = batch(20_000..25_000, round);
        let start = Instant::now();
        assert!(dns.apply(&changes).unwrap().failures().is_empty());
        println!("10,000 records applied, durable and answered: {:?}", start.elapsed());
    }
    let start = Instant::now();
    let listed = dns.records().unwrap().len();
    println!("a list of {listed} records: {:?}", start.elapsed());
}
