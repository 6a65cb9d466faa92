//! The plugin `zonefile` in its restricted process: what is posted to the webhook is answered by `named`, and
//! still is after a restart of both.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::fs;

use serde_json::json;
use zonemux_test_support::servers::{Builder, Kind, Server};
use zonemux_test_support::{Site, create, delete, names};

/// The address of a name below the zone, as the server answers it.
fn address(server: &Server, name: &str) -> String {
    server.dig(&["+short", name, "A"]).trim().to_owned()
}

fn served_by(kind: Kind) {
    let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    site.layer("isolation", "[plugins]\nisolation = \"process\"");
    let zones = site.path("zones");
    fs::create_dir(&zones).unwrap();
    let (zone, managed) = (zones.join("db"), zones.join("db.zonemux"));
    let operators = format!(
        "$TTL 1h\n@ SOA ns1 hostmaster 7 1h 10m 2w 5m\n@ NS ns1\nns1 A 192.0.2.53\n$INCLUDE {}\n",
        managed.display()
    );
    fs::write(&zone, operators).unwrap();
    fs::write(&managed, "").unwrap();
    let server = Builder::new(kind, &zones).primary_file("example.org", &zone, "").start();
    let folder = server.folder();
    let (name, control) = match kind {
        Kind::Bind => ("bind", json!({ "config": folder.join("rndc.conf") })),
        Kind::Nsd => ("nsd", json!({ "config": folder.join("nsd.conf") })),
        Kind::Knot => ("knot", json!({ "socket": folder.join("knot.sock") })),
        Kind::PowerDns => panic!("it reads no zone files"),
    };
    let control = control.as_object().unwrap().iter().map(|(key, path)| format!("{key} = {path}"));
    site.backend(
        "lan",
        "zonefile",
        "example.org",
        &format!(
            "server = \"{name}\"\nverify = \"{}\"\ncontrol = {{ {} }}\nfiles = {{ \"example.org\" = \"{}\" }}",
            server.address(),
            control.collect::<Vec<_>>().join(", "),
            zone.display()
        ),
    );
    let daemon = site.start();
    daemon.wait_state("lan", "up");
    assert_eq!(names(&daemon.webhook().get("/records")), ["ns1.example.org"]);
    // Opening gave the empty managed file its beginning and its end.
    let opened = server.serial("example.org").unwrap();
    let answer = daemon.webhook().post("/records", create(&["www.example.org", "api.example.org"]));
    assert_eq!(answer.status, 204, "{} {:#?}", answer.shown(), daemon.log());
    assert_eq!(address(&server, "www.example.org"), "192.0.2.1");
    assert_eq!(server.serial("example.org"), Some(opened + 1));
    // What the checker refuses is set aside, in words that say who refuses it.
    let bad = json!({ "create": [{ "dnsName": "bad.example.org", "recordType": "TLSA", "targets": ["3 1 1 none"] }] });
    assert_eq!(daemon.webhook().post("/records", bad).status, 204, "{:#?}", daemon.log());
    let reason = daemon.wait_logged("change not applied")["reason"].to_string();
    assert!(reason.contains("refuses it"), "{reason}");
    assert_eq!(daemon.webhook().post("/records", delete(&["api.example.org"])).status, 204);
    assert_eq!(address(&server, "api.example.org"), "");

    daemon.stop();
    let server = server.kill().start();
    let daemon = site.start();
    daemon.wait_state("lan", "up");
    let listed = ["ns1.example.org", "www.example.org"];
    assert_eq!(names(&daemon.webhook().get("/records")), listed);
    assert_eq!(address(&server, "www.example.org"), "192.0.2.1");
}

#[test]
fn bind_serves_what_is_posted() {
    served_by(Kind::Bind);
}

#[test]
fn nsd_serves_what_is_posted() {
    served_by(Kind::Nsd);
}

#[test]
fn knot_serves_what_is_posted() {
    served_by(Kind::Knot);
}
