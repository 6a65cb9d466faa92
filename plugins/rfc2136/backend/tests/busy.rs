//! Zones that others write at the same time.

mod common;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::ChangesBuilder;
use zonemux_test_support::servers::Kind;

use common::{Site, ZONE, record};

/// Sends as many updates as there are lines, one after the other, as somebody else.
fn nsupdate(site: &Site, lines: impl Iterator<Item = String>) {
    let address = site.server.address();
    let mut text = format!("server {} {}\nzone {ZONE}\n", address.ip(), address.port());
    for line in lines {
        let _infallible = write!(text, "{line}\nsend\n");
    }
    let mut child = Command::new("nsupdate")
        .args(["-v", "-y", &site.key.to_dig()])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("nsupdate is installed (Debian's bind9-dnsutils)");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn no_record_of_somebody_else_is_lost_among_a_thousand() {
    for kind in [Kind::Bind, Kind::Knot, Kind::PowerDns] {
        let site = Site::start(kind);
        let dns = site.open();
        let name = |index: usize| format!("shared{}", index % 50);
        thread::scope(|scope| {
            // They add to the names that we write at the same time.
            let others = scope.spawn(|| {
                nsupdate(
                    &site,
                    (0..1000).map(|index| {
                        format!(
                            "update add {}.{ZONE} 300 A 198.51.{}.{}",
                            name(index),
                            index / 250,
                            index % 250
                        )
                    }),
                );
            });
            let mut rounds = 0;
            while !others.is_finished() || rounds < 3 {
                rounds += 1;
                let listed = dns.records().unwrap();
                let mut batch = ChangesBuilder::new();
                for index in 0..50 {
                    let wanted = record(&name(index), "A", &["192.0.2.1"]);
                    let present = listed
                        .iter()
                        .find(|other| other.dns_name == wanted.dns_name && other.record_type == "A");
                    batch = match present {
                        None => batch.create(wanted),
                        // As a careful client would: what is there stays, and ours comes and goes.
                        Some(present) => {
                            let mut changed = present.clone();
                            if changed.targets.iter().any(|target| target == "192.0.2.1") {
                                changed.targets.retain(|target| target != "192.0.2.1");
                            } else {
                                changed.targets.push("192.0.2.1".to_owned());
                            }
                            if changed.targets.is_empty() {
                                batch.delete(present.clone())
                            } else {
                                batch.update(present.clone(), changed)
                            }
                        }
                    };
                }
                // Conflicts are told, and nothing else.
                for failure in dns.apply(&batch).unwrap().failures() {
                    assert!(
                        failure.reason.contains("somebody else changed it")
                            || failure.reason.contains("changes faster"),
                        "{failure:?}"
                    );
                }
            }
            others.join().unwrap();
        });
        let listed = site.open().records().unwrap();
        let found: Vec<&String> = listed
            .iter()
            .flat_map(|endpoint| &endpoint.targets)
            .filter(|target| target.starts_with("198.51."))
            .collect();
        assert_eq!(found.len(), 1000, "{kind:?}");
    }
}

#[test]
fn two_instances_write_one_zone() {
    for kind in [Kind::Bind, Kind::Knot, Kind::PowerDns] {
        let site = Site::start(kind);
        let write = |label: &str, address: &str| {
            let dns = site.open();
            let hosts: Vec<Endpoint> =
                (0..200).map(|index| record(&format!("{label}{index}"), "A", &[address])).collect();
            for _ in 0..5 {
                dns.records().unwrap();
                for batch in [
                    hosts.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create),
                    hosts[50..].iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::delete),
                ] {
                    assert_eq!(dns.apply(&batch).unwrap().failures(), []);
                }
            }
            // Both want a record of the same name.
            let own = record("both", "A", &[address]);
            dns.apply(&ChangesBuilder::new().create(own)).unwrap().failures().len()
        };
        let failed = thread::scope(|scope| {
            let one = scope.spawn(|| write("one", "192.0.2.1"));
            let two = scope.spawn(|| write("two", "192.0.2.2"));
            one.join().unwrap() + two.join().unwrap()
        });
        assert_eq!(failed, 1, "{kind:?}: one of them was second");
        let listed = site.open().records().unwrap();
        assert_eq!(listed.len(), 1 + 50 + 50 + 1);
        assert_eq!(site.dig("both.example.org", "A").len(), 1);
    }
}
