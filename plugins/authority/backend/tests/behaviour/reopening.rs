//! What is there when the backend is opened again, with the same settings and with others.

use zonemux_authority_zones::{Name, Origin, Store};
use zonemux_plugin::ErrorKind;
use zonemux_plugin::testing::TestBackend;
use zonemux_plugin::testing::{ChangesBuilder, json};

use super::common::{Lab, ZONES, accept, names, record, refusals};

/// Serial, and every RRset with whose it is, of a zone on the disk.
fn on_disk(lab: &Lab, apex: &str) -> (u32, Vec<String>) {
    let store = Store::open(lab.folder()).expect("it is closed");
    let zone = Name::from_canonical(apex).and_then(|apex| store.get(&apex).cloned()).expect("it is there");
    let mark = |origin| if origin == Origin::Fixed { "fixed" } else { "managed" };
    let lines = zone.iter().map(|(name, rrset)| format!("{name} {} {}", rrset.rtype(), mark(rrset.origin())));
    (zone.serial(), lines.collect())
}

#[test]
fn records_are_there_again() {
    let lab = Lab::new();
    let dns = lab.open();
    accept(
        &dns,
        &[
            record("www.example.org", "A", "192.0.2.1"),
            record("1.2.0.192.in-addr.arpa", "PTR", "www.example.org"),
        ],
    );
    let listed = dns.records().unwrap();
    // Dropped without being closed, as by a crash.
    drop(dns);
    let (serial, lines) = on_disk(&lab, "example.org");
    assert_eq!(lines, ["example.org SOA fixed", "example.org NS fixed", "www.example.org A managed"]);
    let dns = lab.open();
    assert_eq!(dns.records().unwrap(), listed);
    drop(dns);
    assert_eq!(on_disk(&lab, "example.org").0, serial, "nothing is changed, so the serial is the same");
}

#[test]
fn a_batch_is_one_step_of_each_zone_that_it_touches() {
    let lab = Lab::new();
    lab.open().close().unwrap();
    let [before, other] = ZONES.map(|apex| on_disk(&lab, apex).0);
    let dns = lab.open();
    let batch = (0..50).fold(ChangesBuilder::new(), |batch, number| {
        batch.create(record(&format!("n{number}.example.org"), "A", "192.0.2.1"))
    });
    assert_eq!(dns.apply(&batch).unwrap().failures(), []);
    // The same again changes nothing.
    assert_eq!(dns.apply(&batch).unwrap().failures(), []);
    assert_eq!(
        dns.dry_run(&ChangesBuilder::new().create(record("x.example.org", "A", "192.0.2.1")))
            .unwrap()
            .failures(),
        []
    );
    dns.close().unwrap();
    assert_eq!(ZONES.map(|apex| on_disk(&lab, apex).0), [before + 1, other]);
}

