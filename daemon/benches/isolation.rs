//! What a process of its own costs a plugin, next to the same plugin in this process, in the same run.
//!
//! `cargo xtask bench` builds the daemon and the plugin and runs this. It fails beyond the bounds below.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table, and may fail loudly"
)]

mod measure;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use measure::{ROUNDS, medians, row};
use tokio::runtime::Runtime;
use zonemux::backend::{Batch, Driver, DriverCall, Instance, Lease, list};
use zonemux::plugin::{HostSide, Image, Inline, Isolated, Launcher, Loader, Permissions, Trust};
use zonemux::wire::Changes;
use zonemux_plugin::{Endpoint, Endpoints};

const ENDPOINTS: usize = 100_000;
/// Small calls in one round.
const CALLS: u32 = 200;

/// The most that a process may add to a small call.
const SMALL: Duration = Duration::from_micros(100);
/// The most time of a large call, in parts of the inline one.
const LARGE: f64 = 1.5;
/// The longest start of a process, its plugin loaded and its settings judged.
const START: Duration = Duration::from_millis(15);
/// The most resident memory of an idle process, in bytes, with what it shares.
const RESIDENT: u64 = 6_000_000;

fn main() {
    // `cargo bench` and `cargo test` pass flags of their own; there is nothing to choose here.
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let launcher = Arc::new(Launcher::of(&beside("zonemux")).unwrap());
    let read = || Image::read(&beside("libzonemux_memory.so"), &Trust::Owner { sha256: None }).unwrap();
    let image = read();
    let inline = Inline::configure(&Loader::default(), &image, host(), "{}").unwrap();
    let isolate = |image: &Image| {
        let permissions = Permissions { memory_limit: 1 << 30, writable: Vec::new() };
        let (launcher, image) = (Arc::clone(&launcher), image.clone());
        // On a thread that is none of the runtime's.
        let start = move || Isolated::configure(&launcher, &image, host(), "{}", &permissions).unwrap();
        std::thread::spawn(start).join().unwrap()
    };
    let isolated = isolate(&image);
    // One more of another plugin, since it is read anew: beside the first, as it is beside a daemon.
    let another = isolate(&read());
    let opened = runtime.block_on(another.open(call())).unwrap().instance;
    let memory = Memory::of(another.process().unwrap().pid.unwrap());
    drop((opened, another));
    let inline_instance = runtime.block_on(inline.open(call())).unwrap().instance;
    let isolated_instance = runtime.block_on(isolated.open(call())).unwrap().instance;

    let small = |instance: &Arc<dyn Instance>| {
        for _ in 0..CALLS {
            runtime.block_on(instance.check(call())).unwrap();
        }
    };
    let mut start = || drop(isolate(&image));
    let [small_inline, small_isolated, started] =
        medians([&mut || small(&inline_instance), &mut || small(&isolated_instance), &mut start]);

    let batch = batch();
    let apply = |instance: &Arc<dyn Instance>| {
        let failures = runtime.block_on(instance.apply(call(), Arc::clone(&batch), Lease::new().0)).unwrap();
        assert!(failures.is_empty());
    };
    let records = |instance: &Arc<dyn Instance>| {
        let (sink, source) = list(None);
        runtime.block_on(instance.records(call(), sink)).unwrap();
        assert_eq!(source.take(0, tokio::time::Instant::now()).unwrap().json.count, ENDPOINTS);
    };
    apply(&inline_instance);
    apply(&isolated_instance);
    let [list_inline, list_isolated, apply_inline, apply_isolated] = medians([
        &mut || records(&inline_instance),
        &mut || records(&isolated_instance),
        &mut || apply(&inline_instance),
        &mut || apply(&isolated_instance),
    ]);

    println!("{ENDPOINTS} endpoints, {CALLS} small calls, medians of {ROUNDS} rounds\n");
    println!("| | ms | of inline |");
    println!("|---|---|---|");
    row("small calls, inline", small_inline, small_inline);
    row("small calls, in a process", small_isolated, small_inline);
    row("list, inline", list_inline, list_inline);
    let list_ratio = row("list, in a process", list_isolated, list_inline);
    row("apply, inline", apply_inline, apply_inline);
    let apply_ratio = row("apply, in a process", apply_isolated, apply_inline);
    let added = small_isolated.saturating_sub(small_inline) / CALLS;
    println!("\nadded to a small call: {added:?}; start: {started:?}");
    println!("resident when idle: {} bytes of its own, {} with what it shares", memory.own, memory.mapped);

    assert!(added <= SMALL, "a process adds {added:?} to a small call");
    assert!(list_ratio <= LARGE, "a list takes {list_ratio:.2} of inline");
    assert!(apply_ratio <= LARGE, "an apply takes {apply_ratio:.2} of inline");
    assert!(started <= START, "a process takes {started:?} to start");
    assert!(memory.mapped <= RESIDENT, "an idle process takes {} bytes", memory.mapped);
}

/// Resident memory of an idle process, in bytes.
struct Memory {
    /// What there would not be without it: its plugin's code included, but not the pages of the daemon's program and of
    /// the system's libraries, which are in memory once for all who run them.
    own: u64,
    /// What it maps: what `ps` shows.
    mapped: u64,
}

impl Memory {
    fn of(pid: u32) -> Self {
        // Until its runtime has begun its threads.
        std::thread::sleep(Duration::from_millis(200));
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let bytes = |field: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
        };
        Self { own: bytes("Private_Clean:") + bytes("Private_Dirty:"), mapped: bytes("Rss:") }
    }
}

fn host() -> HostSide {
    HostSide::new("bench", &["example.test".into()], "/".into(), "/nonexistent".into())
}

fn call() -> DriverCall {
    DriverCall { id: "bench".into(), time_left: Duration::from_secs(60) }
}

fn batch() -> Arc<Batch> {
    let endpoint = |index: usize| {
        let name = format!("host-{index}.example.test");
        Endpoint::new(name, "A", [format!("192.0.{}.{}", index / 250 % 250, index % 250)]).with_ttl(300)
    };
    let endpoints: Endpoints = (0..ENDPOINTS).map(endpoint).collect::<Vec<_>>().iter().collect();
    let create = (0..u32::try_from(ENDPOINTS).unwrap()).collect();
    Arc::new(Batch::all(Arc::new(Changes { endpoints, create, ..Changes::default() })))
}

/// A file in `target/release`, beside the folder that this benchmark was built into.
fn beside(name: &str) -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let path = executable.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.exists(), "{} is missing: run `cargo xtask bench`", path.display());
    path
}
