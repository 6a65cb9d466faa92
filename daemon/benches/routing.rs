//! How long routing takes: 100,000 changes among ten thousand zones, next to decoding them from JSON in
//! the same run. Ends with 1 where it takes a tenth of that or more.
//!
//! Both are times on the clock: a batch is decoded by one thread, and a large one routed by several.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table, and may fail loudly"
)]

mod measure;

use std::process::ExitCode;
use std::sync::Arc;

use measure::{ROUNDS, medians, row};
use zonemux::backend::Batch;
use zonemux::router::{Router, split};
use zonemux::wire;
use zonemux_plugin::Endpoint;

const CHANGES: usize = 100_000;
const ZONES: usize = 10_000;
const BACKENDS: usize = 10;
/// Less than this is what routing may take of decoding.
const LIMIT: f64 = 0.1;

fn main() -> ExitCode {
    // `cargo bench` and `cargo test` pass flags of their own; there is nothing to choose here.
    let json = batch();
    println!(
        "{CHANGES} changes, {ZONES} zones of {BACKENDS} backends, {} MB of JSON, medians of {ROUNDS} rounds\n",
        json.len() / 1_000_000
    );
    let zones: Vec<String> = (0..ZONES).map(zone).collect();
    let router = Router::new(zones.iter().enumerate().map(|(index, zone)| (zone.as_str(), index % BACKENDS)));
    let changes = Arc::new(wire::changes(&json).unwrap());

    let mut decode = || drop(wire::changes(&json).unwrap());
    let mut route = || {
        let split = split(&router, BACKENDS, &changes);
        assert_eq!(split.batches.iter().map(Batch::len).sum::<usize>(), CHANGES);
        assert!(split.refused.is_empty());
    };
    let [decode, route] = medians([&mut decode, &mut route]);

    println!("| | ms | of decoding |");
    println!("|---|---|---|");
    row("decoding the batch (reference)", decode, decode);
    let ratio = row("routing it", route, decode);
    if ratio >= LIMIT {
        println!("\nrouting takes {LIMIT} of decoding or more");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Every fourth zone lies in another.
fn zone(index: usize) -> String {
    match index % 4 {
        3 => format!("sub.{}", zone(index - 1)),
        _ => format!("tenant-{index}.example.test"),
    }
}

/// Addresses in no order, then the ownership TXT of each in the same: what ExternalDNS's planner and
/// registry make.
fn batch() -> Vec<u8> {
    let mut hosts: Vec<usize> = (0..CHANGES / 2).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut hosts);
    let name = |host: usize| format!("host-{host}.{}", zone(host % ZONES));
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let addresses = hosts.iter().map(|&host| {
        let target = format!("192.0.{}.{}", host / 250 % 250, host % 250);
        let mut address = Endpoint::new(name(host), "A", [target]).with_ttl(300);
        let resource = format!("ingress/default/host-{host}");
        address.labels = [label("owner", "owner1"), label("resource", &resource)].into();
        address
    });
    let ownership = hosts.iter().map(|&host| {
        let resource = format!("external-dns/resource=ingress/default/host-{host}");
        let text = format!("\"heritage=external-dns,external-dns/owner=owner1,{resource}\"");
        let mut ownership = Endpoint::new(format!("a-{}", name(host)), "TXT", [text]);
        ownership.labels = [label("ownedRecord", &name(host))].into();
        ownership
    });
    let create: Vec<Endpoint> = addresses.chain(ownership).collect();
    serde_json::to_vec(&serde_json::json!({ "create": create })).unwrap()
}
