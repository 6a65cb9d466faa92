//! What an answer promises, and what becomes of an apply that outlives its call.

use serde_json::json;
use zonemux_test_support::{Request, eventually};

use crate::{calls, create, endpoint, listed, many, owned, ownership, post, ready, site};

const SLOW: &str = r#"{"behaviour": "late", "on": ["apply"], "delay": 3000}"#;

#[test]
fn success_is_what_was_done_and_what_the_operator_refuses_but_nothing_held_or_failed() {
    let site = site("guards = { types = [\"A\"], max_deletes = 0 }", "");
    let daemon = ready(&site);
    let text =
        [endpoint("text.example.org", "TXT", "hello"), endpoint("elsewhere.example.net", "A", "192.0.2.1")];
    assert_eq!(create(&daemon, &[&text[..], &owned("www.example.org")].concat()), 204);
    assert_eq!(listed(&daemon), ["a-www.example.org TXT owned", "www.example.org A 192.0.2.1"]);
    assert_eq!(post(&daemon, &json!({ "delete": owned("www.example.org") })), 503);
}

#[test]
fn what_runs_already_is_joined_and_not_begun_again() {
    let site = site("", "");
    site.layer("deadline", "[webhook]\ndeadline = \"2s\"");
    let daemon = ready(&site);
    site.misbehave("lan", SLOW);
    assert_eq!(create(&daemon, &many("www", 2)), 503, "it outlives its call");
    // The same changes, and nothing else: they are waited for.
    eventually("the apply that runs is joined to its end", || {
        (create(&daemon, &many("www", 2)) == 204).then_some(())
    });
    let () = ();
    assert_eq!(calls(&site, "apply"), ["apply 4"]);
    assert!(!daemon.logged("these changes are being applied already; waiting for that").is_empty());
}

#[test]
fn what_a_running_apply_does_not_contain_waits_for_its_end_and_a_fresh_list() {
    let site = site("", "");
    let daemon = ready(&site);
    listed(&daemon);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["apply"], "delay": 1000}"#);
    let first =
        daemon.webhook().send(&Request::post("/records", json!({ "create": owned("a.example.org") })));
    eventually("it is begun", || (!daemon.logged("batch begun").is_empty()).then_some(()));
    let lists = calls(&site, "records").len();
    let both = [owned("a.example.org"), owned("b.example.org")].concat();
    assert_eq!(create(&daemon, &both), 204);
    assert_eq!({ first }.answer().status, 204);
    assert_eq!(calls(&site, "apply"), ["apply 2", "apply 2"]);
    assert_eq!(calls(&site, "records").len(), lists + 1, "compared with a list of after the first");
}

#[test]
fn a_change_planned_on_what_is_no_longer_so_is_planned_anew() {
    let site = site("", "");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("www.example.org")), 204);
    // Two clients of one view plan on one list.
    listed(&daemon);
    let update = |target: &str| {
        json!({
            "updateOld": [endpoint("www.example.org", "A", "192.0.2.1")],
            "updateNew": [endpoint("www.example.org", "A", target)],
        })
    };
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["apply"], "delay": 1000}"#);
    let first = daemon.webhook().send(&Request::post("/records", update("192.0.2.10")));
    eventually("it is begun", || (daemon.logged("batch begun").len() > 1).then_some(()));
    listed(&daemon);
    assert_eq!(post(&daemon, &update("192.0.2.20")), 503);
    assert_eq!({ first }.answer().status, 204);
    let lines = listed(&daemon);
    assert!(lines.contains(&"www.example.org A 192.0.2.10".to_owned()), "{lines:?}");
}

#[test]
fn an_old_batch_is_never_run_from_a_queue_after_its_call_was_answered() {
    let site = site("", "");
    site.layer("deadline", "[webhook]\ndeadline = \"1s\"");
    let daemon = ready(&site);
    assert_eq!(create(&daemon, &owned("x.example.org")), 204);
    listed(&daemon);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["apply"], "delay": 3000}"#);
    assert_eq!(create(&daemon, &owned("slow.example.org")), 503);
    // Not begun by its deadline: x may have come back by the time that there is room.
    assert_eq!(post(&daemon, &json!({ "delete": owned("x.example.org") })), 503);
    site.misbehave("lan", "healthy");
    eventually("the slow one has ended", || (listed(&daemon).len() == 4).then_some(()));
    assert!(listed(&daemon).contains(&"x.example.org A 192.0.2.1".to_owned()));
    assert_eq!(calls(&site, "apply").len(), 2);
}

#[test]
fn one_backend_that_hangs_costs_the_others_nothing() {
    let site = site("", "");
    crate::backend(&site, "edge", "example.net", "", "");
    site.layer("deadline", "[webhook]\ndeadline = \"2s\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["apply"]}"#);
    let records = [owned("www.example.org"), vec![endpoint("www.example.net", "A", "192.0.2.9")]].concat();
    assert_eq!(create(&daemon, &records), 503);
    assert!(listed(&daemon).contains(&"www.example.net A 192.0.2.9".to_owned()));
    assert_eq!(
        create(&daemon, &[ownership("x.example.net", "A"), endpoint("x.example.net", "A", "192.0.2.9")]),
        204
    );
}

#[test]
fn a_create_planned_before_somebody_elses_is_planned_anew_whatever_was_listed_since() {
    let site = site("", "");
    let daemon = ready(&site);
    listed(&daemon);
    assert_eq!(create(&daemon, &[endpoint("www.example.org", "A", "192.0.2.1")]), 204);
    // A list shows the other's record to everybody in this view; this plan is of before.
    listed(&daemon);
    assert_eq!(create(&daemon, &[endpoint("www.example.org", "A", "192.0.2.2")]), 503);
    assert_eq!(listed(&daemon), ["www.example.org A 192.0.2.1"]);
}

#[test]
fn an_apply_that_goes_on_shows_in_the_status_how_far_it_is() {
    let site = site("", "");
    site.layer("fast", "[webhook]\ndeadline = \"1s\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["apply"]}"#);
    assert_eq!(create(&daemon, &[owned("a.example.org"), owned("b.example.org")].concat()), 503);
    let shown = site.run(&["status"]).stdout;
    assert!(shown.contains("\n  applying 2 units for ") && shown.contains(", 0 done\n"), "{shown}");
}
