//! What the control plane costs on `GET /records`: 100,000 endpoints of one backend as a view answers with
//! them, next to the same list passed through with nothing looked at, in the same run.
//!
//! `cargo xtask bench` builds the plugin and runs this. It fails where the cost is 15 % or more.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table, and may fail loudly"
)]

mod measure;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use measure::turns;
use tokio::runtime::Runtime;
use tokio::time::Instant as Deadline;
use zonemux::assemble::{self, Parts};
use zonemux::backend::{DriverCall, Instance, Lease, list};
use zonemux::config::load_text;
use zonemux::journal::{Journal, Limits};
use zonemux::plugin::Loader;
use zonemux::safety::Registry;
use zonemux::store::Files;
use zonemux::view::{CallContext, Calls, Chunks, View};
use zonemux::{generation, wire};
use zonemux_plugin::{Endpoint, Endpoints};
use zonemux_test_support::median;

const ENDPOINTS: usize = 100_000;
const ROUNDS: usize = 100;
/// The most that looking at a list may cost, in parts of passing it through.
const MOST: f64 = 0.15;

fn main() {
    // `cargo bench` and `cargo test` pass flags of their own; there is nothing to choose here.
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version = 1\n[state]\ndirectory = '{0}'\n[plugins]\nisolation = 'inline'\n\
         [backends.lan]\nplugin = '{1}'\nzones = ['example.test']\n",
        folder.path().display(),
        plugin().display()
    );
    let config = Arc::new(load_text(&folder.path().join("config.toml"), &config).unwrap().config);
    let _runtime = runtime.enter();
    let journal = Arc::new(Journal::open(folder.path(), Limits::from(&config.journal)).unwrap());
    let registry = Registry::new(Arc::new(Files::new(folder.path())), Arc::clone(&journal));
    let states = assemble::states(&config, &registry).unwrap();
    let parts = Parts::of(&config, &states, &journal);
    let (name, backend) = parts.backends.first_key_value().unwrap();
    let prepared = runtime.block_on(generation::load(&config, name, &Arc::new(Loader::default()))).unwrap();
    let refreshed = parts.clone();
    let instance = runtime.block_on(open(&*prepared.driver));
    backend.start(prepared.driver, move || refreshed.refresh());
    let view = Arc::clone(parts.views.values().next().unwrap());
    // What is written through the one instance is not seen by the other: each gets its own.
    fill(&runtime, &view, &*instance);

    let whole = || runtime.block_on(Arc::clone(&view).records(context())).unwrap();
    let bare = || {
        let (sink, source) = list(None);
        runtime.block_on(instance.records(call(), sink)).unwrap();
        wire::join([&source.take(0, Deadline::now()).unwrap().json])
    };
    assert_eq!(length(&whole()), length(&bare()));
    let [through, guarded] = turns(ROUNDS, [&mut || drop(bare()), &mut || drop(whole())]);
    // Of each pair, since a machine may be fast in one minute and slow in the next.
    let pairs = through.iter().zip(&guarded);
    let ratio =
        median(pairs.map(|(through, guarded)| guarded.as_secs_f64() / through.as_secs_f64()).collect());
    let row = |what: &str, times: Vec<Duration>, ratio: f64| {
        println!("| {what} | {:.1} | {ratio:.2} |", median(times).as_secs_f64() * 1000.0);
    };
    println!("{ENDPOINTS} endpoints of one backend, medians of {ROUNDS} rounds\n");
    println!("| | ms | of the pass-through |");
    println!("|---|---|---|");
    row("passed through, nothing looked at (reference)", through, 1.0);
    row("through breaker, scope, index, snapshot and ownership", guarded, ratio);
    assert!(ratio < 1.0 + MOST, "the control plane costs {:.0} % of the pass-through", (ratio - 1.0) * 100.0);
}

fn length(chunks: &Chunks) -> usize {
    chunks.iter().map(bytes::Bytes::len).sum()
}

fn call() -> DriverCall {
    DriverCall { id: "bench".into(), time_left: Duration::from_secs(60) }
}

fn context() -> CallContext {
    CallContext { request_id: "bench".into(), deadline: Deadline::now() + Duration::from_secs(60) }
}

async fn open(driver: &dyn zonemux::backend::Driver) -> Arc<dyn Instance> {
    driver.open(call()).await.unwrap().instance
}

/// Puts the same records into the view's backend and into an instance by itself.
fn fill(runtime: &Runtime, view: &Arc<View>, instance: &dyn Instance) {
    let changes = |endpoints: &[Endpoint]| wire::Changes {
        endpoints: endpoints.iter().collect::<Endpoints>(),
        create: (0..u32::try_from(endpoints.len()).unwrap()).collect(),
        ..wire::Changes::default()
    };
    let endpoints = endpoints();
    runtime.block_on(Arc::clone(view).apply(context(), changes(&endpoints))).unwrap();
    let batch = Arc::new(zonemux::backend::Batch::all(Arc::new(changes(&endpoints))));
    assert!(runtime.block_on(instance.apply(call(), batch, Lease::new().0)).unwrap().is_empty());
}

/// Half addresses, half ownership TXT, as ExternalDNS's registry makes them.
fn endpoints() -> Vec<Endpoint> {
    let both = |index: usize| {
        let name = format!("host-{index}.example.test");
        let target = format!("192.0.{}.{}", index / 250 % 250, index % 250);
        let address = Endpoint::new(&*name, "A", [target]).with_ttl(300);
        let heritage = "\"heritage=external-dns,external-dns/owner=owner1\"";
        let mut ownership = Endpoint::new(format!("a-{name}"), "TXT", [heritage]);
        ownership.labels.insert("ownedRecord".into(), name);
        [address, ownership]
    };
    (0..ENDPOINTS / 2).flat_map(both).collect()
}

fn plugin() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let path = executable.parent().unwrap().parent().unwrap().join("libzonemux_memory.so");
    assert!(path.exists(), "{} is missing: run `cargo xtask bench`", path.display());
    path
}
