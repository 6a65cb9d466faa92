//! Changes beside others who change the same zone.

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use zonemux_plugin::testing::{self, ChangesBuilder, json};
use zonemux_plugin::{Endpoint, ErrorKind};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::Kind;

use common::{Site, TEXT, ZONE, apply, failures, key, ownership, record};

const KINDS: [Kind; 3] = [Kind::Bind, Kind::Knot, Kind::PowerDns];

/// Changes the zone as somebody else.
#[track_caller]
fn nsupdate(site: &Site, lines: &str) {
    let address = site.server.address();
    let mut child = Command::new("nsupdate")
        .args(["-y", &site.key.to_dig()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("nsupdate is installed (Debian's bind9-dnsutils)");
    let text = format!("server {} {}\nzone {ZONE}\n{lines}\nsend\n", address.ip(), address.port());
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success(), "{lines}");
}

fn create(records: &[Endpoint]) -> ChangesBuilder {
    records.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create)
}

#[test]
fn what_somebody_else_changed_is_not_overwritten() {
    for kind in KINDS {
        let site = Site::start(kind);
        let dns = site.open();
        let www = record("www", "A", &["192.0.2.1"]);
        let others = [record("a", "A", &["192.0.2.8"]), record("z", "A", &["192.0.2.9"])];
        apply(&dns, &create(&[&[www.clone()][..], &others].concat()));
        dns.records().unwrap();
        nsupdate(&site, "update delete www.example.org A\nupdate add www.example.org 60 A 198.51.100.1");
        nsupdate(&site, "update add new.example.org 60 A 198.51.100.2");
        nsupdate(&site, "update add z.example.org 300 A 198.51.100.3");
        let batch = ChangesBuilder::new()
            .update(www.clone(), record("www", "A", &["192.0.2.2"]))
            .create(record("new", "A", &["192.0.2.3"]))
            .delete(others[1].clone())
            .update(others[0].clone(), record("a", "A", &["192.0.2.18"]))
            .create(record("fine", "A", &["192.0.2.4"]));
        let failed = failures(&dns, &batch);
        assert_eq!(failed.len(), 3, "{kind:?} {failed:#?}");
        for failure in &failed {
            assert_eq!(failure.kind, ErrorKind::Retryable, "{failure:?}");
            assert!(failure.reason.contains("somebody else changed it"), "{failure:?}");
        }
        assert_eq!(site.dig("www.example.org", "A"), ["198.51.100.1"]);
        assert_eq!(site.dig("new.example.org", "A"), ["198.51.100.2"]);
        assert_eq!(site.dig("z.example.org", "A"), ["192.0.2.9", "198.51.100.3"]);
        assert_eq!(site.dig("a.example.org", "A"), ["192.0.2.18"], "{kind:?}");
        assert_eq!(site.dig("fine.example.org", "A"), ["192.0.2.4"]);
        // The list shows it, and what is asked for then is done.
        let listed = dns.records().unwrap();
        let theirs = listed.iter().find(|endpoint| endpoint.dns_name == www.dns_name).unwrap().clone();
        assert_eq!(theirs.targets, ["198.51.100.1"]);
        apply(&dns, &ChangesBuilder::new().update(theirs, www));
        assert_eq!(site.dig("www.example.org", "A"), ["192.0.2.1"]);
    }
}

#[test]
fn what_is_as_wished_already_is_done() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    dns.records().unwrap();
    nsupdate(&site, "update add www.example.org 300 A 192.0.2.1");
    let gone = record("gone", "A", &["192.0.2.2"]);
    let (old, new) = (record("moved", "A", &["192.0.2.3"]), record("moved", "A", &["192.0.2.4"]));
    let batch = create(&[record("www", "A", &["192.0.2.1"])]).delete(gone).update(old, new);
    apply(&dns, &batch);
    assert_eq!(site.dig("moved.example.org", "A"), ["192.0.2.4"]);
}

