//! Real servers serve each change, asked by `dig`.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::fs;

use common::server::{Kind, Server};
use common::{Folder, ZONE, reasons, record};
use serde_json::{Value, json};
use zonemux_plugin::testing::{ChangesBuilder, battery::Battery};
use zonemux_plugin::{Endpoint, ErrorKind};

/// NSD and Knot have no `$GENERATE`.
fn folder() -> Folder {
    let folder = Folder::with_zone();
    let zone: Vec<String> = folder
        .read("zone")
        .lines()
        .filter(|line| !line.starts_with("$GENERATE"))
        .map(str::to_owned)
        .collect();
    folder.write("zone", &(zone.join("\n") + "\n"));
    folder
}

/// A zone whose managed file is there, as after the first opening.
fn opened(folder: &Folder) {
    folder.open(json!({})).close().unwrap();
}

fn with(mut settings: Value, more: Value) -> Value {
    let (table, Value::Object(more)) = (settings.as_object_mut().unwrap(), more) else { panic!() };
    table.extend(more);
    settings
}

fn each_change_is_served(kind: Kind) {
    let folder = folder();
    opened(&folder);
    let server = Server::start(kind, &folder);
    assert_eq!(server.serial(), 2_024_010_199);
    let dns = folder.open(server.settings());
    let www = format!("www.{ZONE}");
    let mut serial = server.serial();
    for round in 1..=5 {
        let address = format!("192.0.2.{round}");
        let batch = ChangesBuilder::new()
            .upsert(record("www", "A", &[&address, "192.0.2.200"]))
            .upsert(record("t", "TXT", &[&format!("round {round}; \"quoted\"")]))
            .upsert(record("_sip._tcp", "SRV", &[&format!("0 {round} 5060 mail.{ZONE}")]));
        assert_eq!(reasons(&dns, &batch), [""; 0]);
        let mut both = [&*address, "192.0.2.200"];
        both.sort_unstable();
        assert_eq!(server.dig(&www, "A"), both);
        assert_eq!(server.dig(&format!("t.{ZONE}"), "TXT"), [format!(r#""round {round}; \"quoted\"""#)]);
        assert_eq!(server.dig(&format!("_sip._tcp.{ZONE}"), "SRV"), [format!("0 {round} 5060 mail.{ZONE}.")]);
        serial += 1;
        assert_eq!(server.serial(), serial);
    }
    let before = dns.records().unwrap().into_iter().find(|it| it.dns_name == www).unwrap();
    assert_eq!(reasons(&dns, &ChangesBuilder::new().delete(before.clone())), [""; 0]);
    assert_eq!(server.dig(&www, "A"), [""; 0]);
    let alias = record("www", "CNAME", &["web.example.net"]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(alias.clone())), [""; 0]);
    assert_eq!(server.dig(&www, "CNAME"), ["web.example.net."]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().delete(alias).create(before)), [""; 0]);
    assert_eq!(server.dig(&www, "A").len(), 2);
    dns.check().unwrap();
}

fn passes_the_battery(kind: Kind) {
    let folder = folder();
    opened(&folder);
    let server = Server::start(kind, &folder);
    let dns = folder.open(server.settings());
    Battery::new(ZONE).without("set identifiers").run(&dns);
}

fn a_server_that_does_not_load_is_told_from_one_that_does(kind: Kind) {
    let folder = folder();
    opened(&folder);
    // The server reads a copy, which nobody writes: every reload succeeds and nothing is served.
    fs::copy(folder.path("zone"), folder.path("other")).unwrap();
    let server = Server::start_with(kind, &folder, &[(ZONE, "other")], "");
    let settings = with(server.settings(), json!({ "verify_timeout": "1" }));
    let dns = folder.open(settings);
    let files = || ["zone", "zone.zonemux"].map(|name| folder.read(name));
    let before = files();
    let outcome = dns.apply(&ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))).unwrap();
    let [failure] = outcome.failures() else { panic!("{outcome:?}") };
    assert_eq!(failure.kind, ErrorKind::Retryable);
    let words = "goes on serving serial 2024010199 of example.org instead of 2024010200";
    assert!(failure.reason.contains(words), "{}", failure.reason);
    // Knot keeps its view of the managed file, which the copy includes, in mind; the files are back.
    assert_eq!(files(), before);
    assert_eq!(folder.names().iter().filter(|name| name.ends_with("new")).count(), 0);
    assert!(!dns.records().unwrap().iter().any(|it| it.dns_name.starts_with("www.")));
    // The serial that was taken back is not used for something else.
    let outcome = dns.apply(&ChangesBuilder::new().create(record("other", "A", &["192.0.2.1"]))).unwrap();
    assert!(outcome.failures()[0].reason.contains("instead of 2024010201"), "{outcome:?}");
}

