//! Answers beside those that BIND and NSD give from the same zones, which they transfer from the backend: to
//! thousands of random questions, each in three ways. Whatever differs is explained by a rule, or a fault.
//!
//! `ZONEMUX_SEED` is the seed of other zones and questions than the usual.

#[path = "answers/client.rs"]
mod client;
#[path = "answers/questions.rs"]
mod questions;
#[path = "answers/rules/mod.rs"]
mod rules;
#[path = "answers/zone.rs"]
mod zone;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use client::Client;
use fastrand::Rng;
use questions::Question;
use rules::{Case, explain, rules};
use zone::ZONES;
use zonemux_authority_backend::Authority;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_rdata::{Rtype, name_to_wire, record_type};
use zonemux_test_support::eventually;
use zonemux_test_support::servers::{Builder, Kind, Server, dig};

const SEED: u64 = 1035;
/// Each is asked in three ways.
const QUESTIONS: usize = 6000;

/// Where a backend answers, as it logged.
fn address(dns: &TestBackend) -> SocketAddr {
    let log = dns.log();
    let line = log.iter().find(|line| line.message == "answering questions").expect("it says where");
    let (_, address) = line.fields.iter().find(|(key, _)| key == "address").expect("an address");
    address.parse().expect("an address")
}

/// Starts a server, and waits until it has the zones as they are here.
fn secondary(kind: Kind, folder: &std::path::Path, primary: SocketAddr) -> Server {
    let options = match kind {
        // What is not asked for is left out of answers, as it is here.
        Kind::Bind => "minimal-responses no-auth; check-names secondary ignore; ",
        _ => "  minimal-responses: yes\n",
    };
    let builder = Builder::new(kind, folder).options(options);
    let server = ZONES.iter().fold(builder, |builder, zone| builder.secondary(zone, primary, None)).start();
    for zone in ZONES {
        let said = dig(primary, &["+short", zone, "SOA"]);
        let serial = said.split_whitespace().nth(2).and_then(|serial| serial.parse().ok());
        assert!(serial.is_some(), "{zone}: {said}");
        eventually("the zone arrives", || (server.serial(zone) == serial).then_some(()));
    }
    server
}

#[test]
#[expect(clippy::print_stdout, reason = "a test's output is shown where it fails")]
fn answers_are_those_of_bind_and_nsd_but_for_what_is_explained() {
    let seed = std::env::var("ZONEMUX_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    let mut random = Rng::with_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = json!({
        "directory": folder.path().join("zones"),
        "listen": ["127.0.0.1:0"],
        "nameservers": [{ "name": "ns1.example.org", "addresses": ["192.0.2.53", "2001:db8::53"] }, "ns.example.com"],
        "transfer_from": ["127.0.0.0/8"],
    });
    let dns = testing::open::<Authority>(settings, ZONES).expect("it opens");
    let (certain, random_ones) = zone::records(&mut random);
    let batch = certain.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::create);
    assert_eq!(dns.apply(&batch).expect("the call works").failures(), []);
    let batch = random_ones.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::create);
    // Those that can't stand beside others are refused.
    dns.apply(&batch).expect("the call works");

    let there: Vec<(Vec<u8>, Rtype)> = dns
        .records()
        .expect("the call works")
        .iter()
        .map(|record| (name_to_wire(&record.dns_name), record_type(&record.record_type).expect("a type")))
        .collect();
    let mut names: Vec<Vec<u8>> = there.iter().map(|(name, _)| name.clone()).collect();
    names.extend(ZONES.map(name_to_wire));
    names.push(name_to_wire("ns1.example.org"));
    let with_records = names.iter().map(|name| client::text(name)).collect();
    let above: Vec<Vec<u8>> = names.iter().map(|name| questions::parent(name)).collect();
    names.extend(above);
    names.sort();
    names.dedup();

    let ours = address(&dns);
    let servers = [Kind::Bind, Kind::Nsd].map(|kind| secondary(kind, folder.path(), ours));
    let mut ours = Client::new(ours);
    let mut theirs = servers.each_ref().map(|server| (server.kind(), Client::new(server.address())));
    let mut used = BTreeMap::<_, usize>::new();
    let mut faults = BTreeMap::<_, (usize, String)>::new();
    let mut equal = 0;
    // All that there is, and as much again and more that may not be there.
    let mut all: Vec<_> = there.into_iter().map(|(name, rtype)| Question::new(name, rtype)).collect();
    all.extend(ZONES.map(|zone| Question::new(name_to_wire(zone), Rtype::DS)));
    all.push(Question::new(name_to_wire("a.self.example.org"), Rtype::A));
    // It leads to where the DNAME stands.
    let to_dname = [Rtype::A, Rtype::CNAME, Rtype::DNAME, Rtype::ANY];
    all.extend(to_dname.map(|rtype| Question::new(name_to_wire("x.x.up.example.org"), rtype)));
    all.extend((0..QUESTIONS).map(|_| questions::random(&names, &mut random)));
    for question in all {
        for question in question.ways(&mut random) {
            let our = ours.ask(&question);
            for (kind, client) in &mut theirs {
                let their = client.ask(&question);
                if our == their {
                    equal += 1;
                    continue;
                }
                let case = Case { question: &question, names: &with_records };
                match explain(*kind, &case, &our, &their) {
                    Ok(rules) => rules.into_iter().for_each(|rule| *used.entry(rule).or_default() += 1),
                    Err(parts) => {
                        let example = || (0, format!("{question}\n  ours:\n{our}  theirs:\n{their}"));
                        let fault = faults.entry((format!("{kind:?}"), parts)).or_insert_with(example);
                        fault.0 += 1;
                        if (2..8).contains(&fault.0) {
                            writeln!(fault.1, "  also {question}").expect("a text");
                        }
                    }
                }
            }
        }
    }
    let mut report =
        format!("seed {seed}, {} names, {equal} answers alike; explained: {used:#?}\n", names.len());
    for ((kind, parts), (count, example)) in &faults {
        writeln!(report, "{kind}, {count} times {}: {example}", parts.join(", ")).expect("a text");
    }
    println!("{report}");
    assert!(faults.is_empty(), "differences that no rule explains:\n{report}");
    if seed == SEED {
        let unused: Vec<_> = rules().map(|rule| rule.name).filter(|name| !used.contains_key(name)).collect();
        assert_eq!(unused, [""; 0], "rules that nothing needs:\n{report}");
    }
}
