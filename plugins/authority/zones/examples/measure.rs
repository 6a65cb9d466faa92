//! Measures what the core does with a zone of 100,000 records: run it with `--release`.
//!
//! Half of the records are A, half the ownership TXT that ExternalDNS puts beside each.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for the command line")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use zonemux_authority_zones::{Changed, Name, Origin, Rrset, Soa, Store, Zone, Zones, lookup};
use zonemux_rdata::{Rtype, encode, name_to_wire};

const HOSTS: u32 = 50_000;

fn soa() -> Soa {
    let name = name_to_wire("ns1.example.org");
    Soa { mname: name.clone(), rname: name, refresh: 1, retry: 2, expire: 3, minimum: 4, ttl: 5 }
}

fn name(text: &str) -> Name {
    Name::from_canonical(text).unwrap()
}

fn put(zone: &Arc<Zone>, from: u32, to: u32, last: u8) -> Changed {
    let mut draft = zone.draft();
    let owner =
        "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=service/default/web\"";
    for host in from..to {
        let address = encode(Rtype::A, &format!("10.{}.{}.{last}", host >> 8 & 255, host & 255)).unwrap();
        let text = encode(Rtype::TXT, owner).unwrap();
        let a = Rrset::new(Rtype::A, 300, Origin::Managed, [address], b"").unwrap();
        let ownership = Rrset::new(Rtype::TXT, 300 + u32::from(last), Origin::Managed, [text], b"").unwrap();
        draft.put(&name(&format!("host{host}.example.org")), &a);
        draft.put(&name(&format!("a-host{host}.example.org")), &ownership);
    }
    draft.finish(&soa(), zone.serial() + 1).unwrap()
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// In a process of its own, which has freed nothing that could be used again.
fn load(folder: &Path) {
    let before = resident();
    let start = Instant::now();
    let store = Store::open(folder).unwrap();
    let took = start.elapsed();
    println!("load of {} records: {took:?}", 2 * HOSTS);
    println!("memory: {} bytes a record", (resident() - before) / (2 * HOSTS as usize));
    drop(store);
}

fn main() {
    if let Some(folder) = std::env::args_os().nth(1) {
        return load(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.commit(&[Changed::created(Arc::new(Zone::new(name("example.org"), &soa(), 1)))]).unwrap();
    let zone = Arc::clone(store.zones().next().unwrap());
    store.commit(&[put(&zone, 0, HOSTS, 1)]).unwrap();
    store.tidy();
    drop((store, zone));
    let this = std::env::current_exe().unwrap();
    assert!(Command::new(this).arg(folder.path()).status().unwrap().success());
    let mut store = Store::open(folder.path()).unwrap();

    for hosts in [1, 5000] {
        let zone = Arc::clone(store.zones().next().unwrap());
        let start = Instant::now();
        let changed = put(&zone, 10_000, 10_000 + hosts, 2);
        let made = start.elapsed();
        store.commit(&[changed]).unwrap();
        println!("change of {} records: {made:?}, with the disk {:?}", 2 * hosts, start.elapsed());
    }

    let zones = Zones::new();
    zones.publish([Arc::clone(store.zones().next().unwrap())]);
    let questions: Vec<Vec<u8>> = (0..1_000_000_u32)
        .map(|number| {
            let host = number.wrapping_mul(2_654_435_761) % HOSTS;
            let start = if number % 20 == 0 { "none" } else { "host" };
            name_to_wire(&format!("{start}{host}.example.org"))
        })
        .collect();
    let start = Instant::now();
    for question in &questions {
        let table = zones.table();
        black_box(lookup(&table, question, Rtype::A).unwrap().answer.len());
    }
    println!("look-ups, 5 % of names that are not there: {:?} each", start.elapsed() / 1_000_000);

    let zone = zones.find(&name("example.org")).unwrap();
    let start = Instant::now();
    let mut octets = 0;
    for (name, rrset) in zone.iter() {
        octets += name.key().len() + rrset.rdata_size();
    }
    println!("a walk through all of it, {octets} octets: {:?}", start.elapsed());
}