fn a_stopped_server_costs_nothing(kind: Kind) {
    let folder = folder();
    opened(&folder);
    let server = Server::start(kind, &folder);
    let dns = folder.open(server.settings());
    let www = record("www", "A", &["192.0.2.1"]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(www.clone())), [""; 0]);
    let before = folder.read("zone.zonemux");
    let stopped = server.kill();
    let more = record("more", "A", &["192.0.2.2"]);
    let outcome = dns.apply(&ChangesBuilder::new().create(more.clone())).unwrap();
    let [failure] = outcome.failures() else { panic!("{outcome:?}") };
    assert!(
        failure.kind == ErrorKind::Retryable && failure.reason.contains("does not answer"),
        "{failure:?}"
    );
    assert_eq!(folder.read("zone.zonemux"), before);
    // What is there is listed all the same.
    assert!(dns.records().unwrap().contains(&www));
    assert!(dns.check().is_err());
    let server = Server::again(stopped);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(more)), [""; 0]);
    assert_eq!(server.dig(&format!("more.{ZONE}"), "A"), ["192.0.2.2"]);
    assert_eq!(server.dig(&www.dns_name, "A"), ["192.0.2.1"]);
}

fn a_zone_file_that_can_not_be_read_is_left_alone(kind: Kind) {
    let folder = folder();
    opened(&folder);
    let server = Server::start(kind, &folder);
    let dns = folder.open(server.settings());
    let zone = folder.read("zone");
    folder.write("zone", &zone.replace("192.0.2.25", "192.0.2.256"));
    let error = dns.records().unwrap_err();
    assert!(error.message().contains("A mail.example.org: expected an IPv4 address"), "{error}");
    let www = record("www", "A", &["192.0.2.1"]);
    let outcome = dns.apply(&ChangesBuilder::new().create(www.clone())).unwrap();
    assert!(outcome.failures()[0].kind != ErrorKind::Permanent, "{outcome:?}");
    assert_eq!(server.serial(), 2_024_010_199);
    folder.write("zone", &zone);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(www)), [""; 0]);
    assert_eq!(server.dig(&format!("www.{ZONE}"), "A"), ["192.0.2.1"]);
}

fn many_zones_are_loaded_at_once(kind: Kind) {
    let folder = folder();
    let names: Vec<String> = (0..4).map(|index| format!("z{index}.example")).collect();
    let mut files = serde_json::Map::new();
    for name in &names {
        let path = folder.path(name);
        folder.write(
            name,
            &format!(
                "$TTL 300\n@ IN SOA ns h 7 1h 1h 1h 1h\n@ NS ns\nns A 192.0.2.1\n$INCLUDE {}.zonemux\n",
                path.display()
            ),
        );
        files.insert(name.clone(), json!(path));
    }
    common::open_zones(with(json!({}), json!({ "files": files.clone() }))).close().unwrap();
    let zones: Vec<(&str, &str)> = names.iter().map(|name| (&**name, &**name)).collect();
    let server = Server::start_with(kind, &folder, &zones, "");
    let dns = common::open_zones(with(server.settings(), json!({ "files": files })));
    let batch = names.iter().fold(ChangesBuilder::new(), |batch, name| {
        batch.create(Endpoint::new(format!("www.{name}"), "A", ["192.0.2.9"]))
    });
    assert_eq!(reasons(&dns, &batch), [""; 0]);
    for name in &names {
        assert_eq!(server.dig(&format!("www.{name}"), "A"), ["192.0.2.9"]);
    }
}

