use std::fs;
use std::time::{Duration, Instant};

use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{Capabilities, Endpoint, ErrorKind, Property, Result};

use crate::Flaky;

const LIMIT: Duration = Duration::from_millis(300);

fn open(settings: serde_json::Value) -> Result<TestBackend> {
    testing::open::<Flaky>(settings, ["example.org"])
}

fn record(label: &str) -> Endpoint {
    Endpoint::new(format!("{label}.example.org"), "A", ["192.0.2.1"])
}

/// A record with its ownership TXT.
fn owned(label: &str) -> ChangesBuilder {
    let heritage = "\"heritage=external-dns,external-dns/owner=me\"";
    let mut txt = Endpoint::new(format!("a-{label}.example.org"), "TXT", [heritage]);
    txt.labels.insert("ownedRecord".into(), format!("{label}.example.org"));
    ChangesBuilder::new().create(txt).create(record(label))
}

fn four() -> ChangesBuilder {
    ["a", "b", "c", "d"].into_iter().map(record).fold(ChangesBuilder::new(), ChangesBuilder::create)
}

/// A backend with four records, told what to do by a control file.
fn controlled() -> (tempfile::TempDir, TestBackend, impl Fn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let dns = open(json!({ "control": path })).unwrap();
    dns.apply(&four()).unwrap();
    (folder, dns, move |text: &str| fs::write(&path, text).unwrap())
}

#[test]
fn each_panic_is_an_error_of_its_call() {
    let (_folder, dns, control) = controlled();
    for (behaviour, words) in [
        ("panic", "panicked on command, in records"),
        ("panic-value", "a value that is not text"),
        ("partial-panic", "panicked half-way, on command"),
    ] {
        control(behaviour);
        let error = dns.records().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic, "{behaviour}: {error}");
        assert!(error.message().contains(words), "{behaviour}: {error}");
    }
    control("panic-task");
    let error = dns.records().unwrap_err();
    assert!(error.message().contains("panicked"), "{error}");
    control("healthy");
    assert_eq!(dns.records().unwrap().len(), 4);
}

