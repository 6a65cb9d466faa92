//! The plugin `rfc2136` in its restricted process: a probe tells what the server is and allows, and what is posted
//! to the webhook is answered by it.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;

use zonemux_test_support::servers::{Builder, Key, Kind};
use zonemux_test_support::{Site, create, names};

const ZONE: &str = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n";

#[test]
fn a_probe_says_what_the_server_is_and_allows() {
    let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    site.layer("isolation", "[plugins]\nisolation = \"process\"\n[log]\nlevel = \"error\"");
    let folder = site.path("server");
    fs::create_dir(&folder).unwrap();
    let key = Key::new("extdns", "hmac-sha256", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let options = "allow-transfer { key extdns; }; update-policy { grant extdns zonesub ANY; };";
    let server = Builder::new(Kind::Bind, &folder).key(&key).options("version \"a test\";");
    let server = server.primary("example.org", ZONE, options).start();
    let key_file = format!("key \"extdns\" {{ algorithm {}; secret \"{}\"; }};\n", key.algorithm, key.secret);
    site.write("extdns.key", key_file);
    let settings = format!("server = \"{}\"\ntsig = {{ key_file = \"../extdns.key\" }}", server.address());
    site.backend("lan", "rfc2136", "example.org", &settings);

    let found = format!(
        "\n  zone found zone=example.org server={} version=a test serial=1 transfer=allowed update=allowed\n",
        server.address()
    );
    let alone = site.run(&["check", "--probe"]);
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert!(alone.stdout.contains("\nlan: 1 records in ") && alone.stdout.contains(&found), "{alone:?}");
    let daemon = site.start();
    daemon.wait_state("lan", "up");
    let probe = site.run(&["check", "--probe", "--output", "json"]);
    assert!(probe.stdout.contains("zone found zone=example.org"), "{probe:?}");
    assert!(!probe.stdout.contains(&key.secret), "{probe:?}");

    assert_eq!(daemon.webhook().post("/records", create(&["www.example.org"])).status, 204);
    assert_eq!(server.dig(&["+short", "www.example.org", "A"]), "192.0.2.1\n");
    assert_eq!(names(&daemon.webhook().get("/records")), ["ns1.example.org", "www.example.org"]);

    // Without leave to transfer there is no list, and the line that gives it is told.
    daemon.stop();
    let strict = "update-policy { grant extdns zonesub ANY; }; allow-transfer { none; };";
    let server = Builder::new(Kind::Bind, &folder).key(&key).primary("example.org", ZONE, strict).start();
    let settings = format!("server = \"{}\"\ntsig = {{ key_file = \"../extdns.key\" }}", server.address());
    site.backend("lan", "rfc2136", "example.org", &settings);
    let refused = site.run(&["check", "--probe"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("allow-transfer { key"), "{refused:?}");
}
