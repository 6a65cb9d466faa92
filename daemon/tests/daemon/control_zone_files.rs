//! `zonemux import` and `zonemux export`, with a daemon and without one.

use serde_json::json;
use zonemux_test_support::{Site, create, names};

use crate::{ready, site};

/// A zone file as operators write them, with what is no client's to write.
const ZONE_FILE: &str = "\
$TTL 1h
@ SOA ns1 hostmaster 7 1h 10m 2w 5m
  NS ns1
  MX 10 mail
  TXT \"v=spf1 -all\"
ns1 A 192.0.2.53
mail 2h A 192.0.2.25
     AAAA 2001:db8::25
$GENERATE 1-2 host-$ A 192.0.2.10$
$INCLUDE more.zone
elsewhere.example.net. A 192.0.2.1
www RRSIG A 13 3 3600 20300101000000 20200101000000 1 @ AAAA
";

fn durable() -> Site {
    let site = site();
    site.backend("lan", "memory", "example.org", "file = \"lan.records\"");
    site.write("example.org.zone", ZONE_FILE);
    site.write("more.zone", "sub NS ns1.sub\nns1.sub A 192.0.2.54\n*.wild CNAME mail\n");
    site
}

#[test]
fn a_zone_file_is_imported_and_exported_again() {
    let site = durable();
    let daemon = ready(&site);
    let plan = site.run(&["import", "example.org", "example.org.zone", "--dry-run"]);
    assert_eq!(plan.code, Some(2), "{plan:?}");
    assert!(names(&daemon.webhook().get("/records")).is_empty(), "a dry run writes nothing");
    let import = site.run(&["import", "example.org.", "example.org.zone"]);
    assert_eq!(import.code, Some(0), "{import:?}");
    insta::assert_snapshot!(format!("{}{}", import.stderr, import.stdout));
    let export = site.run(&["export"]);
    assert_eq!((export.code, export.stderr.as_str()), (Some(0), ""), "{export:?}");
    insta::assert_snapshot!(export.stdout);

    // What was exported is what is there, without a daemon too.
    daemon.stop();
    site.write("again.zone", &export.stdout);
    let again = site.run(&["import", "example.org", "again.zone"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{again:?}");
    assert_eq!(again.stdout, "view default: nothing to do\nzone example.org: 10 RRsets are there already\n");
    assert_eq!(site.run(&["export", "--backend", "lan"]).stdout, export.stdout);
    assert_eq!(
        site.run(&["export", "sub.example.org"]).stdout,
        "sub.example.org. 3600 IN NS ns1.sub.example.org.\nns1.sub.example.org. 3600 IN A 192.0.2.54\n"
    );
}

#[test]
fn of_several_ttls_the_lowest_is_taken_and_told() {
    let site = durable();
    site.write(
        "ttl.zone",
        "@ 60 SOA ns h 7 1 1 1 1\na 600 A 192.0.2.1\nb 5 A 192.0.2.1\na 300 A 192.0.2.2\na 900 A 192.0.2.3\n",
    );
    let import = site.run(&["import", "example.org", "ttl.zone"]);
    assert_eq!(import.code, Some(0), "{import:?}");
    let warning = "warning: records have several TTLs, of which the lowest is taken: a.example.org A\n";
    assert!(import.stderr.contains(warning), "{import:?}");
    assert!(import.stdout.contains("ttl 300") && !import.stdout.contains("ttl 600"), "{import:?}");
}

#[test]
fn what_is_there_is_replaced_only_when_asked_for() {
    let site = durable();
    let daemon = ready(&site);
    let records = json!({ "create": [
        { "dnsName": "mail.example.org", "targets": ["192.0.2.99"], "recordType": "A", "recordTTL": 60 },
        { "dnsName": "mail.example.org", "targets": ["2001:DB8::25"], "recordType": "AAAA", "recordTTL": 3600 },
        { "dnsName": "other.example.org", "targets": ["192.0.2.1"], "recordType": "A" },
    ] });
    assert_eq!(daemon.webhook().post("/records", records).status, 204);
    let refused = site.run(&["import", "example.org", "example.org.zone"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    assert!(
        refused.stderr.contains(
            "error: mail.example.org A is 192.0.2.99 ttl 60, in the file 192.0.2.25 ttl 7200\n  hint: nothing was written"
        ),
        "{refused:?}"
    );
    assert_eq!(names(&daemon.webhook().get("/records")).len(), 3, "nothing was written");

    let replaced = site.run(&["import", "example.org", "example.org.zone", "--replace"]);
    assert_eq!(replaced.code, Some(0), "{replaced:?}");
    assert!(replaced.stdout.ends_with("1 RRset is there already\n"), "{replaced:?}");
    let export = site.run(&["export"]);
    assert!(export.stdout.contains("mail.example.org. 7200 IN A 192.0.2.25\n"), "{export:?}");
    assert!(export.stdout.starts_with("$TTL 300\n"), "a record has no TTL: {export:?}");
    assert!(export.stdout.contains("other.example.org. IN A 192.0.2.1\n"), "it stays: {export:?}");
}

#[test]
fn the_guards_hold_for_an_import_too() {
    let site = durable();
    let keys = "[backends.lan.guards]\nprotect = [\"mail.example.org *\"]";
    site.backend_with("lan", "memory", "example.org", keys, "file = \"lan.records\"");
    let daemon = ready(&site);
    let import = site.run(&["import", "example.org", "example.org.zone"]);
    assert_eq!(import.code, Some(3), "{import:?}");
    assert!(import.stdout.contains("refused") && import.stdout.contains("mail.example.org A"), "{import:?}");
    let there = names(&daemon.webhook().get("/records"));
    assert!(there.contains(&"ns1.example.org".to_owned()), "{there:?}");
    assert!(!there.contains(&"mail.example.org".to_owned()), "{there:?}");
}

#[test]
fn what_a_zone_file_can_not_hold_is_said() {
    let site = durable();
    let daemon = ready(&site);
    let mut records = create(&["www.example.org"]);
    records["create"][0]["setIdentifier"] = json!("north");
    assert_eq!(daemon.webhook().post("/records", records).status, 204);
    let export = site.run(&["export"]);
    assert_eq!(export.code, Some(1), "{export:?}");
    assert!(
        export.stderr.starts_with("error: what can't stand in a zone file is a comment in it: 1 in all\n"),
        "{export:?}"
    );
    assert!(export.stdout.starts_with("; {\"dnsName\":\"www.example.org\""), "{export:?}");
    // Which of the records of one name the file means can't be told.
    site.write("www.zone", "www 300 A 192.0.2.7\n");
    let import = site.run(&["import", "example.org", "www.zone", "--replace"]);
    assert_eq!(import.code, Some(1), "{import:?}");
    assert!(import.stderr.contains("www.example.org A has set identifiers"), "{import:?}");
}

#[test]
fn a_file_that_can_not_be_read_is_said_with_its_line() {
    let site = durable();
    site.write("bad.zone", "$TTL 60\nwww A 192.0.2.1\nwww A nonsense\n");
    let bad = site.run(&["import", "example.org", "bad.zone"]);
    assert_eq!((bad.code, bad.stdout.as_str()), (Some(1), ""), "{bad:?}");
    assert!(bad.stderr.starts_with("error: `bad.zone` line 3: A www.example.org: "), "{bad:?}");
    let none = site.run(&["import", "example.org", "none.zone"]);
    assert!(none.stderr.starts_with("error: can't read `none.zone`: No such file"), "{none:?}");
    let name = site.run(&["import", "exa..mple", "bad.zone"]);
    assert!(name.stderr.starts_with("error: `exa..mple`: "), "{name:?}");
}
