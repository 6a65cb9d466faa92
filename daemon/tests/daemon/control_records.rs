//! `zonemux records`, with a daemon and without one.

use serde_json::{Value, json};
use zonemux_test_support::{Site, create};

use crate::{memory, ready, site};

/// Where nothing is remembered in memory alone, so that what is there outlives the daemon.
fn durable() -> Site {
    let site = site();
    site.backend("lan", "memory", "example.org", "file = \"lan.records\"");
    site
}

#[test]
fn it_prints_the_same_with_a_daemon_and_without_one() {
    let site = durable();
    let daemon = ready(&site);
    let changes = json!({ "create": [
        { "dnsName": "www.example.org", "targets": ["192.0.2.2", "192.0.2.1"], "recordType": "A", "recordTTL": 300 },
        { "dnsName": "mail.example.org", "targets": ["10 mx.example.net"], "recordType": "MX" },
        { "dnsName": "a.www.example.org", "targets": ["www.example.org"], "recordType": "CNAME", "recordTTL": 60 },
    ] });
    assert_eq!(daemon.webhook().post("/records", changes).status, 204);
    let text = site.run(&["records"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{text:?}");
    insta::assert_snapshot!(text.stdout);
    let json = site.run(&["records", "--output", "json", "--backend", "lan"]);
    let list: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 3);
    assert_eq!(list, daemon.webhook().get("/records").json());

    daemon.stop();
    let alone = site.run(&["records", "--view", "default"]);
    assert_eq!((alone.code, alone.stderr.as_str()), (Some(0), ""), "{alone:?}");
    assert_eq!(alone.stdout, text.stdout);
    assert_eq!(site.run(&["records", "--output", "json"]).stdout, json.stdout);
}

#[test]
fn ownership_that_the_backend_can_not_hold_is_listed_too() {
    let site = site();
    site.backend_with("lan", "memory", "example.org", "ownership = \"virtual\"", "");
    let daemon = ready(&site);
    let text = "\"heritage=external-dns,external-dns/owner=default\"";
    let changes = json!({ "create": [
        { "dnsName": "www.example.org", "targets": ["192.0.2.1"], "recordType": "A" },
        { "dnsName": "a-www.example.org", "targets": [text], "recordType": "TXT",
          "labels": { "ownedRecord": "www.example.org" } },
    ] });
    assert_eq!(daemon.webhook().post("/records", changes).status, 204);
    let records = site.run(&["records"]);
    assert!(records.stdout.contains("a-www.example.org") && records.stdout.contains(text), "{records:?}");
    let status = site.run(&["status"]);
    assert!(status.stdout.contains("1 ownership TXT kept by zonemux"), "{status:?}");
    let export = site.run(&["ownership", "export"]);
    assert!(export.stdout.contains("a-www.example.org"), "{export:?}");
    site.write("ownership.json", &export.stdout);
    let import = site.run(&["ownership", "import", "ownership.json"]);
    assert_eq!(import.stdout, "backend lan: 0 added, 0 replaced, 1 unchanged\n", "{import:?}");
}

#[test]
fn a_list_that_is_looked_at_is_not_what_externaldns_was_shown() {
    let site = crate::flaky();
    let daemon = ready(&site);
    daemon.webhook().get("/records");
    site.misbehave("lan", "fail");
    assert_eq!(daemon.webhook().get("/records").status, 200, "a snapshot");
    site.misbehave("lan", "healthy");
    assert_eq!(site.run(&["records"]).code, Some(0));
    // The view has still seen an old list alone: its changes wait.
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 503);
    daemon.webhook().get("/records");
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
}

#[test]
fn several_views_must_be_told_apart() {
    let site = memory();
    site.backend("inside", "memory", "example.org", "");
    site.layer("views", "[views.default]\nbackends = [\"lan\"]\n[views.internal]\npath = \"/internal\"\nbackends = [\"inside\"]\n");
    let compare = || {
        let unnamed = site.run(&["records"]);
        assert_eq!((unnamed.code, unnamed.stdout.as_str()), (Some(1), ""));
        let wrong = site.run(&["records", "--view", "outside"]);
        let neither = site.run(&["records", "--view", "internal", "--backend", "lan"]);
        let nobody = site.run(&["records", "--backend", "wan"]);
        assert_eq!((wrong.code, neither.code, nobody.code), (Some(1), Some(1), Some(1)));
        assert_eq!(site.run(&["records", "--view", "internal"]).code, Some(0));
        [unnamed.stderr, wrong.stderr, neither.stderr, nobody.stderr].join("\n")
    };
    let alone = compare();
    insta::assert_snapshot!(alone);
    let _daemon = ready(&site);
    assert_eq!(compare(), alone);
}

#[test]
fn a_list_that_is_not_complete_is_not_printed() {
    let site = crate::flaky();
    site.backend("edge", "memory", "example.net", "");
    let daemon = ready(&site);
    site.misbehave("lan", "fail");
    let running = site.run(&["records"]);
    assert_eq!((running.code, running.stdout.as_str()), (Some(1), ""), "{running:?}");
    drop(daemon);
    let alone = site.run(&["records"]);
    assert_eq!((alone.code, alone.stdout.as_str()), (Some(1), ""), "{alone:?}");
    assert!(alone.stderr.contains("backend `lan` can't be listed: failed on command"), "{alone:?}");
    assert_eq!(site.run(&["records", "--backend", "edge"]).code, Some(0));
}

#[test]
fn a_state_directory_that_another_process_has_is_left_alone() {
    let site = memory();
    let _daemon = ready(&site);
    // A daemon that can't be asked.
    std::fs::remove_file(site.path("control.sock")).unwrap();
    let records = site.run(&["records"]);
    assert_eq!((records.code, records.stdout.as_str()), (Some(1), ""), "{records:?}");
    insta::with_settings!({ filters => vec![(r"process \d+", "process [PID]")] }, {
        insta::assert_snapshot!(site.shown(&records.stderr));
    });
}