#[test]
fn an_ownership_record_of_somebody_else_keeps_its_record() {
    for kind in KINDS {
        let site = Site::start(kind);
        let dns = site.open();
        let www = record("www", "A", &["192.0.2.1"]);
        apply(&dns, &create(&[www.clone(), ownership(&www, "me")]));
        dns.records().unwrap();
        // The record stays, and changes hands.
        nsupdate(
            &site,
            "update delete x-a.www.example.org TXT\nupdate add x-a.www.example.org 300 TXT \"heritage=external-dns,external-dns/owner=you\"",
        );
        let mine = ownership(&www, "me");
        let batch = ChangesBuilder::new()
            .update(www.clone(), record("www", "A", &["192.0.2.2"]))
            .update(mine.clone(), mine.clone());
        let failed = failures(&dns, &batch);
        assert_eq!(failed.len(), 2, "{kind:?} {failed:#?}");
        assert!(
            failed.iter().any(|failure| failure.reason.contains("TXT x-a.www.example.org")),
            "{failed:#?}"
        );
        assert_eq!(failures(&dns, &ChangesBuilder::new().delete(www.clone()).delete(mine)).len(), 2);
        assert_eq!(site.dig("www.example.org", "A"), ["192.0.2.1"]);
        // Nor is it created over.
        dns.records().unwrap();
        let failed = failures(&dns, &create(&[record("www", "A", &["192.0.2.3"]), ownership(&www, "me")]));
        assert!(failed.iter().any(|failure| failure.reason.contains("somebody else's")), "{failed:#?}");
        assert_eq!(site.dig("www.example.org", "A"), ["192.0.2.1"]);
    }
}

#[test]
fn what_somebody_else_made_is_not_claimed() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    nsupdate(&site, "update add www.example.org 300 A 192.0.2.1");
    let www = record("www", "A", &["192.0.2.1"]);
    // Whether it is known from a list or not: the same record, and no ownership record beside it.
    for _ in 0..2 {
        let failed = failures(&dns, &create(&[www.clone(), ownership(&www, "me")]));
        assert_eq!(failed.len(), 2, "{failed:#?}");
        assert!(failed.iter().any(|failure| failure.reason.contains("somebody else")), "{failed:#?}");
        assert_eq!(site.dig("x-a.www.example.org", "TXT"), [""; 0]);
        dns.records().unwrap();
    }
    // Another one is not replaced either, though a list showed it.
    let failed = failures(&dns, &create(&[record("www", "A", &["192.0.2.2"])]));
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(site.dig("www.example.org", "A"), ["192.0.2.1"]);
}

#[test]
fn an_ownership_record_that_is_spelled_otherwise_is_still_ours() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    let www = record("www", "A", &["192.0.2.1"]);
    nsupdate(
        &site,
        "update add www.example.org 300 A 192.0.2.1\nupdate add x-a.www.example.org 300 TXT \"heritage=external-dns,external-dns/owner=me,external-dns/resource=x\"",
    );
    dns.records().unwrap();
    let mine = ownership(&www, "me");
    let new = record("www", "A", &["192.0.2.2"]);
    apply(&dns, &ChangesBuilder::new().update(www, new.clone()).update(mine.clone(), mine.clone()));
    assert_eq!(site.dig("www.example.org", "A"), ["192.0.2.2"]);
    assert_eq!(site.dig("x-a.www.example.org", "TXT"), ["\"heritage=external-dns,external-dns/owner=me\""]);
    apply(&dns, &ChangesBuilder::new().delete(new).delete(mine));
}

#[test]
fn a_cname_that_a_server_ignores_leaves_all_as_it_was() {
    for kind in [Kind::Bind, Kind::Knot] {
        let site = Site::start(kind);
        let dns = site.open();
        let www = record("www", "A", &["192.0.2.1"]);
        let alias = record("www", "CNAME", &["web.example.org"]);
        apply(&dns, &create(&[www.clone(), ownership(&www, "me")]));
        dns.records().unwrap();
        // Of this nothing is known, and a CNAME can't stand beside it.
        nsupdate(&site, "update add www.example.org 300 MX 10 mail.example.net.");
        let batch = ChangesBuilder::new()
            .delete(www.clone())
            .delete(ownership(&www, "me"))
            .create(alias.clone())
            .create(ownership(&alias, "me"));
        let failed = failures(&dns, &batch);
        assert_eq!(failed.len(), 4, "{kind:?} {failed:#?}");
        assert!(failed[0].reason.contains("put back"), "{failed:#?}");
        assert_eq!(site.dig("www.example.org", "A"), ["192.0.2.1"], "{kind:?}");
        assert_eq!(site.dig("x-a.www.example.org", "TXT").len(), 1);
        assert_eq!(site.dig("x-cname.www.example.org", "TXT"), [""; 0]);
        // Now it is known, and refused at once.
        let failed = failures(&dns, &batch);
        assert!(
            failed.iter().any(|failure| failure.reason.contains("can't stand beside the MX record")),
            "{failed:#?}"
        );
        assert_eq!(failed[0].kind, ErrorKind::Permanent);
    }
}

