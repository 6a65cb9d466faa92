//! The plugin beside the tools of BIND, with a zone of 100,000 records, half of them ownership TXT: lists beside
//! `dig AXFR`, creates beside `nsupdate` with 1,000 records a message: `cargo bench -p zonemux-rfc2136-backend`.
//!
//! Rounds of both take turns, and medians are compared. Bounds that do not hold end it with an error.

#![allow(clippy::unwrap_used, reason = "what fails here ends it")]
#![allow(clippy::print_stdout, reason = "it prints what it measured")]
#![allow(clippy::cast_precision_loss, reason = "what is measured is far smaller")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use common::{Site, ZONE, record};
use tokio::runtime::Runtime;
use zonemux_plugin::testing::ChangesBuilder;
use zonemux_plugin::{Backend as _, Call, Endpoint, Host, Records};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::Kind;
use zonemux_test_support::{Bounds, median};

const HOSTS: usize = 50_000;
const ROUNDS: usize = 3;
const LISTS: usize = 9;

/// Tells a process that it is to list the zone to which these settings lead, and nothing else.
const CHILD: &str = "ZONEMUX_BENCH_SETTINGS";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    if let Ok(settings) = env::var(CHILD) {
        return measure_memory(&runtime, &settings);
    }
    let folder = tempfile::tempdir().unwrap();
    let updates = updates(folder.path());
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    let mut full = None;
    for _ in 0..ROUNDS {
        theirs.push(nsupdate(&Site::start(Kind::Bind), &updates));
        let site = Site::start(Kind::Bind);
        ours.push(create(&runtime, &site));
        full = Some(site);
    }
    let mut bounds = Bounds::default();
    let (theirs, ours) = (median(theirs), median(ours));
    println!("100,000 creates: {ours:.3} s, nsupdate {theirs:.3} s");
    bounds.at_most("creates beside nsupdate", ours / theirs, 1.0);
    lists(&runtime, &full.unwrap(), &mut bounds);
    unchanged(&runtime, &mut bounds);
    bounds.assert();
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

/// A host and its ownership TXT.
fn records(host: usize) -> [Endpoint; 2] {
    let address = format!("10.{}.{}.{}", host >> 16, host >> 8 & 255, host & 255);
    let owner = "\"heritage=external-dns,external-dns/owner=default\"";
    let mut txt = record(&format!("a-host-{host:05}"), "TXT", &[owner]);
    let host = record(&format!("host-{host:05}"), "A", &[&address]);
    txt.labels.insert("ownedRecord".into(), host.dns_name.clone());
    [host, txt]
}

/// A file for `nsupdate` with all records, 1,000 a message.
fn updates(folder: &Path) -> std::path::PathBuf {
    let mut lines = String::new();
    for (index, record) in (0..HOSTS).flat_map(records).enumerate() {
        let (name, target) = (&record.dns_name, &record.targets[0]);
        writeln!(lines, "update add {name} 300 {} {target}", record.record_type).unwrap();
        if index % 1000 == 999 {
            lines.push_str("send\n");
        }
    }
    let file = folder.join("updates");
    fs::write(&file, lines).unwrap();
    file
}

fn nsupdate(site: &Site, updates: &Path) -> f64 {
    let address = site.server.address();
    let head = format!("server {} {}\nzone {ZONE}\n", address.ip(), address.port());
    let file = site.folder.path().join("updates");
    fs::write(&file, head + &fs::read_to_string(updates).unwrap()).unwrap();
    let took = seconds(|| {
        let mut command = Command::new("nsupdate");
        let status = command.arg("-v").args(["-y", &site.key.to_dig()]).arg(&file).status();
        assert!(status.unwrap().success());
    });
    assert_eq!(site.dig("host-00000.example.org", "A"), ["10.0.0.0"]);
    took
}

fn open(runtime: &Runtime, site: &Site) -> Rfc2136 {
    open_with(runtime, site.settings())
}

fn open_with(runtime: &Runtime, settings: serde_json::Value) -> Rfc2136 {
    let settings = serde_json::from_value(settings).unwrap();
    runtime.block_on(Rfc2136::open(settings, Host::detached("bench", [ZONE]))).unwrap()
}

fn list(runtime: &Runtime, dns: &Rfc2136) -> usize {
    let mut out = Records::collecting();
    runtime.block_on(dns.records(&Call::new("bench", None, false), &mut out)).unwrap();
    out.count()
}

fn create(runtime: &Runtime, site: &Site) -> f64 {
    let dns = open(runtime, site);
    assert_eq!(list(runtime, &dns), 1);
    let changes = (0..HOSTS).flat_map(records).fold(ChangesBuilder::new(), ChangesBuilder::create).build();
    seconds(|| {
        let outcome = runtime.block_on(dns.apply_changes(&Call::new("bench", None, false), changes)).unwrap();
        assert_eq!(outcome.failures(), []);
    })
}

fn lists(runtime: &Runtime, site: &Site, bounds: &mut Bounds) {
    let port = site.server.address().port().to_string();
    let (mut theirs, mut ours, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..LISTS {
        theirs.push(seconds(|| {
            let mut dig = Command::new("dig");
            dig.args(["@127.0.0.1", "-p", &port, "-y", &site.key.to_dig(), ZONE, "AXFR"])
                .stdout(Stdio::null());
            assert!(dig.status().unwrap().success());
        }));
        let dns = open(runtime, site);
        ours.push(seconds(|| assert_eq!(list(runtime, &dns), 2 * HOSTS + 1)));
        again.push(seconds(|| assert_eq!(list(runtime, &dns), 2 * HOSTS + 1)));
    }
    let (theirs, ours) = (median(theirs), median(ours));
    println!("list: {ours:.3} s, dig AXFR {theirs:.3} s, unchanged list {:.3} s", median(again));
    bounds.at_most("list beside dig AXFR", ours / theirs, 1.6);
    let answer: usize = (0..HOSTS).flat_map(records).map(|record| octets(&record)).sum();
    let mut child = Command::new(env::current_exe().unwrap());
    let output = child.env(CHILD, site.settings().to_string()).output().unwrap();
    let kept: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    // The answer itself is the other one of two octets.
    bounds.at_most("octets kept for each of the answer", kept as f64 / answer as f64, 1.0);
}

/// What is left to do where a zone has not changed, but for its records: the question for the SOA.
fn unchanged(runtime: &Runtime, bounds: &mut Bounds) {
    let site = Site::start(Kind::Bind);
    let dns = open(runtime, &site);
    list(runtime, &dns);
    let times: Vec<f64> = (0..99).map(|_| seconds(|| assert_eq!(list(runtime, &dns), 1))).collect();
    bounds.at_most("unchanged zone beyond its records, milliseconds", median(times) * 1000.0, 5.0);
}

/// The octets of a record in the answer.
fn octets(record: &Endpoint) -> usize {
    let listed = Endpoint { labels: std::collections::BTreeMap::default(), ..record.clone() };
    serde_json::to_string(&listed).unwrap().len() + 1
}

/// Prints how much more memory this process has when it has listed a zone for the first time.
fn measure_memory(runtime: &Runtime, settings: &str) {
    let dns = open_with(runtime, serde_json::from_str(settings).unwrap());
    let before = resident();
    assert_eq!(list(runtime, &dns), 2 * HOSTS + 1);
    println!("{}", resident().saturating_sub(before));
}

/// The octets of this process in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}
