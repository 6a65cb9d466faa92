//! Servers that can't do what they are asked.

mod common;

use std::fs;
use std::process::Command;
use std::time::Duration;

use zonemux_plugin::testing::{self, ChangesBuilder, json};
use zonemux_plugin::{Endpoint, ErrorKind};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::{Builder, Kind};

use common::proxy::{Proxy, Reply, is_update};
use common::{Site, TEXT, ZONE, apply, failures, record};

fn hosts() -> Vec<Endpoint> {
    (0..100).map(|index| record(&format!("h{index}"), "A", &["192.0.2.1"])).collect()
}

fn create(records: &[Endpoint]) -> ChangesBuilder {
    records.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create)
}

#[track_caller]
fn rndc(site: &Site, words: &[&str]) {
    let file = site.server.folder().join("rndc.conf");
    let status = Command::new("rndc").arg("-c").arg(file).args(words).status();
    assert!(status.expect("rndc is installed (Debian's bind9-utils)").success());
}

#[test]
fn a_frozen_zone_takes_changes_again_when_it_is_thawed() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    apply(&dns, &create(&[record("www", "A", &["192.0.2.1"])]));
    rndc(&site, &["freeze", ZONE]);
    let failed = failures(&dns, &create(&hosts()));
    assert_eq!(failed.len(), 100);
    for failure in failed {
        assert_eq!(failure.kind, ErrorKind::Config, "it is not the record's fault: {failure:?}");
        assert!(
            failure.reason.contains("REFUSED") && failure.reason.contains("rndc thaw example.org"),
            "{failure:?}"
        );
    }
    assert_eq!(dns.records().unwrap().len(), 2);
    rndc(&site, &["thaw", ZONE]);
    apply(&dns, &create(&hosts()));
    assert_eq!(dns.records().unwrap().len(), 102);
}

#[test]
fn a_journal_that_can_not_be_written_is_told_and_is_no_records_fault() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    dns.records().unwrap();
    // Nothing that is asked of a file works on a folder, whoever asks.
    let journal = site.server.folder().join(format!("{ZONE}.zone.jnl"));
    fs::create_dir(&journal).unwrap();
    let failed = failures(&dns, &create(&hosts()));
    assert_eq!(failed.len(), 100);
    for failure in failed {
        assert_eq!(failure.kind, ErrorKind::Retryable, "{failure:?}");
        assert!(failure.reason.contains("SERVFAIL") && failure.reason.contains("journal"), "{failure:?}");
    }
    fs::remove_dir(&journal).unwrap();
    apply(&dns, &create(&hosts()));
    assert_eq!(dns.records().unwrap().len(), 101);
}

#[test]
fn a_server_that_is_slow_is_looked_at_before_it_is_asked_again() {
    let site = Site::start(Kind::Bind);
    let proxy = Proxy::start(site.server.address());
    let mut settings = site.settings();
    settings["server"] = json!(proxy.address());
    settings["timeout"] = json!("1s");
    let dns = testing::open::<Rfc2136>(settings, [ZONE]).unwrap();
    let mut left = 1;
    proxy.set(move |question, answer| {
        if is_update(question) && left > 0 {
            left -= 1;
            return Reply::Late(answer, Duration::from_secs(2));
        }
        Reply::Send(answer)
    });
    apply(&dns, &create(&hosts()));
    assert_eq!(dns.records().unwrap().len(), 101);
    assert_eq!(site.server.serial(ZONE), Some(2), "it was done once");
}

#[test]
fn without_rights_nothing_is_tried_record_by_record() {
    let key = common::key("hmac-sha256");
    let folder = tempfile::tempdir().unwrap();
    let options = format!("allow-transfer {{ key {}; }}; allow-update {{ none; }};", key.name);
    let server = Builder::new(Kind::Bind, folder.path()).key(&key).primary(ZONE, TEXT, &options).start();
    let site = Site { server, key, folder };
    let dns = site.open();
    assert_eq!(dns.records().unwrap().len(), 1, "it can be read");
    let error = dns.check().unwrap_err();
    assert!(error.message().contains("update-policy { grant extdns.test zonesub ANY; };"), "{error}");
    let failed = failures(&dns, &create(&hosts()));
    assert_eq!(failed.len(), 100);
    assert!(failed.iter().all(|failure| failure.kind == ErrorKind::Config), "{failed:#?}");
    let updates = dns.metrics().iter().filter(|metric| metric.name == "rfc2136_updates_total").count();
    assert!(updates < 30, "{updates}");
}

#[test]
fn a_server_without_updates_is_told() {
    let key = common::key("hmac-sha256");
    let folder = tempfile::tempdir().unwrap();
    let server = Builder::new(Kind::Nsd, folder.path())
        .key(&key)
        .primary(ZONE, TEXT, &format!("  provide-xfr: 127.0.0.1 {}\n", key.name))
        .start();
    let site = Site { server, key, folder };
    let dns = site.open();
    assert_eq!(dns.records().unwrap().len(), 1);
    let failed = failures(&dns, &create(&hosts()));
    assert_eq!(failed.len(), 100);
    assert!(
        failed[0].reason.contains("NOTIMP") && failed[0].reason.contains("plugin `zonefile`"),
        "{:?}",
        failed[0]
    );
}
