//! How the backend behaves, through the same code as the daemon's calls; without a server, and with
//! `named-checkzone` as the checker.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::fs;

use common::{Folder, ZONE, reasons, record};
use zonemux_plugin::testing::{self, ChangesBuilder, battery::Battery, json};
use zonemux_plugin::{Endpoint, ErrorKind};
use zonemux_zonefile_backend::ZoneFiles;

/// The checker where the server is BIND, which has rules for names.
const FOR_BIND: [&str; 7] = ["named-checkzone", "-i", "local", "-k", "fail", "{zone}", "{file}"];

#[test]
fn passes_the_battery_beside_an_operators_zone_file() {
    let folder = Folder::with_zone();
    let dns = folder.open(json!({}));
    Battery::new(ZONE).without("set identifiers").run(&dns);
}

#[test]
fn passes_the_battery_with_a_zone_of_its_own() {
    let folder = Folder::empty();
    let dns = folder.open(json!({
        "mode": "whole", "nameservers": [format!("ns1.{ZONE} 192.0.2.53")], "hostmaster": format!("hostmaster@{ZONE}"),
    }));
    Battery::new(ZONE).without("set identifiers").run(&dns);
}

#[test]
fn names_with_underscores_have_addresses_where_bind_is_not_the_server() {
    let folder = Folder::with_zone();
    let dns = folder.open(json!({}));
    let address = record("_acme.under_score", "A", &["192.0.2.1"]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(address.clone())), [""; 0]);
    assert!(dns.records().unwrap().contains(&address));
}

#[test]
fn the_operators_file_keeps_every_byte_but_the_serial() {
    let folder = Folder::with_zone();
    let before = folder.read("zone");
    let dns = folder.open(json!({}));
    let www = record("www", "A", &["192.0.2.1"]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(www)), [""; 0]);
    assert_eq!(folder.read("zone"), before.replace("2024010199 ; serial", "2024010200 ; serial"));
    assert_eq!(
        folder.read("zone.zonemux"),
        format!(
            "; Records of zone {ZONE} that ExternalDNS asked for. zonemux manages this file and\n\
             ; rewrites it; records of your own belong into {}.\n\
             ; serial 2024010200\n\
             www.{ZONE}. 300 IN A 192.0.2.1\n; end\n",
            folder.path("zone").display()
        )
    );
    // What is true already is no write.
    let same = record("www", "A", &["192.0.2.1"]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(same)), [""; 0]);
    assert!(folder.read("zone").contains("2024010200 ; serial"));
    assert_eq!(folder.names(), [".zone.zonemux.zonemux-lock", "zone", "zone.zonemux"]);
}

#[test]
fn the_operators_records_are_listed_and_protected() {
    let folder = Folder::with_zone();
    let dns = folder.open(json!({}));
    let listed = dns.records().unwrap();
    let found = |name: &str, record_type: &str| {
        let name = format!("{name}.{ZONE}");
        listed.iter().find(|it| it.dns_name == name && it.record_type == record_type).cloned()
    };
    assert_eq!(found("mail", "A").unwrap().targets, ["192.0.2.25"]);
    assert_eq!(found("host-3", "A").unwrap().targets, ["192.0.2.103"]);
    assert_eq!(found("alias", "CNAME").unwrap().targets, [format!("mail.{ZONE}")]);
    assert_eq!(found("mail", "A").unwrap().record_ttl, 7200);
    assert!(listed.iter().any(|it| it.dns_name == ZONE && it.record_type == "MX"));
    // ExternalDNS would make no address at an apex where it sees NS of somebody else's.
    assert!(!listed.iter().any(|it| it.record_type == "SOA" || it.record_type == "NS"));

    let line = |text: &str| 1 + folder.read("zone").lines().position(|line| line.contains(text)).unwrap();
    let mail_line = format!("line {} of `{}`", line("192.0.2.25"), folder.path("zone").display());
    for (batch, words) in [
        (ChangesBuilder::new().create(record("mail", "A", &["192.0.2.1"])), &*mail_line),
        (ChangesBuilder::new().delete(record("mail", "A", &["192.0.2.25"])), &*mail_line),
        (
            ChangesBuilder::new().create(record("alias", "A", &["192.0.2.1"])),
            "can't stand beside the CNAME at alias",
        ),
        (
            ChangesBuilder::new().create(record("mail", "CNAME", &["x.example.net"])),
            "beside the A record at mail",
        ),
        (ChangesBuilder::new().create(record("a.old", "A", &["192.0.2.1"])), "below the DNAME at old"),
    ] {
        // A good one beside it is written all the same.
        let good = record("good", "A", &["192.0.2.9"]);
        let [reason] = &reasons(&dns, &batch.create(good.clone()))[..] else { panic!("{words}") };
        assert!(reason.contains(words), "{reason}");
        assert!(folder.read("zone.zonemux").contains("192.0.2.9"));
        assert_eq!(reasons(&dns, &ChangesBuilder::new().delete(good)), [""; 0]);
    }
    // Asked for as it is, it is there.
    let same = record("mail", "A", &["192.0.2.25"]).with_ttl(7200);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(same)), [""; 0]);
}

