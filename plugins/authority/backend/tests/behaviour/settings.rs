//! What is wrong with settings.

use zonemux_authority_backend::Authority;
use zonemux_plugin::ErrorKind;
use zonemux_plugin::testing::{self, json};

use super::common::Lab;

fn faults(settings: &serde_json::Value) -> Vec<String> {
    let faults = testing::faults::<Authority>(settings).expect("the call works");
    faults.into_iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
}

#[test]
fn right_settings_have_no_faults() {
    assert_eq!(faults(&json!({})), [""; 0]);
    let all = json!({
        "listen": ["127.0.0.1:5300", "[::1]:5300", "0.0.0.0:0", "0.0.0.0:0"],
        "directory": "zones",
        "nameservers": ["ns1.example.org", { "name": "ns2.example.org", "addresses": ["192.0.2.53"] }],
        "hostmaster": "hostmaster@example.org",
        "default_ttl": "5m",
        "soa": { "refresh": "1h", "retry": "10m", "expire": "14d", "minimum": "5m", "ttl": "1h" },
        "serial": "unixtime",
        "transfer": [
            { "secondary": "192.0.2.53:53", "notify": false },
            { "secondary": "[2001:db8::53]:53", "tsig": { "name": "key", "algorithm": "hmac-sha512", "secret": "c2VjcmV0" } },
        ],
        "transfer_from": ["192.0.2.0/24", "2001:db8::1"],
        "catalog": "catalog.invalid",
        "identity": "one",
        "version": "none of your business",
        "workers": 2,
        "limits": { "responses_per_second": 0, "slip": 0, "udp_size": 1400, "tcp_idle": "5s" },
        "static": [{ "name": "mail.example.org", "type": "A", "targets": ["192.0.2.25"], "ttl": "0" }],
    });
    assert_eq!(faults(&all), [""; 0]);
}

#[test]
fn all_faults_are_told_at_once() {
    let wrong = json!({
        "listen": ["localhost:53", "127.0.0.1:53", "127.0.0.1:53"],
        "directory": "",
        "nameservers": ["192.0.2.53", "a..b", "ns.example.org", "NS.example.org", { "name": "x", "addresses": ["y"] }],
        "hostmaster": "@",
        "default_ttl": "4000000000s",
        "soa": { "refresh": "0", "expire": "0" },
        "transfer": [
            { "secondary": "192.0.2.53", "tsig": { "name": "", "secret": "no base64" } },
            { "secondary": "192.0.2.53:53", "tsig": { "name": "k", "secret": "c2VjcmV0" } },
            { "secondary": "192.0.2.53:53", "tsig": { "name": "K.", "secret": "b3RoZXIh" } },
            { "secondary": "192.0.2.53:53", "tsig": { "name": "l", "secret": "no base64" } },
        ],
        "transfer_from": ["192.0.2.0/33"],
        "catalog": "a..b",
        "identity": "",
        "workers": 0,
        "limits": { "udp_size": 100, "tcp_connections": 0, "tcp_idle": "0" },
        "static": [
            { "name": "", "type": "A", "targets": ["x"] },
            { "name": "a.org", "type": "SOA", "targets": ["x"] },
            { "name": "a.org", "type": "AXFR", "targets": ["x"] },
            { "name": "a.org", "type": "A", "targets": [], "ttl": "4000000000s" },
            { "name": "A.org.", "type": "A", "targets": ["192.0.2.1"] },
        ],
    });
    let found = faults(&wrong);
    let paths: Vec<&str> = found.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "listen.0",
            "listen.2",
            "directory",
            "nameservers.0",
            "nameservers.1",
            "nameservers.3",
            "nameservers.4.addresses.0",
            "hostmaster",
            "default_ttl",
            "soa.refresh",
            "soa.expire",
            "soa.expire",
            "transfer.0.secondary",
            "transfer.0.tsig.name",
            "transfer.2.tsig.name",
            "transfer.3.tsig.secret",
            "transfer_from.0",
            "catalog",
            "workers",
            "limits.udp_size",
            "limits.tcp_connections",
            "limits.tcp_idle",
            "identity",
            "static.0.name",
            "static.0.targets",
            "static.1.type",
            "static.2.type",
            "static.3.ttl",
            "static.3.targets",
            "static.4",
        ],
        "{found:#?}"
    );
    assert!(
        !found.iter().any(|fault| fault.contains("no base64") || fault.contains("c2Vj")),
        "no secret is shown"
    );
}

#[test]
fn a_mistyped_key_and_a_bare_number_are_told() {
    assert!(faults(&json!({ "nameserver": [] }))[0].contains("unknown field `nameserver`"));
    let number = faults(&json!({ "default_ttl": 300 }));
    assert!(number[0].contains("a duration such as `90s`"), "{number:?}");
}

#[test]
fn zones_must_be_named() {
    let error = Lab::new().try_open(&[], &json!({})).expect_err("no zones");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("hint: add `zones"), "{error}");
}

#[test]
fn a_catalog_needs_a_name_of_its_own() {
    for catalog in ["Example.org", "org", "catalog.example.org"] {
        let settings = json!({ "catalog": catalog });
        let error = Lab::new().try_open(&["example.org"], &settings).expect_err("a contradiction");
        assert!(error.message().contains("hint: a name that nobody else has"), "{error}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_told() {
    let open = |settings| Lab::new().try_open(&["example.org"], &settings).expect_err("a contradiction");
    let error = open(json!({
        "nameservers": [{ "name": "ns.example.net", "addresses": ["192.0.2.53"] }],
        "static": [
            { "name": "example.org", "type": "NS", "targets": ["ns.example.net"] },
            { "name": "example.org", "type": "CNAME", "targets": ["www.example.org"] },
            { "name": "a.example.org", "type": "CNAME", "targets": ["www.example.org"] },
            { "name": "a.example.org", "type": "TXT", "targets": ["text"] },
            { "name": "*.example.org", "type": "NS", "targets": ["ns.example.net"] },
        ],
    }));
    for words in
        ["name server `ns.example.net`", "named by `nameservers`", "the apex", "beside TXT", "wildcard"]
    {
        assert!(error.message().contains(words), "{words}: {error}");
    }
    let error = open(json!({
        "nameservers": [{ "name": "ns.example.org", "addresses": ["192.0.2.53"] }],
        "static": [{ "name": "ns.example.org", "type": "A", "targets": ["192.0.2.1"] }],
    }));
    assert!(error.message().contains("A ns.example.org is there twice"), "{error}");
}
