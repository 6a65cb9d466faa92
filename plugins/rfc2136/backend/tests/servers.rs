//! Which server is asked, and how.

mod common;

use std::fs;

use zonemux_plugin::Endpoint;
use zonemux_plugin::testing::{self, ChangesBuilder, json};
use zonemux_rfc2136_backend::Rfc2136;
use zonemux_test_support::servers::{Builder, Key, Kind};

use common::{Site, TEXT, ZONE, allow, apply, key, record};

#[test]
fn the_next_server_is_asked_where_the_first_is_down() {
    let site = Site::start(Kind::Bind);
    let down = Builder::new(Kind::Bind, site.folder.path());
    let mut settings = site.settings();
    settings.as_object_mut().unwrap().remove("server");
    settings["servers"] = json!([down.address(), site.server.address()]);
    let dns = testing::open::<Rfc2136>(&settings, [ZONE]).unwrap();
    apply(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"])));
    assert_eq!(dns.records().unwrap().len(), 2);
    settings["servers"] = json!([down.address(), down.address()]);
    let error = testing::open::<Rfc2136>(&settings, [ZONE]).unwrap_err();
    assert!(
        error.message().contains("no server can be reached") && error.message().contains("refused"),
        "{error}"
    );
}

#[test]
fn small_messages_go_by_udp_where_that_is_asked_for() {
    for kind in [Kind::Bind, Kind::Knot] {
        let site = Site::start(kind);
        let mut settings = site.settings();
        settings["transport"] = json!("udp");
        settings["source"] = json!("127.0.0.1");
        let dns = testing::open::<Rfc2136>(&settings, [ZONE]).unwrap();
        let hosts = (0..200).map(|index| record(&format!("h{index}"), "A", &["192.0.2.1"]));
        apply(&dns, &hosts.fold(ChangesBuilder::new(), ChangesBuilder::create));
        apply(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"])));
        assert_eq!(dns.records().unwrap().len(), 202, "{kind:?}");
    }
}

#[test]
fn a_zone_may_have_a_server_and_a_key_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let secret = key("hmac-sha256").secret;
    let keys = [Key::new("one.test", "hmac-sha256", &secret), Key::new("two.test", "hmac-sha256", &secret)];
    let zones = [ZONE, "example.net"];
    let start = |(key, zone): (&Key, &str)| {
        let options =
            format!("allow-transfer {{ key {0}; }}; update-policy {{ grant {0} zonesub ANY; }};", key.name);
        let text = TEXT.replace(ZONE, zone);
        Builder::new(Kind::Bind, folder.path()).key(key).primary(zone, &text, &options).start()
    };
    let servers: Vec<_> = keys.iter().zip(zones).map(start).collect();
    let settings = json!({
        "server": servers[0].address(),
        "tsig": { "name": "one.test", "secret": secret },
        "zone": { "Example.NET.": { "server": servers[1].address(), "tsig": { "name": "two.test", "secret": secret } } },
    });
    let dns = testing::open::<Rfc2136>(&settings, zones).unwrap();
    let hosts = zones.map(|zone| Endpoint::new(format!("www.{zone}"), "A", ["192.0.2.1"]).with_ttl(60));
    apply(&dns, &hosts.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create));
    for (server, zone) in servers.iter().zip(zones) {
        assert_eq!(server.dig(&["+short", &format!("www.{zone}"), "A"]), "192.0.2.1\n");
    }
    assert_eq!(dns.records().unwrap().len(), 4);
    let error = testing::open::<Rfc2136>(&settings, [ZONE]).unwrap_err();
    assert!(error.message().contains("zone.example.net: it is not among the backend's zones"), "{error}");
}

#[test]
fn tls_takes_the_server_by_its_authority_or_its_pinned_key() {
    let folder = tempfile::tempdir().unwrap();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["ns1.example.org".to_owned()]).unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("cert.pem"), cert.pem()).unwrap();
    fs::write(path("key.pem"), signing_key.serialize_pem()).unwrap();
    let key = key("hmac-sha256");
    // Its port is that of the listener for TLS.
    let claim = Builder::new(Kind::Bind, folder.path());
    let listener = format!(
        "listen-on port {} tls local {{ 127.0.0.1; }}; }}; tls local {{ cert-file \"{}\"; key-file \"{}\";\n",
        claim.address().port(),
        path("cert.pem").display(),
        path("key.pem").display()
    );
    let options = allow(Kind::Bind, &key);
    let server = Builder::new(Kind::Bind, folder.path()).options(&listener).key(&key);
    let server = server.primary(ZONE, TEXT, &options).start();
    let open = |tls: serde_json::Value| {
        let tsig = json!({ "name": key.name, "secret": key.secret });
        let server = format!("127.0.0.1:{}", claim.address().port());
        let settings = json!({ "server": server, "tsig": tsig, "transport": "tls", "tls": tls });
        testing::open::<Rfc2136>(settings, [ZONE])
    };
    let by_authority = open(json!({ "ca": path("cert.pem"), "server_name": "ns1.example.org" })).unwrap();
    apply(&by_authority, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"])));
    assert_eq!(by_authority.records().unwrap().len(), 2);
    assert_eq!(server.dig(&["+short", "www.example.org", "A"]), "192.0.2.1\n");
    let error = open(json!({ "ca": path("cert.pem"), "server_name": "ns2.example.org" })).unwrap_err();
    assert!(error.message().contains("TLS: invalid peer certificate"), "{error}");
    let error = open(json!({ "server_name": "ns1.example.org" })).unwrap_err();
    assert!(error.message().contains("TLS: invalid peer certificate"), "{error}");
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let error = open(json!({ "pin_sha256": wrong })).unwrap_err();
    // It says which pin the server has.
    let (_, after) = error.message().split_once("has the pin ").unwrap_or_else(|| panic!("{error}"));
    let pin = after.split(',').next().unwrap();
    assert_eq!(open(json!({ "pin_sha256": pin })).unwrap().records().unwrap().len(), 2);
}