#[test]
fn adjusting_and_validating_may_panic_too() {
    let (_folder, dns, control) = controlled();
    control("panic");
    assert_eq!(dns.adjust([record("a")]).unwrap_err().kind(), ErrorKind::Panic);
    control(r#"{"behaviour": "panic", "on": ["open"]}"#);
    assert_eq!(dns.adjust([record("a")]).unwrap(), [record("a")]);
    let faults = testing::faults::<Flaky>(json!({ "behaviour": "panic", "on": ["validate"] })).unwrap();
    assert!(faults[0].message.contains("panicked on command, in validate"), "{faults:?}");
    let faults = testing::faults::<Flaky>(json!({ "behaviour": "fail", "on": ["validate"] })).unwrap();
    assert_eq!(faults[0].message, "failed on command, in validate");
    let faults = testing::faults::<Flaky>(json!({ "control": "control" })).unwrap();
    assert_eq!(faults[0].message, "must be an absolute path");
    let error = open(json!({ "behaviour": "panic" })).unwrap_err();
    assert!(error.message().contains("in open"), "{error}");
}

#[test]
fn a_panic_while_it_is_dropped_is_survived_and_logged() {
    let dns = open(json!({ "behaviour": "panic", "on": ["drop"] })).unwrap();
    drop(dns);
    let dns = open(json!({ "behaviour": "panic-value", "on": ["drop"] })).unwrap();
    drop(dns);
}

#[test]
fn half_a_list_is_told_as_an_error_except_when_it_lies() {
    let (_folder, dns, control) = controlled();
    control("partial");
    assert_eq!(dns.records().unwrap_err().message(), "failed half-way, on command");
    control("short");
    assert_eq!(dns.records().unwrap().len(), 2);
}

#[test]
fn half_a_batch_is_applied() {
    let (_folder, dns, control) = controlled();
    control(r#"{"behaviour": "partial", "on": ["apply"]}"#);
    let batch = dns.records().unwrap().into_iter().fold(ChangesBuilder::new(), ChangesBuilder::delete);
    assert_eq!(dns.apply(&batch).unwrap_err().kind(), ErrorKind::Retryable);
    assert_eq!(dns.records().unwrap().len(), 2);
}

#[test]
fn some_names_are_refused_and_the_rest_is_applied() {
    let dns = open(json!({ "behaviour": "refuse", "match": "b.", "on": ["apply"] })).unwrap();
    let bad = Endpoint::new("bad.example.org", "A", ["not an address"]);
    let outcome =
        dns.apply(&ChangesBuilder::new().create(bad).create(record("b")).create(record("c"))).unwrap();
    let mut refused: Vec<_> =
        outcome.failures().iter().map(|failure| (failure.change, failure.reason.as_str())).collect();
    refused.sort_unstable();
    assert_eq!(refused[1], (zonemux_plugin::ChangeId::Create(1), "refused on command"));
    assert_eq!(refused[0].0, zonemux_plugin::ChangeId::Create(0), "what the memory backend refused");
    assert_eq!(dns.records().unwrap(), [record("c")]);
}

#[test]
fn a_type_may_be_refused_alone() {
    for settings in [
        json!({ "behaviour": "refuse-txt", "on": ["apply"] }),
        json!({ "behaviour": "refuse", "type": "TXT", "on": ["apply"] }),
    ] {
        let dns = open(settings).unwrap();
        let outcome = dns.apply(&owned("a")).unwrap();
        let refused: Vec<_> = outcome.failures().iter().map(|failure| failure.change).collect();
        assert_eq!(refused, [zonemux_plugin::ChangeId::Create(0)]);
        assert_eq!(dns.records().unwrap(), [record("a")]);
    }
}

#[test]
fn a_batch_may_be_refused_as_one_and_nothing_of_it_is_applied() {
    let dns = open(json!({ "behaviour": "refuse-batch", "match": "b.", "on": ["apply"] })).unwrap();
    assert_eq!(dns.apply(&four()).unwrap_err().kind(), ErrorKind::Permanent);
    assert_eq!(dns.records().unwrap(), []);
    dns.apply(&ChangesBuilder::new().create(record("a")).create(record("c"))).unwrap();
    assert_eq!(dns.records().unwrap(), [record("a"), record("c")]);
}

#[test]
fn a_unit_may_break_off_after_its_first_change() {
    let (_folder, dns, control) = controlled();
    control(r#"{"behaviour": "half", "match": "x.", "on": ["apply"]}"#);
    let batch = owned("x").create(record("y"));
    assert_eq!(dns.apply(&batch).unwrap_err().kind(), ErrorKind::Retryable);
    let names = |dns: &TestBackend| -> Vec<_> {
        let four = ["a.example.org", "b.example.org", "c.example.org", "d.example.org"];
        let names = dns.records().unwrap().into_iter().map(|record| record.dns_name);
        names.filter(|name| !four.contains(&name.as_str())).collect()
    };
    assert_eq!(names(&dns), ["a-x.example.org", "y.example.org"], "the ownership TXT alone");
    // One change has no middle, so a repair of one change succeeds.
    dns.apply(&ChangesBuilder::new().create(record("x"))).unwrap();
    assert_eq!(names(&dns), ["a-x.example.org", "x.example.org", "y.example.org"]);
}

#[test]
fn limits_are_declared_and_kept() {
    let dns = open(json!({
        "record_types": ["A"], "min_ttl": 60, "max_ttl": 600, "properties": ["webhook/known"], "atomic_units": false,
    }))
    .unwrap();
    let capabilities = dns.capabilities();
    let expected = Capabilities::default()
        .with_record_types(["A"])
        .with_ttl_range(60, 600)
        .with_properties(["webhook/known"]);
    assert_eq!(capabilities, expected);
    assert!(open(json!({})).unwrap().capabilities().atomic_units, "as the memory backend");

    let property = |name: &str| Property { name: name.into(), value: "x".into() };
    let mut given = record("a").with_ttl(5);
    given.provider_specific = vec![property("webhook/known"), property("webhook/other")];
    let outcome = dns.apply(&owned("b").create(given).create(record("c").with_ttl(3600))).unwrap();
    let refused: Vec<_> = outcome.failures().iter().map(|failure| (failure.change, failure.kind)).collect();
    assert_eq!(refused, [(zonemux_plugin::ChangeId::Create(0), ErrorKind::Unsupported)]);
    let mut stored = record("a").with_ttl(60);
    stored.provider_specific = vec![property("webhook/known")];
    assert_eq!(dns.records().unwrap(), [stored, record("b"), record("c").with_ttl(600)]);
}

#[test]
fn calls_are_counted_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let dns = open(json!({ "calls": calls, "behaviour": "refuse-batch", "match": "x." })).unwrap_err();
    assert!(dns.message().contains("in open"), "{dns}");
    let dns = open(json!({ "calls": calls, "behaviour": "refuse-batch", "on": ["apply"] })).unwrap();
    dns.apply(&four()).unwrap_err();
    dns.records().unwrap();
    dns.adjust([record("a")]).unwrap();
    dns.check().unwrap();
    dns.close().unwrap();
    let lines = fs::read_to_string(&calls).unwrap();
    assert_eq!(lines, "open 0\nopen 0\napply 4\nrecords 0\ncheck 0\nclose 0\n", "adjusting asks no backend");
    let faults = testing::faults::<Flaky>(json!({ "calls": "calls" })).unwrap();
    assert_eq!((faults[0].path.as_str(), faults[0].message.as_str()), ("calls", "must be an absolute path"));
}

#[test]
fn a_call_that_hangs_is_given_up_and_harms_no_other() {
    let (_folder, dns, control) = controlled();
    let dns = dns.with_time_limit(LIMIT);
    for behaviour in ["hang", "partial-hang"] {
        control(behaviour);
        assert_eq!(dns.records().unwrap_err().kind(), ErrorKind::Cancelled, "{behaviour}");
        control("healthy");
        assert_eq!(dns.records().unwrap().len(), 4);
    }
}

#[test]
fn an_answer_may_be_late() {
    let (_folder, dns, control) = controlled();
    control(r#"{"behaviour": "late", "delay": 60}"#);
    let start = Instant::now();
    assert_eq!(dns.records().unwrap().len(), 4);
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[test]
fn errors_are_of_the_kind_that_was_asked_for() {
    let (_folder, dns, control) = controlled();
    control("fail");
    assert_eq!(dns.check().unwrap_err().kind(), ErrorKind::Retryable);
    control("fail-config");
    assert_eq!(dns.check().unwrap_err().kind(), ErrorKind::Config);
    control("refuse");
    assert_eq!(dns.check().unwrap_err().kind(), ErrorKind::Permanent);
    control(r#"{"behaviour": "retry-after", "delay": 1500}"#);
    assert_eq!(dns.check().unwrap_err().retry_after(), Some(Duration::from_millis(1500)));
    control("nonsense");
    let error = dns.check().unwrap_err();
    assert!(error.message().contains("unknown variant `nonsense`"), "{error}");
    control("healthy");
    dns.check().unwrap();
    dns.close().unwrap();
}

#[test]
fn it_talks_on_every_level_and_never_of_its_token() {
    let dns = open(json!({ "behaviour": "chatty", "token": "hunter2" })).unwrap();
    dns.check().unwrap();
    let log = dns.log();
    let levels: Vec<_> = log.iter().map(|line| line.level).filter(|level| *level != "trace").collect();
    assert!(levels.windows(4).any(|levels| levels == ["error", "warn", "info", "debug"]), "{log:?}");
    let line = log.iter().find(|line| line.message == "a warning on command").unwrap();
    assert!(line.fields.contains(&("answer".into(), "42".into())), "{line:?}");
    assert!(line.fields.contains(&("operation".into(), "open".into())), "{line:?}");
    assert!(!format!("{log:?}").contains("hunter2"));
    let kinds: Vec<_> = dns.metrics().iter().map(|metric| metric.kind).take(3).collect();
    assert_eq!(kinds, ["counter", "gauge", "histogram"]);
}