macro_rules! with_each_server {
    ($($test:ident),* $(,)?) => {
        mod bind { $(#[test] fn $test() { super::$test(super::Kind::Bind); })* }
        mod nsd { $(#[test] fn $test() { super::$test(super::Kind::Nsd); })* }
        mod knot { $(#[test] fn $test() { super::$test(super::Kind::Knot); })* }
    };
}

with_each_server!(
    each_change_is_served,
    passes_the_battery,
    a_server_that_does_not_load_is_told_from_one_that_does,
    a_stopped_server_costs_nothing,
    a_zone_file_that_can_not_be_read_is_left_alone,
    many_zones_are_loaded_at_once,
);

#[test]
fn what_bind_refuses_though_it_was_checked_is_taken_back() {
    let folder = Folder::with_zone();
    opened(&folder);
    // `named-checkzone` knows nothing of it, and `rndc reload` succeeds.
    let server = Server::start_with(Kind::Bind, &folder, &[(ZONE, "zone")], "max-zone-ttl 7200;");
    let dns = folder.open(with(server.settings(), json!({ "verify_timeout": "1" })));
    let one = record("one", "A", &["192.0.2.1"]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(one)), [""; 0]);
    let long = record("long", "A", &["192.0.2.1"]).with_ttl(7201);
    let outcome = dns.apply(&ChangesBuilder::new().create(long)).unwrap();
    assert_eq!(outcome.failures().len(), 1, "{outcome:?}");
    assert!(outcome.failures()[0].reason.contains("the previous files were put back"), "{outcome:?}");
    assert_eq!(server.serial(), 2_024_010_200);
    assert_eq!(server.dig(&format!("one.{ZONE}"), "A"), ["192.0.2.1"]);
    // The next one has a serial that nobody has seen.
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("two", "A", &["192.0.2.1"]))), [""; 0]);
    assert_eq!(server.serial(), 2_024_010_202);
}

#[test]
fn an_rrset_that_is_too_large_for_bind_holds_up_no_other() {
    let folder = Folder::with_zone();
    opened(&folder);
    let targets: Vec<String> = (1..=101).map(|host| format!("192.0.2.{host}")).collect();
    let batch = |count: usize| {
        let many: Vec<&str> = targets[..count].iter().map(String::as_str).collect();
        ChangesBuilder::new().upsert(record("many", "A", &many)).upsert(record("one", "A", &["192.0.2.1"]))
    };
    // `named-checkzone` knows nothing of the limit, and `rndc reload` succeeds.
    let server = Server::start(Kind::Bind, &folder);
    let dns = folder.open(with(server.settings(), json!({ "verify_timeout": "1" })));
    let [refused] = &reasons(&dns, &batch(101))[..] else { panic!("the small one is applied") };
    assert!(refused.contains("it has 101 records") && refused.contains("max-records-per-type"), "{refused}");
    assert_eq!(server.dig(&format!("one.{ZONE}"), "A"), ["192.0.2.1"]);
    assert_eq!(reasons(&dns, &batch(100)), [""; 0]);
    assert_eq!(server.dig(&format!("many.{ZONE}"), "A").len(), 100);
    dns.close().unwrap();
    drop(server);

    // Where the operator lets BIND have more, it is written.
    let server = Server::start_with(Kind::Bind, &folder, &[(ZONE, "zone")], "max-records-per-type 200;");
    let dns = folder.open(server.settings());
    assert_eq!(reasons(&dns, &batch(101)), [""; 0]);
    assert_eq!(server.dig(&format!("many.{ZONE}"), "A").len(), 101);
}

#[test]
fn a_dynamic_zone_of_binds_is_refused() {
    let folder = Folder::with_zone();
    opened(&folder);
    let server = Server::start_with(Kind::Bind, &folder, &[(ZONE, "zone")], "allow-update { 127.0.0.1; };");
    let error = folder.try_open(server.settings()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("use the plugin `rfc2136`"), "{error}");

    // One that becomes dynamic later is seen by its journal.
    drop(server);
    let server = Server::start(Kind::Bind, &folder);
    let dns = folder.open(server.settings());
    let stopped = server.kill();
    fs::write(folder.path("zone.jnl"), "").unwrap();
    let outcome = dns.apply(&ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))).unwrap();
    assert!(outcome.failures()[0].reason.contains("`rfc2136`"), "{outcome:?}");
    fs::remove_file(folder.path("zone.jnl")).unwrap();
    let server = Server::again(stopped);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))), [""; 0]);
    drop(server);
}

