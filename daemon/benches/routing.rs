//! What routing costs: 100,000 changes among ten thousand zones, next to decoding them from JSON in the
//! same run. Ends with 1 where it takes more than a tenth of that.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table, and may fail loudly"
)]

mod measure;

use std::process::ExitCode;
use std::sync::Arc;

use measure::{ROUNDS, least, row};
use zonemux::backend::Batch;
use zonemux::router::{Router, split};
use zonemux::wire;
use zonemux_plugin::Endpoint;

const CHANGES: usize = 100_000;
const ZONES: usize = 10_000;
const BACKENDS: usize = 10;
/// The most that routing may take of decoding.
const LIMIT: f64 = 0.1;

fn main() -> ExitCode {
    // `cargo bench` and `cargo test` pass flags of their own; there is nothing to choose here.
    let json = batch();
    println!(
        "{CHANGES} changes, {ZONES} zones of {BACKENDS} backends, {} MB of JSON, the least of {ROUNDS} rounds\n",
        json.len() / 1_000_000
    );
    let zones: Vec<String> = (0..ZONES).map(zone).collect();
    let router = Router::new(zones.iter().enumerate().map(|(index, zone)| (zone.as_str(), index % BACKENDS)));
    let changes = Arc::new(wire::changes(&json).unwrap());

    let decode = least(|| drop(wire::changes(&json).unwrap()));
    let route = least(|| {
        let split = split(&router, BACKENDS, &changes);
        assert_eq!(split.batches.iter().map(Batch::len).sum::<usize>(), CHANGES);
        assert!(split.refused.is_empty());
    });

    println!("| | ms | of decoding |");
    println!("|---|---|---|");
    row("decoding the batch (reference)", decode, decode);
    let ratio = row("routing it", route, decode);
    if ratio > LIMIT {
        println!("\nrouting takes more than {LIMIT} of decoding");
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

/// Half addresses, half ownership TXT, as ExternalDNS's registry makes them; in no order, as it sends
/// them.
fn batch() -> Vec<u8> {
    let mut endpoints: Vec<Endpoint> = (0..CHANGES / 2)
        .flat_map(|index| {
            let name = format!("host-{index}.{}", zone(index % ZONES));
            let mut address =
                Endpoint::new(&*name, "A", [format!("192.0.{}.{}", index / 250 % 250, index % 250)])
                    .with_ttl(300);
            address.labels.insert("resource".into(), format!("ingress/default/host-{index}"));
            address.labels.insert("owner".into(), "owner1".into());
            let heritage = "\"heritage=external-dns,external-dns/owner=owner1\"";
            let mut ownership = Endpoint::new(format!("a-{name}"), "TXT", [heritage]);
            ownership.labels.insert("ownedRecord".into(), name);
            [address, ownership]
        })
        .collect();
    fastrand::Rng::with_seed(1).shuffle(&mut endpoints);
    serde_json::to_vec(&serde_json::json!({ "create": endpoints })).unwrap()
}
