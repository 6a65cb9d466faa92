//! BIND, NSD and Knot as secondaries: signed transfers, notifications, restarts on either side, catalogs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::{Site, ZONE, key, name, rrset, settings, zone};
use fastrand::Rng;
use zonemux_authority_server::{Key as TsigKey, Secondary, ServerSettings};
use zonemux_authority_zones::Draft;
use zonemux_rdata::record_type;
use zonemux_test_support::eventually;
use zonemux_test_support::servers::{Builder, Key, Kind, Server, dig, sorted};

const KINDS: [Kind; 3] = [Kind::Bind, Kind::Nsd, Kind::Knot];
const CATALOG: &str = "catalog.invalid";

fn told(servers: &[Builder], key: &Arc<TsigKey>) -> ServerSettings {
    let secondaries = servers.iter().map(|server| Secondary {
        address: server.address(),
        key: Some(Arc::clone(key)),
        notify: true,
    });
    ServerSettings { secondaries: secondaries.collect(), ..settings() }
}

/// All records of a zone, as our server transfers them.
fn records(primary: SocketAddr, zone: &str, key: &Key) -> Vec<String> {
    sorted(&dig(primary, &["-y", &key.to_dig(), "+noall", "+answer", "+onesoa", zone, "AXFR"]))
}

/// One change of one to three RRsets, of any type; what it does to a name is up to chance.
fn change(random: &mut Rng, draft: &mut Draft) {
    for _ in 0..random.usize(1..=3) {
        let number = random.u32(0..60);
        let (owner, rtype, targets): (String, &str, Vec<String>) = match random.u8(0..9) {
            0 => (format!("Host-{number}"), "A", addresses(random)),
            1 => (format!("host-{number}"), "AAAA", vec![format!("2001:db8::{number:x}")]),
            2 => (format!("host-{number}"), "TXT", vec![format!("\"heritage={} ; \\\" x\"", random.u32(..))]),
            3 => {
                (format!("alias-{number}"), "CNAME", vec![format!("host-{}.example.org", random.u32(0..60))])
            }
            4 => (format!("host-{number}"), "MX", vec![format!("{number} host-{number}.example.org")]),
            5 => {
                (format!("_sip._tcp.host-{number}"), "SRV", vec![format!("1 2 {number} host-1.example.org")])
            }
            6 => (format!("*.deep.wild-{number}"), "A", addresses(random)),
            7 => (
                format!("sub-{number}"),
                "NS",
                vec![format!("ns.sub-{number}.example.org"), "ns.example.net".into()],
            ),
            _ => (format!("host-{number}"), "CAA", vec![format!("0 issue \"ca{number}.example\"")]),
        };
        let owner = name(&format!("{}.example.org", owner.to_lowercase()));
        if random.u8(0..4) == 0 {
            draft.remove(&owner, record_type(rtype).unwrap());
        } else {
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            draft.put(&owner, &rrset(rtype, random.u32(1..4) * 60, &targets));
        }
    }
}

fn addresses(random: &mut Rng) -> Vec<String> {
    (0..random.usize(1..6)).map(|_| format!("192.0.2.{}", random.u8(1..20))).collect()
}

#[track_caller]
fn wait_equal(site: &Site, serial: u32, key: &Key, servers: &[Server]) {
    let wanted = records(site.address(), ZONE, key);
    assert!(wanted.len() > 1);
    for server in servers {
        let kind = server.kind();
        eventually(&format!("{kind:?} has serial {serial}, not {:?}", server.serial(ZONE)), || {
            (server.serial(ZONE) == Some(serial)).then_some(())
        });
        assert_eq!(server.records(ZONE), wanted, "{kind:?} at {serial}");
    }
}

#[test]
fn all_stay_equal_over_a_thousand_changes_and_restarts() {
    let seed = fastrand::u64(..);
    let mut random = Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let (key, ours) = key("hmac-sha256");
    let builders = KINDS.map(|kind| Builder::new(kind, folder.path()));
    let mut settings = told(&builders, &ours);
    let mut site = Site::new(settings.clone(), [zone(ZONE, &[("ns1.example.org", "A", 60, &["192.0.2.1"])])]);
    settings.listen = vec![site.address()];
    let mut servers: Vec<Server> = builders
        .into_iter()
        .map(|builder| builder.secondary(ZONE, site.address(), Some(&key)).start())
        .collect();
    let mut serial = 100;
    for round in 0..40 {
        // In every second round one of them misses all or half of the changes.
        let (mut down, at) = (None, random.usize(0..servers.len()));
        match round % 4 {
            1 => down = Some(servers.remove(at).stop()),
            3 => down = Some(servers.remove(at).kill()),
            _ => {}
        }
        for step in 0..25 {
            serial = site.change(ZONE, |draft| change(&mut random, draft));
            if step == 12 {
                if round % 8 == 2 {
                    site = Site::with(settings.clone(), site.close());
                }
                if round % 8 == 3 {
                    servers.extend(down.take().map(Builder::start));
                }
            }
        }
        servers.extend(down.map(Builder::start));
        wait_equal(&site, serial, &key, &servers);
    }
    assert!(serial > 900, "{serial}: chance seldom changes nothing; seed {seed}");
    // What was transferred was what changed: BIND keeps that in a journal, Knot says so.
    assert!(
        folder
            .path()
            .read_dir()
            .unwrap()
            .flatten()
            .any(|entry| entry.path().join("example.org.secondary.jnl").exists())
    );
    let knot = servers.iter().find(|server| server.kind() == Kind::Knot).unwrap();
    eventually("Knot transfers what changed", || {
        knot.log().iter().any(|line| line.contains("IXFR, incoming")).then_some(())
    });
}