#[test]
fn bad_records_are_refused_each_with_its_reason() {
    let folder = Folder::with_zone();
    let dns = folder.open(json!({ "checker": FOR_BIND }));
    let mut weighted = record("w", "A", &["192.0.2.1"]);
    weighted.set_identifier = "blue".into();
    for (endpoint, words) in [
        (Endpoint::new("www.example.net", "A", ["192.0.2.1"]), "in none of the backend's zones"),
        (Endpoint::new(format!("a..{ZONE}"), "A", ["192.0.2.1"]), "is empty"),
        (record("w", "A", &["www.example.org"]), "expected an IPv4 address"),
        (record("w", "", &["x"]), "not a record type"),
        (record("w", "SOA", &["x"]), "not written for clients"),
        (record("w", "A", &[]), "no targets"),
        (record("w", "CNAME", &["a.org", "b.org"]), "a CNAME has one target, not 2"),
        (Endpoint::new(ZONE, "CNAME", ["www.example.org"]), "apex"),
        (Endpoint::new(ZONE, "NS", ["ns.example.org"]), "the zone's own"),
        (record("w", "TLSA", &["3 1 1 ab\nx 1 IN A 192.0.2.66"]), "control character"),
        (weighted, "set identifiers"),
        // Only the checker knows.
        (record("w", "TLSA", &["3 1 1 nothexadecimal"]), "`named-checkzone` refuses it"),
        (record("bad_name", "A", &["192.0.2.1"]), "bad owner name"),
        (record("w", "NOSUCHTYPE", &["x"]), "not a record type"),
        (record("w", "TYPE1", &["192.0.2.1"]), "is called A"),
    ] {
        let goods: Vec<Endpoint> =
            (0..5).map(|index| record(&format!("good{index}"), "A", &["192.0.2.9"])).collect();
        let batch = goods
            .iter()
            .cloned()
            .fold(ChangesBuilder::new().create(endpoint.clone()), ChangesBuilder::create);
        let [reason] = &reasons(&dns, &batch)[..] else { panic!("{endpoint:?}") };
        assert!(reason.contains(words), "{endpoint:?}: {reason}");
        assert_eq!(folder.read("zone.zonemux").matches("192.0.2.9").count(), 5, "{endpoint:?}");
        let batch = goods.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::delete);
        assert_eq!(reasons(&dns, &batch), [""; 0]);
    }
    assert_eq!(folder.names(), [".zone.zonemux.zonemux-lock", "zone", "zone.zonemux"]);
}

