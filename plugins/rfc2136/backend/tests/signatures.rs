//! Keys, and what servers say of them.

mod common;

use std::fs;

use zonemux_plugin::testing::{self, ChangesBuilder, json};
use zonemux_plugin::{Error, ErrorKind};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::Kind;

use common::{KEY_NAME, Site, TEXT, ZONE, apply, key, record};

fn error(site: &Site, tsig: &serde_json::Value) -> Error {
    let settings = json!({ "server": site.server.address(), "tsig": tsig });
    let opened = testing::open::<Rfc2136>(settings, [ZONE]);
    opened.and_then(|dns| dns.records()).expect_err("the key is wrong")
}

#[test]
fn every_algorithm_is_understood() {
    for algorithm in ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"] {
        let site = Site::start_with(Kind::Bind, &key(algorithm), &[(ZONE, TEXT)]);
        let dns = site.open();
        apply(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"])));
        assert_eq!(dns.records().unwrap().len(), 2, "{algorithm}");
        let warned = dns.log().iter().any(|line| line.message.contains("no longer safe"));
        assert_eq!(warned, matches!(algorithm, "hmac-md5" | "hmac-sha1"), "{algorithm}");
    }
}

#[test]
fn a_key_file_of_binds_is_read() {
    let site = Site::start(Kind::Bind);
    let file = site.folder.path().join("extdns.key");
    let key = &site.key;
    fs::write(
        &file,
        format!(
            "key \"{}\" {{\n\talgorithm {};\n\tsecret \"{}\";\n}};\n",
            key.name, key.algorithm, key.secret
        ),
    )
    .unwrap();
    let settings = json!({ "server": site.server.address(), "tsig": { "key_file": file } });
    let dns = testing::open::<Rfc2136>(settings, [ZONE]).unwrap();
    assert_eq!(dns.records().unwrap().len(), 1);
    let missing = json!({ "server": site.server.address(), "tsig": { "key_file": "/nowhere/key" } });
    let error = testing::open::<Rfc2136>(missing, [ZONE]).unwrap_err();
    assert!(error.message().contains("`/nowhere/key`: it can't be read"), "{error}");
}

#[test]
fn what_is_wrong_with_a_key_is_told_apart() {
    for kind in [Kind::Bind, Kind::Knot] {
        let site = Site::start(kind);
        let secret = &site.key.secret;
        let wrong = "bm90IHRoZSBzZWNyZXQgb2YgdGhlIHNlcnZlciBhdCA=";
        for (tsig, words) in [
            (json!({ "name": KEY_NAME, "secret": wrong }), "(BADSIG)"),
            (json!({ "name": "other.test", "secret": secret }), "(BADKEY)"),
            (json!({ "name": KEY_NAME, "algorithm": "hmac-sha512", "secret": secret }), "(BADKEY)"),
        ] {
            let error = error(&site, &tsig);
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(
                error.message().contains(words) && error.message().contains("\nhint: "),
                "{kind:?} {error}"
            );
            assert!(!error.message().contains(secret) && !error.message().contains(wrong), "{error}");
        }
    }
}

#[test]
fn powerdns_refuses_a_wrong_key_without_saying_why() {
    let site = Site::start(Kind::PowerDns);
    let wrong = "bm90IHRoZSBzZWNyZXQgb2YgdGhlIHNlcnZlciBhdCA=";
    let error = error(&site, &json!({ "name": KEY_NAME, "secret": wrong }));
    assert!(
        error.message().contains("the answer is not signed, so the server may not know the key"),
        "{error}"
    );
    let error = self::error(&site, &json!({ "name": "other.test", "secret": site.key.secret }));
    assert!(error.message().contains("the server may not know the key `other.test`"), "{error}");
}

#[test]
fn a_zone_that_is_not_served_is_told() {
    for kind in [Kind::Bind, Kind::Knot, Kind::PowerDns] {
        let site = Site::start(kind);
        let error = testing::open::<Rfc2136>(site.settings(), ["example.net"]).unwrap_err();
        assert!(error.message().contains("the server does not serve example.net"), "{kind:?} {error}");
    }
}