#[test]
fn a_bad_record_among_many_is_found() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    dns.records().unwrap();
    let hosts: Vec<Endpoint> =
        (0..3000).map(|index| record(&format!("h{index}"), "A", &["192.0.2.1"])).collect();
    // A CNAME of which nothing is known stands in the way of one of them.
    nsupdate(&site, "update add h1234.example.org 300 CNAME elsewhere.example.net.");
    let failed = failures(&dns, &create(&hosts));
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed[0].reason.contains("A can't stand beside the CNAME at h1234.example.org"), "{failed:#?}");
    assert_eq!(dns.records().unwrap().len(), 3001);
}

#[test]
fn a_record_that_the_server_refuses_is_named_alone() {
    let key = key("hmac-sha256");
    let folder = tempfile::tempdir().unwrap();
    let options = format!(
        "allow-transfer {{ key {0}; }}; update-policy {{ deny {0} name mail.example.org. MX; grant {0} zonesub ANY; }};",
        key.name
    );
    let builder = zonemux_test_support::servers::Builder::new(Kind::Bind, folder.path()).key(&key);
    let server = builder.primary(ZONE, TEXT, &options).start();
    let site = Site { server, key, folder };
    let dns = site.open();
    let hosts = (0..50).map(|index| record(&format!("h{index}"), "A", &["192.0.2.1"]));
    let bad = record("mail", "MX", &["10 ns1.example.org"]);
    // Whose host gets its address in the same batch.
    let good = record("x", "MX", &["10 zzz.example.org"]);
    let all: Vec<Endpoint> =
        [bad, good].into_iter().chain(hosts).chain([record("zzz", "A", &["192.0.2.2"])]).collect();
    let failed = failures(&dns, &create(&all));
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0].kind, ErrorKind::Permanent);
    assert!(
        failed[0].reason.contains("MX mail.example.org") && failed[0].reason.contains("REFUSED"),
        "{failed:#?}"
    );
    assert_eq!(site.dig("x.example.org", "MX"), ["10 zzz.example.org."]);
}

#[test]
fn zones_in_zones_have_each_their_own() {
    let inner = "$ORIGIN lan.example.org.\n$TTL 300\n@ SOA ns1 host 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.54\n";
    let site = Site::start_with(Kind::Bind, &key("hmac-sha256"), &[(ZONE, TEXT), ("lan.example.org", inner)]);
    nsupdate(
        &site,
        "update add lan.example.org 300 NS ns1.lan.example.org.\nupdate add ns1.lan.example.org 300 A 192.0.2.54",
    );
    let dns = testing::open::<Rfc2136>(site.settings(), [ZONE, "lan.example.org"]).unwrap();
    assert!(!dns.capabilities().atomic_units);
    let apex = Endpoint::new("lan.example.org", "A", ["192.0.2.7"]).with_ttl(60);
    let mut txt =
        Endpoint::new("a-lan.example.org", "TXT", ["\"heritage=external-dns,external-dns/owner=me\""]);
    txt.labels.insert("ownedRecord".into(), "lan.example.org".into());
    let notlan = record("notlan", "A", &["192.0.2.8"]);
    apply(&dns, &create(&[apex.clone(), txt.clone(), notlan]));
    let mut listed: Vec<String> = dns
        .records()
        .unwrap()
        .iter()
        .map(|endpoint| format!("{} {}", endpoint.record_type, endpoint.dns_name))
        .collect();
    listed.sort();
    assert_eq!(
        listed,
        [
            "A lan.example.org",
            "A notlan.example.org",
            "A ns1.example.org",
            "A ns1.lan.example.org",
            "TXT a-lan.example.org"
        ]
    );
    apply(&dns, &ChangesBuilder::new().delete(apex).delete(txt.with_ttl(300)));
    assert_eq!(dns.records().unwrap().len(), 3);
}

