//! What the plugin boundary costs: 100,000 endpoints through the `memory` plugin's real `.so`, next to
//! the JSON that would cross instead, in the same run.
//!
//! `cargo xtask bench` builds the plugin and runs this. Prints median times, and ratios to the JSON.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table, and may fail loudly"
)]

mod measure;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use measure::{ROUNDS, medians, row};
use tokio::runtime::Runtime;
use zonemux::backend::{Batch, Driver, DriverCall, Instance, Lease, list};
use zonemux::plugin::{HostSide, Image, Inline, Loader, Trust};
use zonemux::wire::{self, Changes};
use zonemux_plugin::{Endpoint, Endpoints, Property};

const ENDPOINTS: usize = 100_000;

fn main() {
    // `cargo bench` and `cargo test` pass flags of their own; there is nothing to choose here.
    let runtime = Runtime::new().unwrap();
    let endpoints = endpoints();
    let json = serde_json::to_vec(&endpoints).unwrap();
    println!("{ENDPOINTS} endpoints, {} MB of JSON, medians of {ROUNDS} rounds\n", json.len() / 1_000_000);

    let (driver, instance) = open(&runtime);
    let batch = batch(&endpoints);
    runtime.block_on(instance.apply(call(), Arc::clone(&batch), Lease::new().0)).unwrap();

    let mut encode = || drop(serde_json::to_vec(&endpoints).unwrap());
    let mut through = || {
        let (sink, source) = list(None);
        runtime.block_on(instance.records(call(), sink)).unwrap();
        assert_eq!(source.take(0, tokio::time::Instant::now()).unwrap().json.count, ENDPOINTS);
    };
    let mut own = || assert_eq!(wire::ListEncoder::encode(&endpoints).count, ENDPOINTS);
    let mut owned = || drop(serde_json::from_slice::<Vec<Endpoint>>(&json).unwrap());
    let mut flat = || assert_eq!(wire::endpoints(&json).unwrap().len(), ENDPOINTS);
    let mut again = || {
        let failures = runtime.block_on(instance.apply(call(), Arc::clone(&batch), Lease::new().0)).unwrap();
        assert!(failures.is_empty());
    };
    let [encode, through, own, owned, flat, again] =
        medians([&mut encode, &mut through, &mut own, &mut owned, &mut flat, &mut again]);

    println!("| | ms | of the JSON |");
    println!("|---|---|---|");
    row("list: serde JSON in the plugin, forwarded unread (reference)", encode, encode);
    row("list: the plugin lends, the daemon encodes", through, encode);
    row("list: of that, the daemon's encoding alone", own, encode);
    row("apply: serde JSON decoded into owned endpoints (reference)", owned, owned);
    row("apply: the daemon's flat decoding of the request", flat, owned);
    row("apply: lent to the plugin, copied there and applied", again, owned);
    drop(driver);
}

fn call() -> DriverCall {
    DriverCall { id: "bench".into(), time_left: Duration::from_secs(60) }
}

/// Half addresses, half ownership TXT, as ExternalDNS's registry makes them.
fn endpoints() -> Vec<Endpoint> {
    (0..ENDPOINTS / 2)
        .flat_map(|index| {
            let name = format!("host-{index}.example.test");
            let mut address =
                Endpoint::new(&*name, "A", [format!("192.0.{}.{}", index / 250 % 250, index % 250)])
                    .with_ttl(300);
            address.labels.insert("resource".into(), format!("ingress/default/host-{index}"));
            address
                .provider_specific
                .push(Property { name: "webhook/comment".into(), value: "hello".into() });
            let heritage = "\"heritage=external-dns,external-dns/owner=owner1\"";
            let mut ownership = Endpoint::new(format!("a-{name}"), "TXT", [heritage]);
            ownership.labels.insert("ownedRecord".into(), name);
            [address, ownership]
        })
        .collect()
}

fn batch(endpoints: &[Endpoint]) -> Arc<Batch> {
    let list: Endpoints = endpoints.iter().collect();
    let create = (0..u32::try_from(list.len()).unwrap()).collect();
    let changes = Arc::new(Changes { endpoints: list, create, ..Changes::default() });
    let mut batch = Batch::of(Arc::clone(&changes));
    (0..endpoints.len()).for_each(|index| batch.push_create(index));
    Arc::new(batch)
}

fn open(runtime: &Runtime) -> (Inline, Arc<dyn Instance>) {
    let path = plugin();
    let image = Image::read(&path, &Trust::Owner { sha256: None }).unwrap();
    let host = HostSide::new("bench", &["example.test".into()], ".".into(), ".".into());
    let driver = Inline::configure(&Loader::default(), &image, host, "{}").unwrap();
    let opened = runtime.block_on(driver.open(call())).unwrap();
    (driver, opened.instance)
}

/// `target/release/libzonemux_memory.so`, beside the folder that this benchmark was built into.
fn plugin() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let path = executable.parent().unwrap().parent().unwrap().join("libzonemux_memory.so");
    assert!(path.exists(), "{} is missing: run `cargo xtask bench`", path.display());
    path
}