#[test]
fn a_secondary_that_was_away_is_told_until_it_acknowledges() {
    let folder = tempfile::tempdir().unwrap();
    let (key, ours) = key("hmac-sha512");
    // BIND alone: when it starts with a zone that it has, it asks nobody until it is told or an hour has passed.
    let builder = Builder::new(Kind::Bind, folder.path());
    let site = Site::new(told(std::slice::from_ref(&builder), &ours), [zone(ZONE, &[])]);
    let server = builder.secondary(ZONE, site.address(), Some(&key)).start();
    wait_equal(&site, 100, &key, std::slice::from_ref(&server));
    let stopped = server.stop();
    let serial =
        site.change(ZONE, |draft| draft.put(&name("new.example.org"), &rrset("A", 60, &["192.0.2.1"])));
    let server = stopped.start();
    wait_equal(&site, serial, &key, &[server]);
}

#[test]
fn zones_are_picked_up_and_given_up_by_the_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let (key, ours) = key("hmac-sha256");
    let builders = KINDS.map(|kind| Builder::new(kind, folder.path()));
    let settings = ServerSettings { catalog: Some(name(CATALOG)), ..told(&builders, &ours) };
    let site = Site::new(settings, [zone(ZONE, &[])]);
    let servers = builders.map(|builder| builder.catalog(CATALOG, site.address(), Some(&key)).start());
    // NSD 4.6 knows no catalogs: it serves this one as any other zone.
    let members = |server: &&Server| server.kind() != Kind::Nsd;
    let wait = |zone: &str, is_there: bool| {
        for server in servers.iter().filter(members) {
            eventually(&format!("{zone} at {:?}: {is_there}", server.kind()), || {
                (server.serial(zone).is_some() == is_there).then_some(())
            });
        }
    };
    wait(ZONE, true);
    let others = ["example.net", "sub.example.org", "2.0.192.in-addr.arpa"];
    for other in others {
        site.zones.publish([zone(other, &[])]);
        wait(other, true);
    }
    site.zones.remove(&name("example.net"));
    wait("example.net", false);
    wait("sub.example.org", true);
    site.zones.publish([zone("example.net", &[])]);
    wait("example.net", true);
    // A change of a member is told to who has it from the catalog.
    let serial = site
        .change("example.net", |draft| draft.put(&name("a.example.net"), &rrset("A", 60, &["192.0.2.1"])));
    for server in servers.iter().filter(members) {
        eventually("the member's change", || (server.serial("example.net") == Some(serial)).then_some(()));
        assert_eq!(server.records("example.net"), records(site.address(), "example.net", &key));
    }
    let wanted = records(site.address(), CATALOG, &key);
    // SOA, NS, version, and one for each zone.
    assert_eq!(wanted.len(), 3 + 1 + others.len(), "{wanted:#?}");
    for server in &servers {
        eventually("the catalog itself", || (server.records(CATALOG) == wanted).then_some(()));
    }
}

#[test]
fn a_zone_that_a_secondary_does_not_have_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (key, ours) = key("hmac-sha256");
    let builder = Builder::new(Kind::Bind, folder.path());
    let settings = told(std::slice::from_ref(&builder), &ours);
    let site = Site::new(settings, [zone(ZONE, &[]), zone("example.net", &[])]);
    let server = builder.secondary(ZONE, site.address(), Some(&key)).start();
    let mut serial = 100;
    // More often than the tries for the other zone come, which are ever longer apart.
    for number in 0..10 {
        eventually("the change is told", || (server.serial(ZONE) == Some(serial)).then_some(()));
        let address = format!("192.0.2.{number}");
        serial = site.change(ZONE, |draft| draft.put(&name("www.example.org"), &rrset("A", 60, &[&address])));
    }
}
