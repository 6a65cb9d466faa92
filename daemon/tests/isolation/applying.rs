//! The end of a process in the middle of an apply: what was done is not known, so it is found out by a list, and
//! the batch is never sent again.

use std::fs;

use crate::*;

/// How many batches the plugin was given.
fn applies(site: &Site) -> usize {
    let calls = fs::read_to_string(site.path("lan/calls")).unwrap_or_default();
    calls.lines().filter(|line| line.starts_with("apply")).count()
}

#[track_caller]
fn is_never_replayed(behaviour: &str, reasons: &[&str]) {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let before = applies(&site);
    // Two records are written, and then it is over.
    misbehave_with(&site, behaviour, &["apply"], &json!({ "half": true }));
    let batch = create(&["a.example.org", "b.example.org", "c.example.org", "d.example.org"]);
    let answer = daemon.webhook().post("/records", &batch);
    assert_eq!(answer.status, 503, "{}", answer.shown());
    restarted(&daemon, "lan", 1, reasons);
    edge_works(&daemon, "a");
    misbehave(&site, "healthy", &[]);
    // What the next list says is what is there: half of it.
    let found = eventually("it lists again by itself", || {
        let answer = daemon.webhook().get("/records");
        let found = names(&answer);
        (looks::backend(&daemon, "lan")["state"] == "up" && found.len() > 1).then_some(found)
    });
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(applies(&site), before + 1, "nobody asked for a second time");
    // Who asked plans anew, with the rest.
    let rest = ["a.example.org", "b.example.org", "c.example.org", "d.example.org"];
    let rest: Vec<&str> = rest.into_iter().filter(|name| !found.contains(&(*name).to_owned())).collect();
    assert_eq!(daemon.webhook().post("/records", create(&rest)).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")).len(), 5);
    assert_eq!(applies(&site), before + 2);
}

#[test]
fn a_batch_that_a_segfault_cut_is_listed_anew_and_never_replayed() {
    is_never_replayed("segfault", &["segfault"]);
}

#[test]
fn a_batch_that_an_exit_cut_is_listed_anew_and_never_replayed() {
    is_never_replayed("exit", &["exit"]);
}

#[test]
fn a_batch_that_hangs_is_cut_listed_anew_and_never_replayed() {
    is_never_replayed("spin", &["unresponsive"]);
}

#[test]
fn a_list_that_is_cut_by_the_end_is_never_shown() {
    let site = two();
    let daemon = ready(&site);
    let all = ["a.example.org", "b.example.org", "c.example.org", "kept.example.org"];
    assert_eq!(daemon.webhook().post("/records", create(&all)).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")), all);
    misbehave_with(&site, "segfault", &["records"], &json!({ "half": true }));
    for path in ["/records", "/both/records"] {
        let answer = daemon.webhook().get(path);
        assert!(answer.status == 503 || names(&answer) == all, "{}", answer.shown());
    }
    restarted(&daemon, "lan", 1, &["segfault"]);
}
