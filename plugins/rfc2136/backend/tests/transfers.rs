//! Lists: whole, of what changed, and of what did not.

mod common;

use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{Endpoint, ErrorKind};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::{Builder, Kind};

use common::{Site, TEXT, ZONE, apply, key, record};

/// How often lists were made by a kind of transfer.
fn transfers(dns: &TestBackend, kind: &str) -> usize {
    let is_kind = |labels: &[(String, String)]| labels.iter().any(|(_, value)| value == kind);
    let all = dns.metrics();
    all.iter().filter(|metric| metric.name == "rfc2136_transfers_total" && is_kind(&metric.labels)).count()
}

fn sorted(mut list: Vec<Endpoint>) -> Vec<Endpoint> {
    list.sort_by(|left, right| {
        (&left.dns_name, &left.record_type).cmp(&(&right.dns_name, &right.record_type))
    });
    list
}

#[test]
fn what_changed_is_transferred_alone() {
    for kind in [Kind::Bind, Kind::Knot] {
        let site = Site::start(kind);
        let (writer, reader) = (site.open(), site.open());
        let hosts: Vec<Endpoint> =
            (0..500).map(|index| record(&format!("h{index}"), "A", &["192.0.2.1"])).collect();
        apply(&writer, &hosts.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create));
        assert_eq!(reader.records().unwrap().len(), 501);
        assert_eq!(reader.records().unwrap().len(), 501);
        assert_eq!((transfers(&reader, "whole"), transfers(&reader, "unchanged")), (1, 1), "{kind:?}");
        for round in 0..5 {
            let batch = ChangesBuilder::new()
                .delete(hosts[round].clone())
                .update(
                    hosts[100 + round].clone(),
                    record(&format!("h{}", 100 + round), "A", &["192.0.2.2", "192.0.2.3"]),
                )
                .update(hosts[200 + round].clone(), hosts[200 + round].clone().with_ttl(60))
                .create(record(&format!("n{round}"), "TXT", &["new"]));
            apply(&writer, &batch);
            let fresh = site.open();
            assert_eq!(
                sorted(reader.records().unwrap()),
                sorted(fresh.records().unwrap()),
                "{kind:?} {round}"
            );
        }
        assert_eq!((transfers(&reader, "whole"), transfers(&reader, "steps")), (1, 5), "{kind:?}");
    }
}

#[test]
fn a_zone_is_transferred_whole_after_a_while() {
    let site = Site::start(Kind::Bind);
    let mut settings = site.settings();
    settings["full_transfer"] = json!("0");
    let dns = testing::open::<Rfc2136>(settings, [ZONE]).unwrap();
    for _ in 0..3 {
        assert_eq!(dns.records().unwrap().len(), 1);
    }
    assert_eq!(transfers(&dns, "whole"), 3);
}

#[test]
fn records_of_a_signed_zone_that_the_server_made_are_not_listed() {
    let key = key("hmac-sha256");
    let folder = tempfile::tempdir().unwrap();
    let options = format!(
        "allow-transfer {{ key {0}; }}; update-policy {{ grant {0} zonesub ANY; }}; dnssec-policy default; key-directory \"{1}\";",
        key.name,
        folder.path().display()
    );
    let server = Builder::new(Kind::Bind, folder.path()).key(&key).primary(ZONE, TEXT, &options).start();
    let site = Site { server, key, folder };
    let dns = site.open();
    let www = record("www", "A", &["192.0.2.1"]);
    let alias = record("alias", "CNAME", &["www.example.org"]);
    apply(&dns, &ChangesBuilder::new().create(www.clone()).create(alias.clone()));
    zonemux_test_support::eventually("the zone is signed", || {
        site.transfer(ZONE).iter().any(|line| line.contains("RRSIG A")).then_some(())
    });
    let batch = ChangesBuilder::new()
        .delete(www)
        .create(record("www", "CNAME", &["alias.example.org"]))
        .delete(alias)
        .create(record("alias", "A", &["192.0.2.2"]));
    apply(&dns, &batch);
    zonemux_test_support::eventually("the changes are served", || {
        let listed = dns.records().unwrap();
        let types: Vec<&str> = listed.iter().map(|endpoint| endpoint.record_type.as_str()).collect();
        assert!(types.iter().all(|record_type| matches!(*record_type, "A" | "CNAME")), "{types:?}");
        (listed.len() == 3 && site.dig("alias.example.org", "A") == ["192.0.2.2"]).then_some(())
    });
}

#[test]
fn a_refused_transfer_says_which_line_allows_it() {
    let key = key("hmac-sha256");
    let folder = tempfile::tempdir().unwrap();
    let options = format!("allow-transfer {{ none; }}; update-policy {{ grant {} zonesub ANY; }};", key.name);
    let server = Builder::new(Kind::Bind, folder.path()).key(&key).primary(ZONE, TEXT, &options).start();
    let site = Site { server, key, folder };
    let dns = site.open();
    for error in [dns.records().unwrap_err(), dns.check().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Config);
        let message = error.message();
        assert!(message.contains("answers the transfer with REFUSED"), "{message}");
        assert!(message.contains("allow-transfer { key \"extdns.test\"; };"), "{message}");
        assert!(message.contains("action: [transfer, update]"), "{message}");
    }
}

#[test]
fn a_check_tells_what_is_there() {
    let site = Site::start(Kind::Bind);
    let dns = site.open();
    dns.check().unwrap();
    let line = dns.log().into_iter().find(|line| line.message.contains("zone found")).expect("it is logged");
    let text = format!("{line:?}");
    assert!(text.contains("9.") && text.contains("serial"), "{text}");
    assert_eq!(site.server.serial(ZONE), Some(1), "nothing was changed");
}
