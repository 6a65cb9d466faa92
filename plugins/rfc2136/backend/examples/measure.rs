//! Measures lists and changes of a zone of BIND's beside `dig` and `nsupdate`:
//! `cargo run --release --package zonemux-rfc2136-backend --example measure -- 100000`.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::json;
use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::{self, ChangesBuilder};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::{Builder, Key, Kind, Server};

const ZONE: &str = "example.org";
const TEXT: &str =
    "$ORIGIN example.org.\n$TTL 300\n@ SOA ns1 host 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n";

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    println!("{what}: {took:.3?}");
    (result, took)
}

/// Kilobytes of this process in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn start(folder: &std::path::Path, key: &Key) -> Server {
    let options = format!(
        "allow-transfer {{ key {0}; }}; update-policy {{ grant {0} zonesub ANY; }}; check-integrity no;",
        key.name
    );
    Builder::new(Kind::Bind, folder).key(key).primary(ZONE, TEXT, &options).start()
}

fn main() {
    let count: usize = env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = Key::new("extdns.test", "hmac-sha256", "YSBzZWNyZXQgb2YgdGVzdHMsIG9mIDMyIG9jdGV0cy4=");
    let records = |offset: usize| {
        (0..count / 2).flat_map(move |index| {
            let index = index + offset;
            let name = format!("host-{index:06}.{ZONE}");
            let address = format!("192.0.{}.{}", index / 250 % 250, index % 250);
            let owner = "\"heritage=external-dns,external-dns/owner=default\"";
            [
                Endpoint::new(&*name, "A", [address]).with_ttl(300),
                Endpoint::new(format!("a-{name}"), "TXT", [owner]).with_ttl(300),
            ]
        })
    };

    let theirs = start(folder.path(), &key);
    let mut lines = format!("server 127.0.0.1 {}\nzone {ZONE}\n", theirs.address().port());
    for (index, record) in records(0).enumerate() {
        let (name, target) = (&record.dns_name, &record.targets[0]);
        let _infallible = writeln!(lines, "update add {name} 300 {} {target}", record.record_type);
        if index % 1000 == 999 {
            lines.push_str("send\n");
        }
    }
    lines.push_str("send\n");
    let file = folder.path().join("updates");
    fs::write(&file, lines).expect("a file of our own");
    timed("nsupdate", || {
        let status = Command::new("nsupdate").arg("-v").args(["-y", &key.to_dig()]).arg(&file).status();
        assert!(status.expect("nsupdate").success());
    });
    drop(theirs);

    let server = start(folder.path(), &key);
    let settings = json!({
        "server": server.address(),
        "tsig": { "name": key.name, "algorithm": key.algorithm, "secret": key.secret },
    });
    let dns = testing::open::<Rfc2136>(&settings, [ZONE]).expect("it opens");
    drop(dns.records());
    let batch = records(0).fold(ChangesBuilder::new(), ChangesBuilder::create);
    timed("building the batch", || batch.build());
    let (outcome, _) = timed("creates", || dns.apply(&batch).expect("it works"));
    assert!(outcome.failures().is_empty(), "{:?}", outcome.failures().first());
    drop(batch);
    for _ in 0..3 {
        timed("dig AXFR", || {
            let mut dig = Command::new("dig");
            let port = server.address().port().to_string();
            dig.args(["@127.0.0.1", "-p", &port, "-y", &key.to_dig(), ZONE, "AXFR"]).stdout(Stdio::null());
            assert!(dig.status().expect("dig").success());
        });
        let fresh = testing::open::<Rfc2136>(&settings, [ZONE]).expect("it opens");
        let before = resident();
        let (listed, _) = timed("whole list", || fresh.records().expect("it works"));
        println!("{} records, {} kB more", listed.len(), resident().saturating_sub(before));
        timed("unchanged list", || fresh.records().expect("it works").len());
        let one = Endpoint::new(format!("one.{ZONE}"), "A", ["192.0.2.1"]).with_ttl(300);
        drop(fresh.apply(&ChangesBuilder::new().create(one.clone())).expect("it works"));
        timed("list after one change", || fresh.records().expect("it works").len());
        drop(fresh.apply(&ChangesBuilder::new().delete(one)).expect("it works"));
    }
    let (listed, _) = timed("list after all", || dns.records().expect("it works"));
    let mut batch = ChangesBuilder::new();
    for record in listed.into_iter().filter(|record| record.dns_name.contains("host-")) {
        batch = batch.delete(record);
    }
    let (outcome, _) = timed("deletes", || dns.apply(&batch).expect("it works"));
    assert!(outcome.failures().is_empty(), "{:?}", outcome.failures().first());
}
