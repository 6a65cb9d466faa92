//! `zonemux plan`, with a daemon and without one.

use serde_json::{Value, json};
use zonemux_test_support::{Daemon, Site, create, delete, names, record};

use crate::{memory, ready, site};

/// A site that keeps ten records, and whose guard lets three of them be deleted.
fn ten() -> (Site, Daemon, Vec<String>) {
    let site = site();
    let keys = "[backends.lan.guards]\nprotect = [\"keep.example.org *\"]";
    site.backend_with("lan", "memory", "example.org", keys, "file = \"lan.records\"");
    let daemon = ready(&site);
    let names: Vec<String> = (0..10).map(|number| format!("r{number}.example.org")).collect();
    let short: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(daemon.webhook().post("/records", create(&short)).status, 204);
    (site, daemon, names)
}

fn write(site: &Site, changes: &Value) {
    site.write("changes.json", changes.to_string());
}

/// Everything that the state directory and the backend have.
fn stored(site: &Site) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("records".to_owned(), std::fs::read(site.path("conf.d/lan.records")).unwrap())];
    for what in ["held", "grants", "quarantine", "ownership", "unconfirmed"] {
        let path = site.path("state/control/lan").join(what);
        files.push((what.to_owned(), std::fs::read(path).unwrap_or_default()));
    }
    files.push(("journal".to_owned(), std::fs::read(site.path("state/journal/journal.jsonl")).unwrap()));
    files
}

#[test]
fn plan_writes_nothing_and_says_what_a_guard_holds() {
    let (site, daemon, names_there) = ten();
    let four: Vec<&str> = names_there.iter().take(4).map(String::as_str).collect();
    let mut changes = delete(&four);
    changes["create"] = json!([
        record("new.example.org"),
        record("r9.example.org"),
        record("keep.example.org"),
        record("elsewhere.example.net"),
    ]);
    changes["updateOld"] = json!([record("r8.example.org")]);
    changes["updateNew"] =
        json!([{ "dnsName": "r8.example.org", "targets": ["192.0.2.8"], "recordType": "A" }]);
    write(&site, &changes);

    let text = site.run(&["plan", "changes.json"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(3), ""), "{text:?}");
    insta::assert_snapshot!(text.stdout);
    assert_eq!(names(&daemon.webhook().get("/records")), names_there);
    assert_eq!(daemon.status()["backends"][0]["safety"]["held"]["total"], 0);

    daemon.stop();
    let before = stored(&site);
    let alone = site.run(&["plan", "changes.json"]);
    assert_eq!((alone.code, alone.stderr.as_str()), (Some(3), ""), "{alone:?}");
    assert_eq!(alone.stdout, text.stdout);
    assert!(stored(&site) == before, "something was written");
    let json = site.run(&["plan", "changes.json", "--output", "json"]);
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["units"][0]["outcome"], "held", "{report}");
    assert_eq!(json.code, Some(3));
}

#[test]
fn its_code_says_whether_there_is_something_to_do() {
    let (site, daemon, _) = ten();
    let code = |changes: Value| {
        write(&site, &changes);
        site.run(&["plan", "changes.json"]).code
    };
    let compare = || {
        assert_eq!(code(json!({})), Some(0));
        assert_eq!(code(create(&["r0.example.org", "r1.example.org"])), Some(0), "they are there");
        assert_eq!(code(delete(&["gone.example.org"])), Some(0), "it is not there");
        assert_eq!(code(create(&["r0.example.org", "new.example.org"])), Some(2));
        assert_eq!(code(create(&["new.example.org", "keep.example.org"])), Some(3));
        let other = json!({ "delete": [
            { "dnsName": "r0.example.org", "targets": ["192.0.2.99"], "recordType": "A" } ] });
        assert_eq!(code(other), Some(1), "what is there is not what is to be deleted");
    };
    compare();
    daemon.stop();
    compare();
}

#[test]
fn what_was_refused_before_is_known_to_the_plan() {
    let site = crate::flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "refuse", "on": ["apply"], "match": "bad"}"#);
    assert_eq!(daemon.webhook().post("/records", create(&["bad.example.org"])).status, 204);
    write(&site, &create(&["bad.example.org"]));
    let plan = site.run(&["plan", "changes.json"]);
    assert_eq!(plan.code, Some(2), "{plan:?}");
    assert!(plan.stdout.starts_with("quarantined  lan  create  bad.example.org A"), "{plan:?}");
}

#[test]
fn a_file_that_can_not_be_read_is_said_with_its_place() {
    let site = memory();
    site.write("changes.json", r#"{"create": [{"dnsName": 7}]}"#);
    let compare = || {
        let wrong = site.run(&["plan", "changes.json"]);
        let missing = site.run(&["plan", "nowhere.json"]);
        assert_eq!((wrong.code, missing.code), (Some(1), Some(1)));
        format!("{}\n{}", wrong.stderr, missing.stderr)
    };
    let alone = compare();
    insta::assert_snapshot!(alone);
    let _daemon = ready(&site);
    assert_eq!(compare(), alone);
}