#[test]
fn a_serial_that_the_server_counts_is_left_alone() {
    for kind in [Kind::Knot, Kind::Bind] {
        let folder = folder();
        opened(&folder);
        let options = if kind == Kind::Knot {
            "    zonefile-load: difference-no-serial\n    journal-content: all\n    serial-policy: increment\n"
        } else {
            ""
        };
        let server = Server::start_with(kind, &folder, &[(ZONE, "zone")], options);
        let zone = folder.read("zone");
        let dns = folder.open(with(server.settings(), json!({ "serial": "keep" })));
        let www = record("www", "A", &["192.0.2.1"]);
        assert_eq!(reasons(&dns, &ChangesBuilder::new().create(www.clone())), [""; 0]);
        assert_eq!(server.dig(&www.dns_name, "A"), ["192.0.2.1"]);
        assert_eq!(reasons(&dns, &ChangesBuilder::new().delete(www.clone())), [""; 0]);
        assert_eq!(server.dig(&www.dns_name, "A"), [""; 0]);
        assert_eq!(folder.read("zone"), zone);
        let counted = if kind == Kind::Knot { 2_024_010_201 } else { 2_024_010_199 };
        assert_eq!(server.serial(), counted, "{kind:?}");
    }
}

#[test]
fn a_zone_that_is_new_is_written_before_its_server_has_it() {
    let folder = Folder::empty();
    let whole = json!({
        "mode": "whole", "nameservers": ["ns1.example.org 192.0.2.53"], "hostmaster": "dns.admin@example.org",
        "serial": "unixtime", "soa": { "minimum": "1m" },
    });
    folder.open(whole.clone()).close().unwrap();
    let server = Server::start(Kind::Nsd, &folder);
    let soa = &server.dig(ZONE, "SOA")[0];
    assert!(
        soa.starts_with(r"ns1.example.org. dns\.admin.example.org. 1")
            && soa.ends_with(" 3600 600 1209600 60"),
        "{soa}"
    );
    let dns = folder.open(with(server.settings(), whole));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("*", "A", &["192.0.2.1"]))), [""; 0]);
    assert_eq!(server.dig(&format!("anything.{ZONE}"), "A"), ["192.0.2.1"]);
}

#[test]
fn a_command_reloads_where_the_settings_name_one() {
    let folder = Folder::with_zone();
    opened(&folder);
    let server = Server::start(Kind::Bind, &folder);
    let verify = server.settings()["verify"].clone();
    let script = "touch \"$0\"; exit 7";
    let words = |script: &str| json!(["sh", "-c", script, folder.path("told")]);
    let dns = folder.open(json!({ "verify": verify, "reload": words(script), "verify_timeout": "1" }));
    let www = record("www", "A", &["192.0.2.1"]);
    let outcome = dns.apply(&ChangesBuilder::new().create(www.clone())).unwrap();
    assert!(outcome.failures()[0].reason.contains("failed: "), "{outcome:?}");
    assert!(folder.path("told").exists());
    dns.close().unwrap();
    let pid = fs::read_to_string(server.running().folder().join("named.pid")).unwrap();
    let dns = folder.open(json!({ "verify": verify, "reload": ["kill", "-HUP", pid.trim()] }));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(www.clone())), [""; 0]);
    assert_eq!(server.dig(&www.dns_name, "A"), ["192.0.2.1"]);
}
