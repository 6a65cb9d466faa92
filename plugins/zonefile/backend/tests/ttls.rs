//! RRsets whose records have several TTLs, and records that take theirs from elsewhere: what is listed is
//! what the server answers.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::collections::BTreeMap;

use common::server::{Kind, Server};
use common::{Folder, ZONE, reasons, record};
use serde_json::json;
use zonemux_plugin::testing::ChangesBuilder;

const NAMES: [&str; 10] =
    ["adjacent", "apart", "mixed", "twice", "groups", "over", "inside", "behind", "other", "include"];

fn folder() -> Folder {
    let folder = Folder::empty();
    folder.write("part", "$TTL 77\ninside A 192.0.2.1\ninclude 14 A 192.0.2.2\n");
    let (part, managed) = (folder.path("part"), folder.path("zone.zonemux"));
    folder.write(
        "zone",
        &format!(
            "$TTL 100\n@ 3600 IN SOA ns h 1 2 3 4 5\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n\
             adjacent 3600 A 192.0.2.1\nadjacent 300 A 192.0.2.2\nadjacent 900 A 192.0.2.3\n\
             apart 3600 A 192.0.2.1\nother 60 A 192.0.2.1\napart 300 A 192.0.2.2\n\
             mixed 10 A 192.0.2.1\nmixed 20 TXT x\nmixed 30 A 192.0.2.2\n\
             twice 40 A 192.0.2.1\nother A 192.0.2.2\ntwice 50 A 192.0.2.1\n\
             groups 5 A 192.0.2.1\ngroups 6 A 192.0.2.2\nother 61 A 192.0.2.3\ngroups 7 A 192.0.2.3\n\
             groups 8 A 192.0.2.4\n\
             over 0 A 192.0.2.1\n\
             include 13 A 192.0.2.1\n$INCLUDE {}\ninclude 15 A 192.0.2.3\nbehind A 192.0.2.1\n\
             $INCLUDE {}\n",
            part.display(),
            managed.display()
        ),
    );
    folder
}

/// The lowest TTL of the A records of each name, as the server answers them.
fn served(server: &Server) -> BTreeMap<&'static str, u32> {
    let ttl = |name| {
        let answer =
            server.running().dig(&[&format!("{name}.{ZONE}"), "A", "+norecurse", "+noall", "+answer"]);
        let ttls = answer.lines().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap());
        (name, ttls.min().unwrap_or_else(|| panic!("{name} is not answered")))
    };
    NAMES.into_iter().map(ttl).collect()
}

fn ttls_are_listed_as_they_are_served(kind: Kind) {
    let folder = folder();
    folder.open(json!({})).close().unwrap();
    let server = Server::start(kind, &folder);
    let dns = folder.open(server.settings());
    let listed = dns.records().unwrap();
    let listed: BTreeMap<&str, u32> = NAMES
        .into_iter()
        .map(|name| {
            let is_it = |dns_name: &str| dns_name.strip_suffix(ZONE) == Some(&format!("{name}."));
            (name, listed.iter().find(|it| is_it(&it.dns_name) && it.record_type == "A").unwrap().record_ttl)
        })
        .collect();
    assert_eq!(listed, served(&server));
    dns.close().unwrap();

    // Nor does a file change a TTL that zonemux writes as a whole from now on.
    folder.write("zone.zonemux", "; nothing\n");
    let mut settings = server.settings();
    settings["mode"] = json!("whole");
    let dns = folder.open(settings);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"]))), [""; 0]);
    assert_eq!(served(&server), listed);
}

#[test]
fn of_bind() {
    ttls_are_listed_as_they_are_served(Kind::Bind);
}

#[test]
fn of_nsd() {
    ttls_are_listed_as_they_are_served(Kind::Nsd);
}

#[test]
fn of_knot() {
    ttls_are_listed_as_they_are_served(Kind::Knot);
}