#[test]
fn a_folder_in_use_is_given_back_by_closing() {
    let lab = Lab::new();
    let first = lab.open();
    let error = lab.try_open(&ZONES, &json!({})).expect_err("locked");
    assert!(error.message().contains("is in use by another backend or process"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Retryable);
    accept(&first, &[record("www.example.org", "A", "192.0.2.1")]);
    first.check().unwrap();
    first.close().unwrap();
    assert_eq!(names(&lab.open()), ["www.example.org"]);
}

#[test]
fn records_of_the_settings_are_served_and_never_listed() {
    let lab = Lab::new();
    let settings = json!({
        "nameservers": [
            { "name": "ns1.example.org", "addresses": ["192.0.2.53", "2001:db8::53"] },
            "ns.example.net",
        ],
        "hostmaster": "dns.admin@example.org",
        "static": [
            { "name": "mail.example.org", "type": "A", "targets": ["192.0.2.25"], "ttl": "1d" },
            { "name": "example.org", "type": "MX", "targets": ["10 mail.example.org"] },
        ],
    });
    let dns = lab.open_with(&settings);
    assert_eq!(names(&dns), [""; 0]);
    for endpoint in [
        record("mail.example.org", "A", "192.0.2.1"),
        record("example.org", "MX", "20 mail.example.org"),
        record("ns1.example.org", "AAAA", "2001:db8::1"),
    ] {
        let [(0, reason)] = &refusals(&dns, std::slice::from_ref(&endpoint))[..] else {
            panic!("{endpoint:?}")
        };
        assert!(reason.contains("a record of the backend's settings"), "{reason}");
        let outcome = dns.apply(&ChangesBuilder::new().delete(endpoint)).unwrap();
        assert_eq!(outcome.failures().len(), 1);
    }
    let [(0, reason)] = &refusals(&dns, &[record("mail.example.org", "CNAME", "x.example.org")])[..] else {
        panic!()
    };
    assert!(reason.contains("can't stand beside the A record"), "{reason}");
    // Beside them there is room.
    accept(&dns, &[record("mail.example.org", "TXT", "text")]);
    dns.close().unwrap();
    let (serial, lines) = on_disk(&lab, "example.org");
    assert_eq!(
        lines,
        [
            "example.org SOA fixed",
            "example.org NS fixed",
            "example.org MX fixed",
            "mail.example.org A fixed",
            "mail.example.org TXT managed",
            "ns1.example.org A fixed",
            "ns1.example.org AAAA fixed",
        ]
    );
    // Other settings are one step; what they no longer name is gone.
    lab.open_with(&json!({ "nameservers": ["ns.example.net"] })).close().unwrap();
    let (next, lines) = on_disk(&lab, "example.org");
    assert_eq!((next, &lines[2..]), (serial + 1, &["mail.example.org TXT managed".to_owned()][..]));
}

#[test]
fn a_record_of_the_settings_never_takes_the_place_of_externaldns_s() {
    let lab = Lab::new();
    let dns = lab.open();
    accept(
        &dns,
        &[record("www.example.org", "A", "192.0.2.1"), record("c.example.org", "CNAME", "www.example.org")],
    );
    dns.close().unwrap();
    let before = on_disk(&lab, "example.org");
    let settings = json!({ "static": [
        { "name": "www.example.org", "type": "A", "targets": ["192.0.2.2"] },
        { "name": "c.example.org", "type": "TXT", "targets": ["text"] },
        { "name": "www.example.net", "type": "A", "targets": ["192.0.2.2"] },
    ]});
    let error = lab.try_open(&ZONES, &settings).expect_err("out of zone");
    assert!(error.message().contains("www.example.net lies in none of the zones"), "{error}");
    let settings = json!({ "static": [settings["static"][0], settings["static"][1]] });
    let error = lab.try_open(&ZONES, &settings).expect_err("a conflict");
    assert_eq!(error.kind(), ErrorKind::Config);
    for words in ["A www.example.org of the settings is there already", "TXT c.example.org", "\nhint: "] {
        assert!(error.message().contains(words), "{error}");
    }
    assert_eq!(on_disk(&lab, "example.org"), before);
}

#[test]
fn a_zone_that_is_no_longer_named_keeps_its_records() {
    let lab = Lab::new();
    let dns = lab.open();
    accept(&dns, &[record("www.example.org", "A", "192.0.2.1")]);
    dns.close().unwrap();
    let other = lab.try_open(&["example.net"], &json!({})).unwrap();
    assert_eq!(names(&other), [""; 0]);
    other.close().unwrap();
    assert_eq!(names(&lab.open()), ["www.example.org"]);
}

#[test]
fn records_move_into_a_zone_that_is_new_below_theirs() {
    let lab = Lab::new();
    let dns = lab.open();
    accept(
        &dns,
        &[
            record("www.example.org", "A", "192.0.2.1"),
            record("lan.example.org", "A", "192.0.2.2"),
            record("lan.example.org", "NS", "ns.example.net"),
            record("host.lan.example.org", "A", "192.0.2.3"),
        ],
    );
    let before = dns.records().unwrap();
    dns.close().unwrap();
    let zones = ["example.org", "lan.example.org"];
    let dns = lab.try_open(&zones, &json!({})).unwrap();
    let mut after = dns.records().unwrap();
    after.sort_by_key(|endpoint| before.iter().position(|other| other == endpoint));
    assert_eq!(after, before, "nothing is lost");
    dns.close().unwrap();
    let managed =
        |apex| on_disk(&lab, apex).1.into_iter().filter(|line| line.ends_with("managed")).collect::<Vec<_>>();
    assert_eq!(managed("example.org"), ["lan.example.org NS managed", "www.example.org A managed"]);
    assert_eq!(managed("lan.example.org"), ["lan.example.org A managed", "host.lan.example.org A managed"]);
}

#[test]
fn what_was_answered_last_stays_where_a_zone_comes_back() {
    let lab = Lab::new();
    let child = lab.try_open(&["lan.example.org"], &json!({})).unwrap();
    let old = ["x", "y", "z"].map(|host| record(&format!("{host}.lan.example.org"), "A", "192.0.2.1"));
    accept(&child, &old);
    child.close().unwrap();
    let parent = lab.try_open(&["example.org"], &json!({})).unwrap();
    let warned = |dns: &TestBackend, words: &str| {
        dns.log().iter().filter(|line| line.level == "warn" && line.message.contains(words)).count()
    };
    assert_eq!(warned(&parent, "the zone lan.example.org is kept and not served: its 3 records"), 1);
    let new = [
        record("x.lan.example.org", "CNAME", "www.example.net"),
        record("y.lan.example.org", "A", "192.0.2.2"),
        record("y.lan.example.org", "TXT", "\"text\""),
    ];
    accept(&parent, &new);
    parent.close().unwrap();
    let both = lab.try_open(&["example.org", "lan.example.org"], &json!({})).unwrap();
    let mut listed = both.records().unwrap();
    listed.sort_by(|left, right| {
        (&left.dns_name, &left.record_type).cmp(&(&right.dns_name, &right.record_type))
    });
    let [x, y, text] = new;
    let [_, _, z] = old;
    assert_eq!(listed, [x, y, text, z]);
    assert_eq!(warned(&both, "gives way to what is answered today"), 2);
    assert_eq!(warned(&both, "is kept and not served"), 0);
}

#[test]
fn damage_and_disks_are_told_apart() {
    let lab = Lab::new();
    lab.open().close().unwrap();
    let file = lab.folder().join("zones.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = lab.try_open(&ZONES, &json!({})).expect_err("damage");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.message().contains("is damaged at byte 26")
            && error.message().contains("hint: put back a copy"),
        "{error}"
    );
}