#[test]
fn a_checker_that_names_no_line_is_asked_for_halves() {
    let folder = Folder::with_zone();
    let new = folder.path(".zone.zonemux.zonemux-new");
    let script = format!("! grep -q forbidden '{}' || {{ echo 'not that'; exit 1; }}", new.display());
    let dns = folder.open(json!({ "checker": ["sh", "-c", script, "{file}"] }));
    let records = (0..60).map(|index| {
        let text = if matches!(index, 7 | 8 | 41) { "forbidden" } else { "allowed" };
        record(&format!("n{index}"), "TXT", &[text])
    });
    let reasons = reasons(&dns, &records.fold(ChangesBuilder::new(), ChangesBuilder::create));
    assert_eq!(reasons, ["`sh` refuses it: not that"; 3]);
    assert_eq!(folder.read("zone.zonemux").matches("allowed").count(), 57);
    // What is refused without any change is nobody's fault.
    folder.write("zone.zonemux", "forbidden 60 IN A 192.0.2.1\n; end\n");
    let outcome = dns.apply(&ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))).unwrap();
    let [failure] = outcome.failures() else { panic!("{outcome:?}") };
    assert!(
        failure.kind == ErrorKind::Retryable && failure.reason.contains("even without these changes"),
        "{failure:?}"
    );
}

#[test]
fn a_managed_file_that_is_gone_or_cut_off_is_no_list() {
    for mode in ["include", "whole"] {
        let folder = Folder::with_zone();
        if mode == "whole" {
            folder.write("zone", &folder.read("zone").replace("$INCLUDE", ";"));
        }
        let name = if mode == "whole" { "zone" } else { "zone.zonemux" };
        let dns = folder.open(json!({ "mode": mode }));
        assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))), [""; 0]);
        let (whole, listed) = (folder.read(name), dns.records().unwrap());
        let cut = whole.strip_suffix("; end\n").unwrap();
        folder.write(name, cut);
        let error = dns.records().unwrap_err();
        assert!(error.kind() == ErrorKind::Retryable && error.message().contains("the end of"), "{error}");
        fs::remove_file(folder.path(name)).unwrap();
        let error = dns.records().unwrap_err();
        assert!(error.message().contains("is gone"), "{error}");
        let outcome = dns.apply(&ChangesBuilder::new().create(record("more", "A", &["192.0.2.1"]))).unwrap();
        assert_eq!(outcome.failures()[0].kind, ErrorKind::Retryable);
        assert!(!folder.path(name).exists());
        folder.write(name, &whole);
        assert_eq!(dns.records().unwrap(), listed);
    }
}

#[test]
fn a_unit_is_refused_as_a_whole() {
    let folder = Folder::with_zone();
    let dns = folder.open(json!({ "checker": FOR_BIND }));
    let mut ownership = record("a-bad_name", "TXT", &["\"heritage=external-dns\""]);
    ownership.labels.insert("ownedRecord".into(), format!("bad_name.{ZONE}"));
    let batch = ChangesBuilder::new().create(record("bad_name", "A", &["192.0.2.1"])).create(ownership);
    let mut reasons = reasons(&dns, &batch);
    reasons.sort();
    assert_eq!(reasons.len(), 2);
    assert!(reasons[1].starts_with(&format!("left undone together with A bad_name.{ZONE}: ")), "{reasons:?}");
    assert!(!folder.read("zone.zonemux").contains("heritage"));
}

