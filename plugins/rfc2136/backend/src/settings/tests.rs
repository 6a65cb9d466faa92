//! Settings that are right, and what is said of others.

use zonemux_plugin::testing::{self, json};

use super::*;
use crate::Rfc2136;

fn faults(settings: &serde_json::Value) -> Vec<String> {
    let faults = testing::faults::<Rfc2136>(settings).unwrap();
    faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
}

#[test]
fn servers_are_read() {
    for (text, host, port) in [
        ("ns1.example.org", "ns1.example.org", 53),
        ("ns1.example.org.:5353", "ns1.example.org", 5353),
        ("192.0.2.53", "192.0.2.53", 53),
        ("192.0.2.53:54", "192.0.2.53", 54),
        ("2001:db8::53", "2001:db8::53", 53),
        ("[2001:db8::53]", "2001:db8::53", 53),
        ("[2001:db8::53]:54", "2001:db8::53", 54),
    ] {
        assert_eq!(Place::read(text, 53), Ok(Place::new(host, port)), "{text}");
    }
    for text in ["", "192.0.2", "ns1:dns", "ns1:0", "https://ns1", "a..b", "192.0.2.1:953"] {
        assert!(Place::read(text, 53).is_err(), "{text}");
    }
}

#[test]
fn a_zones_own_settings_come_first() {
    let settings: Settings = serde_json::from_value(json!({
        "server": "192.0.2.1",
        "tsig": { "name": "common", "secret": "YWJj" },
        "zone": { "Example.org.": { "servers": ["192.0.2.2", "192.0.2.3"] }, "other.test": { "transport": "udp" } },
    }))
    .unwrap();
    let own = settings.access("example.org");
    assert_eq!(own.servers, ["192.0.2.2", "192.0.2.3"]);
    assert_eq!(own.tsig.unwrap().name.as_deref(), Some("common"));
    let other = settings.access("other.test");
    assert_eq!((other.servers, other.transport), (vec!["192.0.2.1".to_owned()], Transport::Udp));
}

#[test]
fn right_settings_have_no_faults() {
    for settings in [
        json!({}),
        json!({ "server": "127.0.0.1:53", "tsig": { "name": "k", "algorithm": "HMAC-SHA256.", "secret": "YWJj" } }),
        json!({ "server": "ns1.example.org", "tsig": { "key_file": "/etc/bind/extdns.key" }, "timeout": "500ms" }),
        json!({ "server": "ns1.example.org", "transport": "tls", "tls": { "ca": "ca.pem", "server_name": "ns" } }),
        json!({ "zone": { "example.org": { "server": "::1", "source": "::1" } }, "default_ttl": "1h" }),
    ] {
        assert_eq!(faults(&settings), [""; 0], "{settings}");
    }
}

#[test]
fn every_fault_is_named_at_once() {
    let settings = json!({
        "server": "192.0.2.1:953",
        "servers": ["ns1:853"],
        "tsig": { "name": "a..b", "algorithm": "hmac-sha3", "secret": "not base64!" },
        "tls": { "cert": "x.pem", "pin_sha256": "short" },
        "source": "eth0",
        "timeout": "10",
        "default_ttl": "0",
        "zone": { "a..b": { "tsig": { "gss": true } }, "c": { "tsig": { "key_file": "k", "secret": "x" } } },
    });
    let all = faults(&settings);
    for words in [
        "server: `192.0.2.1:953` is no server: port 953 is that of `rndc`",
        "servers: `server` names one as well",
        "servers: `ns1:853` has the port of DNS over TLS",
        "tsig.name: `a..b` is no name of a key",
        "tsig.algorithm: `hmac-sha3` is not among hmac-sha512, ",
        "tsig.secret: it is not Base64: character 4 does not belong there",
        "tls: it means nothing without",
        "tls.key: `cert` and `key` come together",
        "tls.pin_sha256: it is not the Base64 of 32 bytes",
        "source: `eth0` is no address",
        "timeout: `10` is no duration",
        "default_ttl: it is not from 1",
        "zone.a..b: `a..b` is not a zone's name",
        "zone.a..b.tsig.gss: GSS-TSIG (RFC 3645) is not supported",
        "zone.c.tsig.secret: `key_file` has one as well",
    ] {
        assert!(all.iter().any(|fault| fault.contains(words)), "{words}: {all:#?}");
    }
    assert!(!all.iter().any(|fault| fault.contains("not base64!")), "{all:?}");
}
