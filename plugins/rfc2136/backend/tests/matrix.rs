//! What works with which server, found out with each and compared with `docs/rfc2136-servers.md`.
//! `ZONEMUX_WRITE_MATRIX=1 cargo test -p zonemux-rfc2136-backend --test matrix` writes that file anew.

#![allow(clippy::unwrap_used, reason = "what fails here ends the test")]

mod common;

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use zonemux_plugin::testing::battery::Battery;
use zonemux_plugin::testing::{self, ChangesBuilder, TestBackend, json};
use zonemux_plugin::{Endpoint, Result};
use zonemux_rfc2136_backend::{Rfc2136, shift_clock};
use zonemux_test_support::servers::{Key, Kind};

use common::{KEY_NAME, Site, ZONE, failures, record};

const SERVERS: [(Kind, &str); 3] = [(Kind::Bind, "BIND"), (Kind::Knot, "Knot"), (Kind::PowerDns, "PowerDNS")];

type Tried = fn(&Site) -> String;

const BEHAVIOURS: [(&str, Tried); 13] = [
    ("What every backend must do right (create, update, retype, ownership, wildcards, TXT, …)", everything),
    ("What changed is transferred alone (IXFR)", steps),
    ("A zone that has not changed is not transferred", unchanged),
    ("A change of somebody else is kept", foreign_change),
    ("A CNAME for an address, where another record is at its name", crowded_alias),
    ("TXT of any bytes", bytes),
    ("HTTPS, TLSA, CAA", modern_types),
    ("Types that the server does not know (RFC 3597)", unknown_type),
    ("Updates by UDP", datagrams),
    ("A wrong secret", wrong_secret),
    ("An unknown key", unknown_key),
    ("A clock that is 10 minutes off", wrong_clock),
    ("A zone that it does not serve", unknown_zone),
];

const ALGORITHMS: [&str; 6] =
    ["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5"];

#[test]
fn the_documentation_says_what_works_with_which_server() {
    let sites = SERVERS.map(|(kind, _)| Site::start(kind));
    let mut text = String::from(
        "# Servers with the plugin rfc2136\n\n\
         What the tests find with BIND 9.18, Knot 3.2 and PowerDNS 4.7, of Debian 12. This page is written by them:\n\
         `ZONEMUX_WRITE_MATRIX=1 cargo test -p zonemux-rfc2136-backend --test matrix`. How to set each of them up is in the\n\
         plugin's [README](../plugins/rfc2136/README.md).\n\n| |",
    );
    for (_, name) in SERVERS {
        write!(text, " {name} |").unwrap();
    }
    text.push_str("\n|---|---|---|---|\n");
    let mut row = |name: &str, cells: [String; 3]| {
        writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
    };
    for (name, tried) in BEHAVIOURS {
        row(name, sites.each_ref().map(tried));
    }
    for algorithm in ALGORITHMS {
        row(&format!("Keys of `{algorithm}`"), SERVERS.map(|(kind, _)| signed(kind, algorithm)));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/rfc2136-servers.md");
    if env::var_os("ZONEMUX_WRITE_MATRIX").is_some() {
        fs::write(file, text).unwrap();
        return;
    }
    let written = fs::read_to_string(file).unwrap();
    assert_eq!(text, written, "`ZONEMUX_WRITE_MATRIX=1` writes it anew");
}

fn yes(holds: bool) -> String {
    if holds { "yes" } else { "no" }.to_owned()
}

fn create(records: &[Endpoint]) -> ChangesBuilder {
    records.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create)
}

fn open_with(site: &Site, tsig: &serde_json::Value) -> Result<Vec<Endpoint>> {
    let settings = json!({ "server": site.server.address(), "tsig": tsig });
    testing::open::<Rfc2136>(settings, [ZONE])?.records()
}

/// How lists were made last.
fn last_transfer(dns: &TestBackend) -> String {
    let last = dns.metrics().into_iter().rfind(|metric| metric.name == "rfc2136_transfers_total");
    last.map(|metric| metric.labels[0].1.clone()).unwrap_or_default()
}

/// Whether records are stored, and listed as they were adjusted.
fn stores(site: &Site, records: impl IntoIterator<Item = Endpoint>) -> String {
    let dns = site.open();
    let records = dns.adjust(records).unwrap();
    if !failures(&dns, &create(&records)).is_empty() {
        return "no: refused".to_owned();
    }
    let listed = site.open().records().unwrap();
    let same = records.iter().all(|record| listed.contains(record));
    let gone = records.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::delete);
    assert_eq!(failures(&dns, &gone), []);
    yes(same)
}

fn everything(site: &Site) -> String {
    let failed = Battery::new(ZONE).without("set identifiers").failures(&site.open());
    let names: Vec<&str> = failed.iter().map(|(name, _)| *name).collect();
    if names.is_empty() { "yes".to_owned() } else { format!("not {}", names.join(", ")) }
}

fn steps(site: &Site) -> String {
    let (reader, writer) = (site.open(), site.open());
    let hosts: Vec<Endpoint> =
        (0..200).map(|index| record(&format!("h{index}"), "A", &["192.0.2.1"])).collect();
    assert_eq!(failures(&writer, &create(&hosts)), []);
    reader.records().unwrap();
    assert_eq!(failures(&writer, &ChangesBuilder::new().delete(hosts[0].clone())), []);
    reader.records().unwrap();
    let kind = last_transfer(&reader);
    let gone = hosts[1..].iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::delete);
    assert_eq!(failures(&writer, &gone), []);
    match kind.as_str() {
        "steps" => "yes".to_owned(),
        "whole" => "no: the whole zone is".to_owned(),
        other => other.to_owned(),
    }
}

