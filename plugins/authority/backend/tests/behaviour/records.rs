//! Records as they are taken, refused and listed.

use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::battery::Battery;
use zonemux_plugin::testing::{ChangesBuilder, json};

use super::common::{Lab, accept, names, record, refusals};

#[test]
fn passes_the_battery() {
    let lab = Lab::new();
    // Every question is answered alike: there is nothing that several records of one name and type could
    // be for.
    Battery::new("example.org").without("set identifiers").run(&lab.open());
}

#[test]
fn passes_the_battery_after_a_restart() {
    let lab = Lab::new();
    let static_records = json!({
        "static": [{ "name": "mail.example.org", "type": "A", "targets": ["192.0.2.25"] }],
        "nameservers": [{ "name": "ns1.example.org", "addresses": ["192.0.2.53", "2001:db8::53"] }],
        "serial": "unixtime",
    });
    lab.open_with(&static_records).close().unwrap();
    Battery::new("example.org").without("set identifiers").run(&lab.open_with(&static_records));
}

#[test]
fn bad_records_are_refused_each_with_its_reason() {
    let long = format!("{}.example.org", "l".repeat(64));
    let mut in_set = record("w.example.org", "A", "192.0.2.1");
    in_set.set_identifier = "blue".to_owned();
    let large = Endpoint::new("w.example.org", "TXT", (0..300).map(|number| format!("{number:0240}")));
    let cases = [
        (record("www.example.net", "A", "192.0.2.1"), "in none of the backend's zones"),
        (record("notexample.org", "A", "192.0.2.1"), "in none of the backend's zones"),
        (record("a..example.org", "A", "192.0.2.1"), "label 2 of \"a..example.org\" is empty"),
        (record(&long, "A", "192.0.2.1"), "64 octets"),
        (record("", "A", "192.0.2.1"), "the name is empty"),
        (record("w.example.org", "A", "www.example.org"), "expected an IPv4 address"),
        (record("w.example.org", "MX", "mail.example.org"), "PREFERENCE EXCHANGE"),
        (record("w.example.org", "TLSA", "3 1"), "target \"3 1\": "),
        (record("w.example.org", "", "x"), "not a record type"),
        (record("w.example.org", "a", "192.0.2.1"), "write the type \"a\" as \"A\""),
        (record("w.example.org", "TYPE1", "192.0.2.1"), "write the type \"TYPE1\" as \"A\""),
        (record("w.example.org", "ANY", "x"), "not for a zone"),
        (record("w.example.org", "RRSIG", "x"), "not for a zone that is not signed"),
        (record("example.org", "SOA", "x"), "the backend's own"),
        (record("example.org", "NS", "ns.example.net"), "a record of the backend's settings"),
        (record("example.org", "CNAME", "www.example.org"), "apex"),
        (record("example.org", "DS", "1 8 2 00"), "belong to the zone above"),
        (record("*.example.org", "NS", "ns.example.net"), "no meaning at a wildcard"),
        (record("*.x.example.org", "DNAME", "example.net"), "no meaning at a wildcard"),
        (Endpoint::new("w.example.org", "A", [""; 0]), "no targets"),
        (Endpoint::new("w.example.org", "CNAME", ["a.org", "b.org"]), "a CNAME has one target, not 2"),
        (in_set, "set identifier \"blue\""),
        (large, "fit into a message"),
    ];
    let lab = Lab::new();
    let dns = lab.open();
    for (endpoint, words) in cases {
        // A good record beside it is applied all the same.
        let good = record("good.example.org", "A", "192.0.2.9");
        let refused = refusals(&dns, &[endpoint.clone(), good.clone()]);
        let [(0, reason)] = &refused[..] else { panic!("{endpoint:?}: {refused:?}") };
        assert!(reason.contains(words), "{endpoint:?}: {reason}");
        assert_eq!(dns.records().unwrap(), [good]);
    }
}

#[test]
fn a_cname_stands_alone() {
    let lab = Lab::new();
    let dns = lab.open();
    accept(
        &dns,
        &[record("a.example.org", "A", "192.0.2.1"), record("c.example.org", "CNAME", "b.example.org")],
    );
    let reasons = |endpoint| refusals(&dns, &[endpoint]);
    assert_eq!(
        reasons(record("a.example.org", "CNAME", "b.example.org")),
        [(0, "a CNAME can't stand beside the A record at a.example.org".to_owned())]
    );
    assert_eq!(
        reasons(record("c.example.org", "TXT", "text")),
        [(0, "TXT can't stand beside the CNAME at c.example.org".to_owned())]
    );
    // One below and one beside it are other names.
    accept(&dns, &[record("x.c.example.org", "A", "192.0.2.1"), record("c-.example.org", "A", "192.0.2.1")]);
}

