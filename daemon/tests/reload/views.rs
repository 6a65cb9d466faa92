//! Views that come, go and change.

use std::fs;

use serde_json::json;
use zonemux_test_support::{Request, create, names, record};

use crate::{flaky, ready, reloaded, site};

const BOTH: &str = "[views.default]\nbackends = [\"lan\"]\n\
                    [views.internal]\npath = \"/internal\"\nbackends = [\"edge\"]";

#[test]
fn a_removed_view_answers_503() {
    let site = flaky();
    site.flaky("edge", "example.net");
    site.layer("views", BOTH);
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().get("/internal/records").status, 200);

    fs::remove_file(site.path("conf.d/backend-edge.toml")).unwrap();
    site.layer("views", "[views.default]\nbackends = [\"lan\"]");
    reloaded(&site);
    for _ in 0..2 {
        let webhook = daemon.webhook();
        for answer in [
            webhook.get("/internal"),
            webhook.get("/internal/records"),
            webhook.post("/internal/records", create(&["a.example.net"])),
            webhook.post("/internal/adjustendpoints", json!([record("a.example.net")])),
        ] {
            assert_eq!(answer.status, 503, "{}", answer.shown());
            assert!(answer.text().contains("view `internal` is no longer"), "{}", answer.text());
        }
        // For as long as the process lives, and not only until the next reload.
        reloaded(&site);
    }
    let nowhere = daemon.webhook().get("/nosuch/records");
    assert_eq!(nowhere.status, 404);
    assert!(!nowhere.text().contains("/internal"), "what is gone is not offered: {}", nowhere.text());
    assert_eq!(daemon.webhook().get("/records").status, 200);

    site.flaky("edge", "example.net");
    site.layer("views", BOTH);
    reloaded(&site);
    assert_eq!(daemon.webhook().get("/internal/records").status, 200);
}

#[test]
fn a_view_that_moves_leaves_503_behind() {
    let site = flaky();
    site.layer("views", "[views.default]\npath = \"/old\"\nbackends = [\"lan\"]");
    let daemon = ready(&site);
    site.layer("views", "[views.default]\npath = \"/new\"\nbackends = [\"lan\"]");
    reloaded(&site);
    assert_eq!(daemon.webhook().get("/old/records").status, 503);
    assert_eq!(daemon.webhook().get("/new/records").status, 200);
}

#[test]
fn changed_zones_are_said_to_need_a_restart_of_externaldns() {
    let site = flaky();
    let daemon = ready(&site);
    site.flaky("lan", "example.org example.com");
    let outcome = reloaded(&site);
    let warning = &outcome["warnings"][0];
    assert_eq!(warning["key"], "views.default");
    assert_eq!(warning["message"], "the view's zones have changed: added example.com");
    assert!(warning["hint"].as_str().unwrap().contains("restart the ExternalDNS"), "{warning}");
    let line = daemon.wait_logged("the view's zones have changed");
    assert_eq!((&line["level"], &line["key"]), (&json!("WARN"), &json!("views.default")));
    assert_eq!(daemon.webhook().get("/").json(), json!({ "include": ["example.com", "example.org"] }));
    assert_eq!(reloaded(&site)["warnings"], json!([]));
}

#[test]
fn a_kept_backend_lists_by_the_new_zones_of_its_neighbours() {
    let site = site();
    site.flaky("lan", "example.org");
    let daemon = ready(&site);
    let all = ["a.example.org", "a.sub.example.org"];
    assert_eq!(daemon.webhook().post("/records", create(&all)).status, 204);
    // A listing of before is under way when the neighbour comes: it must not be joined afterwards.
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["records"], "delay": 1500}"#);
    let mut waiting = daemon.webhook().send(&Request::get("/records"));
    daemon.wait_logged("listing begun");
    site.flaky("edge", "sub.example.org");
    reloaded(&site);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
    assert_eq!(names(&waiting.answer()), all);
    fs::remove_file(site.path("conf.d/backend-edge.toml")).unwrap();
    reloaded(&site);
    assert_eq!(names(&daemon.webhook().get("/records")), all);
}

#[test]
fn a_password_that_was_changed_counts_at_once() {
    let site = flaky();
    let with = |password: &str| {
        let auth = format!("[views.default.auth]\nuser = \"externaldns\"\npassword = \"{password}\"");
        site.layer("views", &format!("[views.default]\nbackends = [\"lan\"]\n{auth}"));
    };
    with("first");
    let daemon = ready(&site);
    let call = |basic: &str| {
        let request = Request::get("/records").header("Authorization", &format!("Basic {basic}"));
        daemon.webhook().send(&request).answer().status
    };
    // externaldns:first and externaldns:second
    let (first, second) = ("ZXh0ZXJuYWxkbnM6Zmlyc3Q=", "ZXh0ZXJuYWxkbnM6c2Vjb25k");
    assert_eq!(call(first), 200);
    with("second");
    reloaded(&site);
    assert_eq!(call(second), 200);
    assert_eq!(call(first), 401);
}