fn unchanged(site: &Site) -> String {
    let dns = site.open();
    dns.records().unwrap();
    dns.records().unwrap();
    yes(last_transfer(&dns) == "unchanged")
}

fn foreign_change(site: &Site) -> String {
    let (ours, theirs) = (site.open(), site.open());
    let before = record("shared", "A", &["192.0.2.1"]);
    let changed = record("shared", "A", &["192.0.2.2"]);
    assert_eq!(failures(&ours, &create(std::slice::from_ref(&before))), []);
    ours.records().unwrap();
    assert_eq!(failures(&theirs, &ChangesBuilder::new().update(before.clone(), changed.clone())), []);
    let wanted = record("shared", "A", &["192.0.2.3"]);
    let is_told = failures(&ours, &ChangesBuilder::new().update(before, wanted)).len() == 1;
    let is_kept = site.dig("shared.example.org", "A") == ["192.0.2.2"];
    assert_eq!(failures(&theirs, &ChangesBuilder::new().delete(changed)), []);
    yes(is_told && is_kept)
}

fn crowded_alias(site: &Site) -> String {
    let (ours, theirs) = (site.open(), site.open());
    let www = record("crowded", "A", &["192.0.2.1"]);
    let text = record("crowded", "TXT", &["somebody else's"]);
    assert_eq!(failures(&ours, &create(std::slice::from_ref(&www))), []);
    ours.records().unwrap();
    assert_eq!(failures(&theirs, &create(std::slice::from_ref(&text))), []);
    let alias = record("crowded", "CNAME", &["web.example.net"]);
    let failed = failures(&ours, &ChangesBuilder::new().delete(www.clone()).create(alias));
    let is_kept = site.dig("crowded.example.org", "A") == ["192.0.2.1"];
    let adjusted = theirs.adjust([text]).unwrap();
    assert_eq!(failures(&theirs, &create(&[]).delete(www).delete(adjusted[0].clone())), []);
    match failed.first() {
        _ if !is_kept => "the address is lost".to_owned(),
        None => "the CNAME stands beside it".to_owned(),
        Some(failure) if failure.reason.contains("put back") => {
            "ignored without a word; the address is put back".to_owned()
        }
        Some(_) => "refused; the address stays".to_owned(),
    }
}

fn bytes(site: &Site) -> String {
    stores(
        site,
        [record("bytes", "TXT", &[r#""\000\255 a\"b" "c\\""#]), record("long", "TXT", &[&"x".repeat(4000)])],
    )
}

fn modern_types(site: &Site) -> String {
    let digest = "0123456789ABCDEF".repeat(4);
    stores(
        site,
        [
            record("svc", "HTTPS", &["1 . alpn=h2 ipv4hint=192.0.2.1"]),
            record("tlsa", "TLSA", &[&format!("3 1 1 {digest}")]),
            record("caa", "CAA", &["0 issue \"ca.example.net\""]),
        ],
    )
}

fn unknown_type(site: &Site) -> String {
    stores(site, [record("unknown", "TYPE65280", &[r"\# 3 abcdef"])])
}

fn datagrams(site: &Site) -> String {
    let mut settings = site.settings();
    settings["transport"] = json!("udp");
    let dns = testing::open::<Rfc2136>(settings, [ZONE]).unwrap();
    let www = record("datagram", "A", &["192.0.2.1"]);
    let failed = failures(&dns, &create(std::slice::from_ref(&www)));
    let is_there = site.dig("datagram.example.org", "A") == ["192.0.2.1"];
    assert_eq!(failures(&dns, &ChangesBuilder::new().delete(www)), []);
    yes(failed.is_empty() && is_there)
}

/// What of an error tells what is wrong.
fn told(result: Result<Vec<Endpoint>>) -> String {
    let Err(error) = result else { return "not noticed".to_owned() };
    let message = error.message();
    let words = ["BADSIG", "BADKEY", "BADTIME", "REFUSED", "NOTAUTH"];
    let found = words.into_iter().find(|word| message.contains(word)).unwrap_or("another error");
    let unsigned = if message.contains("not signed") { ", unsigned" } else { "" };
    format!("told: {found}{unsigned}")
}

fn wrong_secret(site: &Site) -> String {
    let wrong = "bm90IHRoZSBzZWNyZXQgb2YgdGhlIHNlcnZlciBhdCA=";
    told(open_with(site, &json!({ "name": KEY_NAME, "secret": wrong })))
}

fn unknown_key(site: &Site) -> String {
    told(open_with(site, &json!({ "name": "other.test", "secret": site.key.secret })))
}

fn wrong_clock(site: &Site) -> String {
    let dns = site.open();
    shift_clock(-600);
    let listed = dns.records();
    shift_clock(0);
    told(listed)
}

fn unknown_zone(site: &Site) -> String {
    told(testing::open::<Rfc2136>(site.settings(), ["example.net"]).and_then(|dns| dns.records()))
}

fn signed(kind: Kind, algorithm: &str) -> String {
    let key = common::key(algorithm);
    let site = Site::start_with(kind, &Key { name: key.name.clone(), ..key }, &[(ZONE, common::TEXT)]);
    let works = testing::open::<Rfc2136>(site.settings(), [ZONE]).and_then(|dns| dns.check());
    yes(works.is_ok())
}
