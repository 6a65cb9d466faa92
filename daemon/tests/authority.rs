//! The plugin `authority` in its restricted process: what is posted to the webhook is answered over DNS, told
//! to a secondary, and counted.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use zonemux_test_support::servers::{Builder, Key, Kind, Port, dig};
use zonemux_test_support::{Site, create, eventually};

/// 32 octets in Base64.
const SECRET: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

#[test]
fn what_it_answers_transfers_and_tells_is_counted() {
    let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    site.layer("isolation", "[plugins]\nisolation = \"process\"");
    let (port, key) = (Port::claim(), Key::new("lan-transfer", "hmac-sha256", SECRET));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.number));
    let folder = site.path("secondary");
    fs::create_dir(&folder).unwrap();
    let secondary = Builder::new(Kind::Nsd, &folder).secondary("example.org", address, Some(&key));
    let tsig =
        format!("name = \"{}\", algorithm = \"{}\", secret = \"{}\"", key.name, key.algorithm, key.secret);
    site.backend(
        "lan",
        "authority",
        "example.org",
        &format!(
            "listen = [\"{address}\"]\n\
             [[backends.lan.settings.transfer]]\nsecondary = \"{}\"\ntsig = {{ {tsig} }}",
            secondary.address()
        ),
    );
    let daemon = site.start();
    daemon.wait_state("lan", "up");
    let secondary = secondary.start();
    assert_eq!(daemon.webhook().post("/records", create(&["www.example.org"])).status, 204);
    assert_eq!(dig(address, &["+short", "www.example.org", "A"]).trim(), "192.0.2.1");
    assert!(dig(address, &["none.example.org", "AAAA"]).contains("NXDOMAIN"));
    assert!(dig(address, &["+tcp", "example.com", "MX"]).contains("REFUSED"));
    let of_secondary = || secondary.dig(&["+short", "www.example.org", "A"]);
    eventually("the secondary has it", || (of_secondary().trim() == "192.0.2.1").then_some(()));

    let counted = |transport: &str, record_type: &str, rcode: &str| {
        let labels = [("backend", "lan"), ("transport", transport), ("type", record_type), ("rcode", rcode)];
        eventually("it is counted", || daemon.metrics().sum("zonemux_plugin_dns_queries_total", &labels))
    };
    assert!((counted("udp", "A", "noerror") - 1.0).abs() < f64::EPSILON);
    assert!((counted("udp", "AAAA", "nxdomain") - 1.0).abs() < f64::EPSILON);
    assert!((counted("tcp", "MX", "refused") - 1.0).abs() < f64::EPSILON);
    assert!(counted("tcp", "AXFR", "noerror") >= 1.0);
    let sum = |name: &str, label: (&str, &str)| daemon.metrics().sum(name, &[("backend", "lan"), label]);
    eventually("the transfer is counted", || {
        sum("zonemux_plugin_dns_transfers_total", ("outcome", "done")).filter(|&done| done >= 1.0)
    });
    let place = secondary.address().to_string();
    eventually("the secondary has heard of all changes", || {
        let told = sum("zonemux_plugin_dns_notify_total", ("outcome", "acknowledged"))?;
        let pending = sum("zonemux_plugin_dns_notify_pending", ("secondary", &place))?;
        (told >= 1.0 && pending < 0.5).then_some(())
    });
}
