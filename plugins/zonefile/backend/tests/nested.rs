//! A zone that is added below another one, which has records of it.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::server::{Kind, Server};
use common::{Folder, ZONE, open_zones, reasons, record};
use serde_json::{Value, json};
use zonemux_plugin::testing::{ChangesBuilder, TestBackend};

const BELOW: &str = "n.example.org";

/// A folder with the zone and, not yet used, one below it.
fn folder() -> Folder {
    let folder = Folder::with_zone();
    let delegated = folder.read("zone").replace("$GENERATE", "n NS ns.n\n$GENERATE");
    folder.write("zone", &delegated);
    let managed = folder.path("below.zonemux").display().to_string();
    folder.write(
        "below",
        &format!(
            "$TTL 300\n@ SOA ns hostmaster 7 1h 1h 1h 1h\n@ NS ns\nns A 192.0.2.53\nmine A 192.0.2.99\n$INCLUDE {managed}\n"
        ),
    );
    folder
}

fn both(folder: &Folder, settings: Value) -> TestBackend {
    let mut settings = settings;
    settings["files"] = json!({ ZONE: folder.path("zone"), BELOW: folder.path("below") });
    open_zones(settings)
}

fn create(dns: &TestBackend) {
    let batch = ChangesBuilder::new()
        .create(record("www.n", "A", &["192.0.2.1"]))
        .create(record("a.n", "TXT", &["\"heritage=external-dns\""]))
        .create(record("mine.n", "A", &["192.0.2.2"]))
        .create(record("ns.n", "A", &["192.0.2.53"]))
        .create(record("sub.n", "CNAME", &["web.example.net"]))
        .create(record("www", "A", &["192.0.2.3"]));
    assert_eq!(reasons(dns, &batch), [""; 0]);
}

/// The lines of our records.
fn lines(folder: &Folder, file: &str) -> Vec<String> {
    folder.read(file).lines().filter(|line| !line.starts_with(';')).map(str::to_owned).collect()
}

#[test]
fn a_zone_that_is_added_below_takes_over_its_records() {
    let folder = folder();
    let dns = folder.open(json!({}));
    create(&dns);
    dns.close().unwrap();
    let above = folder.read("zone.zonemux");
    let dns = both(&folder, json!({}));
    let (zone, below) = (
        ["ns.n.example.org. 300 IN A 192.0.2.53", "www.example.org. 300 IN A 192.0.2.3"],
        [
            "a.n.example.org. 300 IN TXT \"heritage=external-dns\"",
            "sub.n.example.org. 300 IN CNAME web.example.net.",
            "www.n.example.org. 300 IN A 192.0.2.1",
        ],
    );
    assert_eq!(lines(&folder, "zone.zonemux"), zone);
    assert_eq!(lines(&folder, "below.zonemux"), below);
    assert!(folder.read("below").contains("hostmaster 8 1h"));
    // What is listed is what is changed.
    let www = dns.records().unwrap().into_iter().filter(|it| it.dns_name == "www.n.example.org");
    let [www] = &www.collect::<Vec<_>>()[..] else { panic!("once") };
    assert_eq!(reasons(&dns, &ChangesBuilder::new().delete(www.clone())), [""; 0]);
    assert!(!dns.records().unwrap().iter().any(|it| it.dns_name == "www.n.example.org"));
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(www.clone())), [""; 0]);
    dns.close().unwrap();

    // A process that ended between the two writes left it in both.
    folder.write("zone.zonemux", &above);
    both(&folder, json!({})).close().unwrap();
    assert_eq!(lines(&folder, "zone.zonemux"), zone);
    assert_eq!(lines(&folder, "below.zonemux"), below);
    // In order, nothing is written.
    let files = || ["zone", "zone.zonemux", "below", "below.zonemux"].map(|name| folder.read(name));
    let before = files();
    both(&folder, json!({})).close().unwrap();
    assert_eq!(files(), before);
}

#[test]
fn what_the_checker_refuses_there_stays_where_it_is() {
    let folder = folder();
    let dns = folder.open(json!({}));
    create(&dns);
    dns.close().unwrap();
    let before = folder.read("zone.zonemux");
    let script = "case \"$0\" in *below*) exit 1;; esac";
    let dns = both(&folder, json!({ "checker": ["sh", "-c", script, "{file}"] }));
    assert_eq!(folder.read("zone.zonemux"), before);
    assert_eq!(lines(&folder, "below.zonemux"), [""; 0]);
    assert!(dns.records().unwrap().iter().any(|it| it.dns_name == "www.n.example.org"));
}

#[test]
fn a_server_that_does_not_serve_the_deeper_zone_goes_on_with_the_one_above() {
    let folder = folder();
    let without = folder.read("zone").replace("n NS ns.n\n", "");
    folder.write("zone", &without);
    let dns = folder.open(json!({}));
    let www = record("www.n", "A", &["192.0.2.1"]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(www.clone())), [""; 0]);
    dns.close().unwrap();
    let server = Server::start(Kind::Bind, &folder);
    let mut settings = server.settings();
    settings["verify_timeout"] = json!("1");
    let dns = both(&folder, settings.clone());
    assert_eq!(server.dig(&www.dns_name, "A"), ["192.0.2.1"]);
    assert!(dns.records().unwrap().contains(&www));
    dns.close().unwrap();
    drop(server);

    let server = Server::start_with(Kind::Bind, &folder, &[(ZONE, "zone"), (BELOW, "below")], "");
    let dns = both(&folder, server.settings());
    assert_eq!(server.dig(&www.dns_name, "A"), ["192.0.2.1"]);
    assert_eq!(lines(&folder, "below.zonemux"), ["www.n.example.org. 300 IN A 192.0.2.1"]);
    assert_eq!(lines(&folder, "zone.zonemux"), [""; 0]);
    assert_eq!(reasons(&dns, &ChangesBuilder::new().delete(www.clone())), [""; 0]);
    assert_eq!(server.dig(&www.dns_name, "A"), [""; 0]);
}