#[test]
fn an_editors_changes_are_merged_or_the_record_fails() {
    let folder = Folder::with_zone();
    let dns = folder.open(json!({}));
    let batch = ["a", "b", "c"].map(|name| record(name, "A", &["192.0.2.1"]));
    assert_eq!(
        reasons(&dns, &batch.into_iter().fold(ChangesBuilder::new(), ChangesBuilder::create)),
        [""; 0]
    );
    let managed = folder.read("zone.zonemux");
    let edited = managed.replace(&format!("b.{ZONE}. 300 IN A 192.0.2.1"), "b 60 A 192.0.2.77 ; by hand")
        + "d 60 IN A 192.0.2.78\n";
    folder.write("zone.zonemux", &edited);
    let zone = folder.read("zone") + "e IN A 192.0.2.79\n";
    folder.write("zone", &zone.replace("$INCLUDE", ";$INCLUDE"));
    // The include line is gone: nothing is listed, nothing written.
    let error = dns.records().unwrap_err();
    assert!(error.message().contains("$INCLUDE"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Config);
    let lines: Vec<&str> = zone.lines().filter(|line| !line.starts_with("$INCLUDE")).collect();
    folder.write(
        "zone",
        &format!("{}\n$INCLUDE {}\n", lines.join("\n"), folder.path("zone.zonemux").display()),
    );

    let outcome = dns
        .apply(
            &ChangesBuilder::new()
                .upsert(record("a", "A", &["192.0.2.2"]))
                .upsert(record("b", "A", &["192.0.2.2"]))
                .upsert(record("e", "A", &["192.0.2.2"])),
        )
        .unwrap();
    let failures: Vec<_> = outcome.failures().iter().map(|it| (it.kind, it.reason.as_str())).collect();
    let [(ErrorKind::Retryable, b), (ErrorKind::Permanent, e)] = failures[..] else { panic!("{failures:?}") };
    assert!(b.contains("somebody else has edited it") && e.contains("not a client's"), "{failures:?}");
    let managed = folder.read("zone.zonemux");
    for line in [
        "a.example.org. 300 IN A 192.0.2.2\n",
        "b.example.org. 60 IN A 192.0.2.77\n",
        "d.example.org. 60 IN A 192.0.2.78\n",
    ] {
        assert!(managed.contains(line), "{line:?} in {managed}");
    }
    // Listed, it is known, and the next wish counts.
    assert!(dns.records().unwrap().iter().any(|it| it.targets == ["192.0.2.77"]));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().upsert(record("b", "A", &["192.0.2.3"]))), [""; 0]);
}

#[test]
fn settings_and_files_that_are_wrong_are_told() {
    let faults = |settings| testing::faults::<ZoneFiles>(settings).unwrap();
    assert_eq!(faults(json!({}))[0].path, "directory");
    assert!(faults(json!({ "directroy": "x" }))[0].message.contains("unknown field `directroy`"));

    let folder = Folder::empty();
    let error = |folder: &Folder| folder.try_open(json!({})).unwrap_err();
    assert!(error(&folder).message().contains("No such file"), "{}", error(&folder));
    folder.write("zone", "@ 300 IN A 192.0.2.1\n");
    assert!(error(&folder).message().contains("has no SOA"), "{}", error(&folder));
    folder.write("zone", "$TTL 1h\n@ IN SOA a b 1 1h 1h 1h 1h\n@ NS a\na A 192.0.2.1\nb A x.y\n");
    let message = error(&folder).message().to_owned();
    assert!(message.contains("line 5: A b.example.org: expected an IPv4 address"), "{message}");
    folder.write("zone", "$TTL 1h\n@ IN SOA a b 1 1h 1h 1h 1h\n@ NS a\na A 192.0.2.1\n");
    let expected =
        format!("hint: add this as its last line: $INCLUDE {}", folder.path("zone.zonemux").display());
    assert!(error(&folder).message().contains(&expected), "{}", error(&folder));
    let zone = folder.read("zone");
    folder
        .write("zone", &format!("{zone}$INCLUDE {}\n  A 192.0.2.9\n", folder.path("zone.zonemux").display()));
    assert!(error(&folder).message().contains("make that `$INCLUDE` the last line"), "{}", error(&folder));
    folder.write("zone", &format!("{zone}$INCLUDE {}\n", folder.path("zone.zonemux").display()));
    let first = folder.open(json!({}));
    assert!(error(&folder).message().contains("in use by another backend"), "{}", error(&folder));
    first.close().unwrap();
    folder.open(json!({})).check().unwrap();
    let whole = Folder::empty().try_open(json!({ "mode": "whole" })).unwrap_err();
    assert!(whole.message().contains("set `nameservers` and `hostmaster`"), "{whole}");
}