#[test]
fn records_of_all_kinds_are_listed_as_they_came() {
    for kind in KINDS {
        let site = Site::start(kind);
        let dns = site.open();
        let long = "x".repeat(4000);
        let all = [
            record("*.wild", "A", &["192.0.2.1", "192.0.2.2"]),
            record("_sip._tcp", "SRV", &["0 5 5060 ns1.example.org"]),
            record("long", "TXT", &[&long]),
            record("bytes", "TXT", &[r#""\000\255 a\"b" "c\\""#]),
            record(r"a\.b\032c", "A", &["192.0.2.3"]),
            record("caa", "CAA", &["0 issue \"ca.example.net\""]),
            record("svc", "HTTPS", &["1 . alpn=h2 ipv4hint=192.0.2.1"]),
            record(
                "tlsa",
                "TLSA",
                &["3 1 1 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"],
            ),
            record("unknown", "TYPE65280", &[r"\# 3 abcdef"]),
            record("sub", "NS", &["ns.sub.example.org"]),
            record("ns.sub", "A", &["192.0.2.4"]),
            record("v6", "AAAA", &["2001:db8::1"]).with_ttl(1),
        ];
        let mut adjusted = dns.adjust(all).unwrap();
        if kind == Kind::PowerDns {
            // It reads no update with a type that it does not know.
            let unknown = adjusted.remove(8);
            let failed = failures(&dns, &create(&[unknown, record("known", "A", &["192.0.2.9"])]));
            assert!(failed.len() == 1 && failed[0].reason.contains("FORMERR"), "{failed:#?}");
            apply(&dns, &ChangesBuilder::new().delete(record("known", "A", &["192.0.2.9"])));
        }
        apply(&dns, &create(&adjusted));
        let listed = site.open().records().unwrap();
        for wanted in &adjusted {
            let key = |endpoint: &&Endpoint| {
                endpoint.dns_name == wanted.dns_name && endpoint.record_type == wanted.record_type
            };
            let found = listed.iter().find(key).unwrap_or_else(|| panic!("{kind:?} {wanted:?}"));
            assert_eq!(found, wanted, "{kind:?}");
        }
        assert_eq!(listed.len(), adjusted.len() + 1);
        let batch = adjusted.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::delete);
        apply(&dns, &batch);
        assert_eq!(dns.records().unwrap().len(), 1, "the zone's own host");
    }
}

#[test]
fn a_reverse_zone_with_classless_names() {
    let zone = "2.0.192.in-addr.arpa";
    let text =
        "$TTL 300\n@ SOA ns1.example.org. host.example.org. 1 3600 600 86400 60\n@ NS ns1.example.org.\n";
    let site = Site::start_with(Kind::Bind, &key("hmac-sha256"), &[(zone, text)]);
    let dns = testing::open::<Rfc2136>(site.settings(), [zone]).unwrap();
    let records = [
        Endpoint::new(format!("1.{zone}"), "PTR", ["www.example.org"]).with_ttl(300),
        Endpoint::new(format!("2.0/25.{zone}"), "PTR", ["web.example.org"]).with_ttl(300),
        Endpoint::new(format!("2.{zone}"), "CNAME", [format!("2.0/25.{zone}")]).with_ttl(300),
    ];
    apply(&dns, &create(&records));
    let mut listed = dns.records().unwrap();
    listed.sort_by(|left, right| left.dns_name.cmp(&right.dns_name));
    let mut expected = records.to_vec();
    expected.sort_by(|left, right| left.dns_name.cmp(&right.dns_name));
    assert_eq!(listed, expected);
}

#[test]
fn what_does_not_fit_into_a_message_is_refused_and_the_rest_is_done() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    let mut huge = record("huge", "A", &[]);
    huge.targets = (0..6000).map(|index| format!("10.1.{}.{}", index / 250, index % 250)).collect();
    let many: Vec<Endpoint> =
        (0..2500).map(|index| record(&format!("m{index}"), "TXT", &[&"t".repeat(200)])).collect();
    let failed = failures(&dns, &create(&[&[huge][..], &many].concat()));
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed[0].reason.contains("does not fit into one message"), "{failed:#?}");
    assert_eq!(dns.records().unwrap().len(), 2501);
    // A dry run knows what is there, and writes nothing.
    let outcome = dns
        .dry_run(&create(&[record("m1", "CNAME", &["x.example.net"]), record("dry", "A", &["192.0.2.1"])]))
        .unwrap();
    assert_eq!(outcome.failures().len(), 1, "{outcome:?}");
    assert_eq!(site.dig("dry.example.org", "A"), [""; 0]);
    let settings = json!({ "server": site.server.address() });
    assert!(testing::open::<Rfc2136>(settings, [ZONE]).is_ok(), "the SOA needs no key");
}
