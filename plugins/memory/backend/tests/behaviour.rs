//! How the backend behaves, through the same code as the daemon's calls.

use zonemux_memory_backend::Memory;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, battery::Battery, json};
use zonemux_plugin::{Endpoint, ErrorKind};

fn open() -> TestBackend {
    testing::open::<Memory>(json!({}), ["example.org", "2.0.192.in-addr.arpa"]).expect("the call works")
}

fn record(name: &str, record_type: &str, target: &str) -> Endpoint {
    Endpoint::new(name, record_type, [target])
}

fn in_set(set: &str, mut endpoint: Endpoint) -> Endpoint {
    set.clone_into(&mut endpoint.set_identifier);
    endpoint
}

/// The reasons for which creates are refused, by their positions.
fn refusals(dns: &TestBackend, creates: &[Endpoint]) -> Vec<(usize, String)> {
    let batch = creates.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create);
    let outcome = dns.apply(&batch).expect("the call works");
    let mut refused: Vec<_> = outcome
        .failures()
        .iter()
        .map(|failure| match failure.change {
            zonemux_plugin::ChangeId::Create(index) => {
                assert_eq!(failure.kind, ErrorKind::Permanent);
                (index, failure.reason.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    refused.sort();
    refused
}

fn names(dns: &TestBackend) -> Vec<String> {
    dns.records().expect("the call works").into_iter().map(|endpoint| endpoint.dns_name).collect()
}

#[test]
fn passes_the_battery_in_memory() {
    Battery::new("example.org").run(&open());
}

#[test]
fn passes_the_battery_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let settings = json!({ "file": folder.path().join("records") });
    Battery::new("example.org").run(&testing::open::<Memory>(settings, ["example.org"]).unwrap());
}

#[test]
fn bad_records_are_refused_each_with_its_reason() {
    let long = format!("{}.example.org", "l".repeat(64));
    let cases = [
        (record("www.example.net", "A", "192.0.2.1"), "in none of the backend's zones"),
        (record("notexample.org", "A", "192.0.2.1"), "in none of the backend's zones"),
        (record("a..example.org", "A", "192.0.2.1"), "label 2 of \"a..example.org\" is empty"),
        (record(&long, "A", "192.0.2.1"), "64 octets"),
        (record("a b.example.org", "A", "192.0.2.1"), "contains ' '"),
        (record("", "A", "192.0.2.1"), "the name is empty"),
        (record("w.example.org", "A", "www.example.org"), "expected an IPv4 address"),
        (record("w.example.org", "AAAA", "192.0.2.1"), "expected an IPv6 address"),
        (record("w.example.org", "MX", "mail.example.org"), "PREFERENCE EXCHANGE"),
        (record("w.example.org", "", "x"), "not a record type"),
        (record("w.example.org", "A\u{0}", "x"), "not a record type"),
        (Endpoint::new("w.example.org", "A", [""; 0]), "no targets"),
        (Endpoint::new("w.example.org", "CNAME", ["a.org", "b.org"]), "a CNAME has one target, not 2"),
        (record("example.org", "CNAME", "www.example.org"), "apex"),
    ];
    let dns = open();
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
    let dns = open();
    assert_eq!(refusals(&dns, &[record("a.example.org", "A", "192.0.2.1")]), []);
    let [(0, reason)] = &refusals(&dns, &[record("a.example.org", "CNAME", "b.example.org")])[..] else {
        panic!()
    };
    assert_eq!(reason, "a CNAME can't stand beside the A record at a.example.org");

    assert_eq!(refusals(&dns, &[record("c.example.org", "CNAME", "b.example.org")]), []);
    let [(0, reason)] = &refusals(&dns, &[record("c.example.org", "TXT", "text")])[..] else { panic!() };
    assert_eq!(reason, "TXT can't stand beside the CNAME at c.example.org");
    // One below and one beside it are other names.
    let near = [record("x.c.example.org", "A", "192.0.2.1"), record("c-.example.org", "A", "192.0.2.1")];
    assert_eq!(refusals(&dns, &near), []);

    let blue = in_set("blue", record("c.example.org", "CNAME", "d.example.org"));
    let [(0, reason)] = &refusals(&dns, &[blue])[..] else { panic!() };
    assert!(reason.contains("need a set identifier each"), "{reason}");
    let weighted =
        ["blue", "green"].map(|set| in_set(set, record("w.example.org", "CNAME", "b.example.org")));
    assert_eq!(refusals(&dns, &weighted), []);
}

#[test]
fn a_dname_leaves_no_room_below() {
    let dns = open();
    let dname = record("old.example.org", "DNAME", "new.example.org");
    let below = record("a.b.old.example.org", "A", "192.0.2.1");
    assert_eq!(refusals(&dns, std::slice::from_ref(&below)), []);
    let [(0, reason)] = &refusals(&dns, std::slice::from_ref(&dname))[..] else { panic!() };
    assert!(reason.contains("some below old.example.org"), "{reason}");
    // What makes room is done first.
    let outcome = dns.apply(&ChangesBuilder::new().create(dname).delete(below.clone())).unwrap();
    assert_eq!(outcome.failures(), []);
    let [(0, reason)] = &refusals(&dns, &[below])[..] else { panic!() };
    assert!(reason.contains("below a DNAME"), "{reason}");
    let beside = [record("old.example.org", "A", "192.0.2.1"), record("gold.example.org", "A", "192.0.2.1")];
    let ownership = record("x-dname.old.example.org", "TXT", "\"heritage=external-dns\"");
    assert_eq!(refusals(&dns, &[&beside[..], &[ownership]].concat()), []);
}

#[test]
fn a_unit_is_refused_as_a_whole() {
    let dns = open();
    let mut ownership = record("cname-www.example.org", "TXT", "\"heritage=external-dns\"");
    ownership.labels.insert("ownedRecord".into(), "www.example.org".into());
    let alias = record("www.example.org", "CNAME", "not a name");
    let refused = refusals(&dns, &[alias, ownership]);
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
fn records_are_listed_in_order_as_they_were_sent() {
    let dns = open();
    let text = record("t.example.org", "TXT", "v=spf1 -all");
    let service = record("_sip._tcp.example.org", "SRV", "1 2 5060 Host.example.org.");
    let bücher = record("Bücher.example.org.", "A", "192.0.2.1");
    assert_eq!(refusals(&dns, &[text.clone(), service.clone(), bücher]), []);
    assert_eq!(names(&dns), ["_sip._tcp.example.org", "t.example.org", "bücher.example.org"]);
    let listed = dns.records().unwrap();
    assert_eq!((&listed[0], &listed[1]), (&service, &text));
}

#[test]
fn labels_are_not_listed() {
    let dns = open();
    let mut endpoint = record("www.example.org", "A", "192.0.2.1");
    endpoint.labels.insert("owner".into(), "me".into());
    assert_eq!(refusals(&dns, &[endpoint]), []);
    assert!(dns.records().unwrap()[0].labels.is_empty(), "a record would seem owned without its TXT");
}

#[test]
fn without_zones_every_name_is_taken() {
    let dns = testing::open::<Memory>(json!({}), [""; 0]).unwrap();
    assert_eq!(refusals(&dns, &[record("www.anything", "A", "192.0.2.1")]), []);
    assert!(dns.capabilities().atomic_units);
}

#[test]
fn settings_are_checked() {
    let faults = |settings| testing::faults::<Memory>(settings).unwrap();
    assert_eq!(faults(json!({})), []);
    assert_eq!(faults(json!({ "file": "records" })), []);
    for path in ["", "/", "/var/lib/", ".."] {
        let [fault] = &faults(json!({ "file": path }))[..] else { panic!("{path}") };
        assert_eq!(fault.path, "file");
    }
    assert!(faults(json!({ "flie": "x" }))[0].message.contains("unknown field `flie`"));
}

#[test]
fn a_file_in_use_is_given_back_by_closing() {
    let folder = tempfile::tempdir().unwrap();
    let open = || testing::open::<Memory>(json!({ "file": folder.path().join("records") }), ["example.org"]);
    let first = open().unwrap();
    let error = open().expect_err("locked");
    assert!(error.message().contains("is in use by another backend or process"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Retryable);
    assert_eq!(refusals(&first, &[record("www.example.org", "A", "192.0.2.1")]), []);
    first.check().unwrap();
    first.close().unwrap();
    assert_eq!(names(&open().unwrap()), ["www.example.org"]);
}