#[test]
fn each_zone_of_a_batch_is_written_for_itself() {
    let folder = Folder::with_zone();
    let include = folder.path("other.zonemux");
    let other = format!(
        "$TTL 300\n@ SOA ns hostmaster 7 1h 1h 1h 1h\n@ NS ns\nns A 192.0.2.1\n$INCLUDE {}\n",
        include.display()
    );
    folder.write("other", &other);
    let settings = json!({ "files": { ZONE: folder.path("zone"), "example.net": folder.path("other") } });
    let dns = testing::open::<ZoneFiles>(settings, [""; 0]).unwrap();
    let mut zones = dns.capabilities().zones;
    zones.sort();
    assert_eq!(zones, ["example.net", ZONE]);
    // The other zone can't be read: its records fail, and may succeed later.
    folder.write("other", "@ (");
    let there = Endpoint::new("www.example.net", "A", ["192.0.2.1"]);
    let batch = ChangesBuilder::new().create(there.clone()).create(record("www", "A", &["192.0.2.1"]));
    let outcome = dns.apply(&batch).unwrap();
    let [failure] = outcome.failures() else { panic!("{outcome:?}") };
    assert!(failure.kind != ErrorKind::Permanent && failure.reason.contains("without `)`"), "{failure:?}");
    assert!(folder.read("zone.zonemux").contains("www"));
    folder.write("other", &other);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(there)), [""; 0]);
    assert!(folder.read("other.zonemux").contains("www.example.net. 300 IN A 192.0.2.1"));
    assert!(folder.read("other").contains("hostmaster 8 1h"));
}

#[test]
fn a_whole_zone_keeps_what_it_was_and_follows_its_settings() {
    let folder = Folder::with_zone();
    folder.write("zone", &folder.read("zone").replace("$INCLUDE", ";"));
    let original = folder.read("zone");
    let dns = folder.open(json!({ "mode": "whole" }));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().upsert(record("mail", "A", &["192.0.2.26"]))), [""; 0]);
    assert_eq!(folder.read("zone.before-zonemux"), original);
    let text = folder.read("zone");
    assert!(
        text.contains("example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 2024010200 "),
        "{text}"
    );
    assert!(
        text.contains("mail.example.org. 300 IN A 192.0.2.26\n") && text.contains("host-3.example.org."),
        "{text}"
    );
    let refused =
        reasons(&dns, &ChangesBuilder::new().delete(Endpoint::new(ZONE, "NS", ["ns1.example.org"])));
    assert!(refused[0].contains("the zone's apex"), "{refused:?}");
    dns.close().unwrap();
    let dns = folder.open(json!({ "mode": "whole", "nameservers": ["ns2.example.org 192.0.2.54"] }));
    let text = folder.read("zone");
    assert!(text.contains("SOA ns2.example.org. hostmaster.example.org. 2024010201 "), "{text}");
    assert!(
        text.contains("IN NS ns2.example.org.\n") && text.contains("ns2.example.org. 300 IN A 192.0.2.54\n")
    );
    let refused = reasons(&dns, &ChangesBuilder::new().upsert(record("ns2", "A", &["192.0.2.1"])));
    assert!(refused[0].contains("the setting `nameservers`"), "{refused:?}");
    assert_eq!(fs::read(folder.path("zone.before-zonemux")).unwrap(), original.into_bytes());
}

#[test]
fn changes_are_committed_to_git() {
    let folder = Folder::with_zone();
    let git = |words: &[&str]| {
        common::output(std::process::Command::new("git").arg("-C").arg(folder.path("")).args(words))
    };
    git(&["init", "--quiet"]);
    let dns = folder.open(json!({ "git": folder.path("") }));
    let batch =
        ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"])).create(record("t", "TXT", &["x"]));
    assert_eq!(reasons(&dns, &batch), [""; 0]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().delete(record("t", "TXT", &["x"]))), [""; 0]);
    assert_eq!(
        git(&["log", "--format=%s%n%b", "--reverse"]).trim(),
        "example.org: 2 created, 0 updated, 0 deleted, serial 2024010200\n\
         create TXT t.example.org \"x\"\ncreate A www.example.org 192.0.2.1\n\n\
         example.org: 0 created, 0 updated, 1 deleted, serial 2024010201\ndelete TXT t.example.org \"x\""
    );
    assert_eq!(
        git(&["diff", "HEAD~1", "HEAD", "--numstat", "--", "zone.zonemux"]).trim(),
        "1\t2\tzone.zonemux"
    );
}