#[test]
fn a_dname_leaves_no_room_below() {
    let lab = Lab::new();
    let dns = lab.open();
    let dname = record("old.example.org", "DNAME", "new.example.org");
    let below = record("a.b.old.example.org", "A", "192.0.2.1");
    accept(&dns, std::slice::from_ref(&below));
    let [(0, reason)] = &refusals(&dns, std::slice::from_ref(&dname))[..] else { panic!() };
    assert!(reason.contains("some below old.example.org"), "{reason}");
    // What makes room is done first.
    let outcome = dns.apply(&ChangesBuilder::new().create(dname).delete(below.clone())).unwrap();
    assert_eq!(outcome.failures(), []);
    let [(0, reason)] = &refusals(&dns, &[below])[..] else { panic!() };
    assert!(reason.contains("below a DNAME"), "{reason}");
    let ownership = record("x-dname.old.example.org", "TXT", "\"heritage=external-dns\"");
    accept(
        &dns,
        &[
            record("old.example.org", "A", "192.0.2.1"),
            record("gold.example.org", "A", "192.0.2.1"),
            ownership,
        ],
    );
}

#[test]
fn what_stands_below_a_delegation_is_taken_though_nobody_sees_it() {
    let lab = Lab::new();
    let dns = lab.open();
    accept(
        &dns,
        &[
            record("sub.example.org", "NS", "ns.sub.example.org"),
            record("ns.sub.example.org", "A", "192.0.2.1"),
        ],
    );
    assert_eq!(names(&dns), ["sub.example.org", "ns.sub.example.org"]);
}

#[test]
fn a_unit_is_refused_as_a_whole() {
    let lab = Lab::new();
    let dns = lab.open();
    let mut ownership = record("cname-www.example.org", "TXT", "\"heritage=external-dns\"");
    ownership.labels.insert("ownedRecord".into(), "www.example.org".into());
    let refused = refusals(&dns, &[record("www.example.org", "CNAME", "not a name"), ownership]);
    assert_eq!(refused.len(), 2);
    assert!(refused[0].1.starts_with("target \"not a name\": "), "{}", refused[0].1);
    assert!(
        refused[1].1.starts_with("left undone together with CNAME www.example.org: "),
        "{}",
        refused[1].1
    );
    assert_eq!(names(&dns), [""; 0]);
}

#[test]
fn records_are_listed_as_the_planner_wants_them() {
    let lab = Lab::new();
    let dns = lab.open();
    let asked = [
        record("a-bücher.example.org", "TXT", "\"heritage=external-dns\""),
        record("Bücher.example.org.", "CNAME", "WWW.Example.org."),
        record("1.2.0.192.in-addr.arpa", "PTR", "host.example.org"),
        record("h.example.org", "HTTPS", "1 . alpn=\"h2,h3\""),
        record("t.example.org", "TLSA", "3 1 1 abcd"),
        record("u.example.org", "TYPE65280", r"\# 2 ABCD"),
        record(r"a\000b\.c.example.org", "AAAA", "2001:DB8::1"),
    ];
    let adjusted = dns.adjust(asked).unwrap();
    accept(&dns, &adjusted);
    let listed = dns.records().unwrap();
    let line = |endpoint: &Endpoint| {
        format!("{} {} {}", endpoint.dns_name, endpoint.record_type, endpoint.targets[0])
    };
    assert_eq!(
        listed.iter().map(line).collect::<Vec<_>>(),
        [
            r"a\000b\.c.example.org AAAA 2001:db8::1",
            "h.example.org HTTPS 1 . alpn=h2,h3",
            "t.example.org TLSA 3 1 1 ABCD",
            r"u.example.org TYPE65280 \# 2 abcd",
            "a-bücher.example.org TXT \"heritage=external-dns\"",
            "bücher.example.org CNAME www.example.org",
            "1.2.0.192.in-addr.arpa PTR host.example.org",
        ]
    );
    for endpoint in &adjusted {
        let found = listed.iter().find(|listed| listed.record_type == endpoint.record_type).unwrap();
        assert_eq!(found.targets, endpoint.targets, "what was adjusted is what is listed");
    }
}

#[test]
fn a_record_without_a_ttl_has_the_one_of_the_settings() {
    let lab = Lab::new();
    let dns = lab.open();
    accept(
        &dns,
        &[Endpoint::new("a.example.org", "A", ["192.0.2.1"]), record("b.example.org", "A", "192.0.2.1")],
    );
    let ttls = |dns: &zonemux_plugin::testing::TestBackend| {
        dns.records().unwrap().iter().map(|endpoint| endpoint.record_ttl).collect::<Vec<_>>()
    };
    assert_eq!(ttls(&dns), [300, 300]);
    dns.close().unwrap();
    assert_eq!(ttls(&lab.open_with(&json!({ "default_ttl": "1h" }))), [3600, 300]);
}
