//! Views: two faces of one daemon, each with its own backends.

use serde_json::json;
use zonemux_test_support::{Site, create, names};

use crate::{ready, site};

/// Split horizon: `/` and `/internal` serve the same zone from two backends.
fn split_horizon() -> Site {
    let site = site();
    site.backend("outside", "memory", "example.org", "");
    site.backend("inside", "memory", "example.org corp.example.org", "");
    site.layer(
        "views",
        "[views.public]\npath = \"/\"\nbackends = [\"outside\"]\n\
         [views.internal]\npath = \"/internal\"\nbackends = [\"inside\"]",
    );
    site
}

#[test]
fn each_has_its_own_zones_and_records() {
    let daemon = ready(&split_horizon());
    let webhook = daemon.webhook();
    assert_eq!(webhook.get("/").json(), json!({ "include": ["example.org"] }));
    assert_eq!(webhook.get("/internal").json(), json!({ "include": ["corp.example.org", "example.org"] }));

    assert_eq!(webhook.post("/records", create(&["www.example.org"])).status, 204);
    assert_eq!(webhook.post("/internal/records", create(&["db.corp.example.org"])).status, 204);
    assert_eq!(names(&webhook.get("/records")), ["www.example.org"]);
    assert_eq!(names(&webhook.get("/internal/records")), ["db.corp.example.org"]);
    let by_view =
        |view| daemon.metric("zonemux_http_requests_total", &[("view", view), ("route", "/records")]);
    assert_eq!((by_view("public"), by_view("internal")), (2.0, 2.0));
}

#[test]
fn a_query_and_every_address_serve_the_same() {
    let daemon = ready(&split_horizon());
    for webhook in daemon.webhooks() {
        assert_eq!(webhook.get("/internal/?x=y").json()["include"][0], "corp.example.org");
        assert_eq!(names(&webhook.get("/internal/records?x=y")), [""; 0]);
    }
}

#[test]
fn where_there_is_nothing_the_views_are_named() {
    let daemon = ready(&split_horizon());
    insta::assert_snapshot!(daemon.webhook().get("/external/records").shown());
}

#[test]
fn within_a_view_the_longest_zone_takes_a_name_and_the_lists_are_joined() {
    let site = site();
    site.backend("wide", "memory", "example.org", "");
    site.backend("deep", "memory", "sub.example.org", "");
    let daemon = ready(&site);
    let batch = create(&["a.example.org", "b.sub.example.org", "c.notsub.example.org"]);
    assert_eq!(daemon.webhook().post("/records", batch).status, 204);
    let listed = names(&daemon.webhook().get("/records"));
    assert_eq!(listed, ["a.example.org", "b.sub.example.org", "c.notsub.example.org"]);
    let applied =
        |backend| daemon.metric("zonemux_changes_total", &[("backend", backend), ("outcome", "applied")]);
    assert_eq!((applied("wide"), applied("deep")), (2.0, 1.0));
}

#[test]
fn a_name_outside_every_zone_is_refused_for_itself() {
    let site = site();
    site.backend("lan", "memory", "example.org", "");
    let daemon = ready(&site);
    let batch = create(&["a.example.org", "b.notexample.org", "example.com", "c..example.org"]);
    assert_eq!(daemon.webhook().post("/records", batch).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);

    let refused = daemon.metric("zonemux_changes_total", &[("backend", ""), ("outcome", "refused")]);
    assert!((refused - 3.0).abs() < f64::EPSILON, "{refused}");
    let lines = daemon.logged("change refused");
    let told: Vec<&str> = lines.iter().map(|line| line["dns_name"].as_str().unwrap()).collect();
    assert_eq!(told, ["b.notexample.org", "example.com", "c..example.org"]);
    assert!(lines.iter().all(|line| line["reason"].is_string() && line["level"] == "WARN"), "{lines:?}");
}
