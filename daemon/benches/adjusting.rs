//! What adjusting costs where nothing is configured: 100,000 endpoints adjusted and encoded, next to
//! encoding them as they came, and next to all that else is done for the call, in the same run.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table, and may fail loudly"
)]

mod measure;

use measure::{ROUNDS, medians, row};
use zonemux::safety::adjust::{Rules, Settings, Summary};
use zonemux::wire::{self, ListEncoder};
use zonemux_plugin::{Capabilities, Endpoint, Endpoints, Property};

const ENDPOINTS: usize = 100_000;

fn main() {
    // `cargo bench` and `cargo test` pass flags of their own; there is nothing to choose here.
    let json = endpoints();
    println!("{ENDPOINTS} endpoints, {} MB of JSON, medians of {ROUNDS} rounds\n", json.len() / 1_000_000);
    let list = wire::endpoints(&json).unwrap();
    let settings =
        Settings { default_ttl: 300, min_ttl: 60, max_ttl: 3600, types: vec!["A".into(), "CNAME".into()] };
    let capabilities = Capabilities::default().with_properties(["webhook/other"]);
    let configured = Rules::new(&settings, &capabilities);

    let mut plain = || assert_eq!(ListEncoder::encode(list.iter()).count, ENDPOINTS);
    let mut by_default = || assert_eq!(adjusted(&Rules::default(), &list), ENDPOINTS);
    let mut by_rules = || assert_eq!(adjusted(&configured, &list), ENDPOINTS);
    let mut decode = || drop(wire::endpoints(&json).unwrap());
    let [plain, by_default, by_rules, decode] =
        medians([&mut plain, &mut by_default, &mut by_rules, &mut decode]);

    let whole = decode + plain;
    println!("| | ms | of the whole |");
    println!("|---|---|---|");
    row("decoding and encoding, nothing adjusted (reference)", whole, whole);
    row("encoding alone, nothing adjusted", plain, whole);
    row("encoding, adjusted where nothing is configured", by_default, whole);
    row("encoding, adjusted by TTL, types and properties", by_rules, whole);
}

fn adjusted(rules: &Rules, list: &Endpoints) -> usize {
    let (mut encoder, mut summary) = (ListEncoder::new(), Summary::default());
    for endpoint in list.iter() {
        if let Some(adjusted) = summary.adjust(rules, endpoint) {
            encoder.push(&adjusted);
        }
    }
    encoder.finish().count
}

/// Addresses and aliases, as ExternalDNS's sources make them: the registry's TXT is not among them.
fn endpoints() -> Vec<u8> {
    let endpoints: Vec<Endpoint> = (0..ENDPOINTS)
        .map(|index| {
            let name = format!("host-{index}.example.test");
            let mut endpoint = match index % 4 {
                3 => Endpoint::new(name, "CNAME", ["ingress.example.test"]),
                _ => Endpoint::new(name, "A", [format!("192.0.{}.{}", index / 250 % 250, index % 250)]),
            };
            endpoint.labels.insert("resource".into(), format!("ingress/default/host-{index}"));
            endpoint
                .provider_specific
                .push(Property { name: "webhook/comment".into(), value: "hello".into() });
            endpoint
        })
        .collect();
    serde_json::to_vec(&endpoints).unwrap()
}
