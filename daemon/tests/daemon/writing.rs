//! Applies: detached from their callers, one after the other, all backends together.

use zonemux_test_support::{Connection, Daemon, Request, Site, create, eventually, names};

use crate::{flaky, ready, site};

const LATE: &str = r#"{"behaviour": "late", "on": ["apply"], "delay": 1500}"#;

fn with_deadline(site: &Site, deadline: &str) -> Daemon {
    site.layer("deadline", &format!("[webhook]\ndeadline = \"{deadline}\""));
    ready(site)
}

fn post(daemon: &Daemon, name: &str) -> Connection {
    daemon.webhook().send(&Request::post("/records", create(&[name])))
}

fn begun(daemon: &Daemon) -> usize {
    daemon.logged("batch begun").len()
}

fn wait_begun(daemon: &Daemon, batches: usize) {
    eventually("a batch is begun", || (begun(daemon) == batches).then_some(()));
}

/// Batches of which something was applied.
fn ended(daemon: &Daemon) -> usize {
    daemon.logged("batch done").iter().filter(|line| line["applied"].as_u64() > Some(0)).count()
}

fn wait_ended(daemon: &Daemon, batches: usize) {
    eventually("a batch has ended", || (ended(daemon) == batches).then_some(()));
}

fn listed(daemon: &Daemon) -> Vec<String> {
    names(&daemon.webhook().get("/records"))
}

#[test]
fn a_client_that_hangs_up_has_asked_all_the_same() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", LATE);
    let waiting = post(&daemon, "a.example.org");
    wait_begun(&daemon, 1);
    drop(waiting);
    wait_ended(&daemon, 1);
    assert_eq!(listed(&daemon), ["a.example.org"]);
}

#[test]
fn batches_of_one_backend_are_applied_in_the_order_of_their_arrival() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["apply"], "delay": 700}"#);
    let mut waiting = Vec::new();
    for (index, name) in ["a.example.org", "b.example.org", "c.example.org"].into_iter().enumerate() {
        waiting.push(post(&daemon, name));
        // The next is sent when this one stands in the queue, or runs.
        let arrived = index + 1;
        let waits = || daemon.logged("batch waits for its turn").len();
        eventually("the batch has arrived", || (waits() == arrived).then_some(()));
    }
    for connection in &mut waiting {
        assert_eq!(connection.answer().status, 204);
    }
    eventually("the log is here", || (daemon.logged("batch done").len() == 3).then_some(()));
    let log = daemon.log();
    let order: Vec<&str> = log
        .iter()
        .filter_map(|line| match line["message"].as_str()? {
            "batch begun" => Some("begun"),
            "change applied" => line["dns_name"].as_str(),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["begun", "a.example.org", "begun", "b.example.org", "begun", "c.example.org"]);
}

#[test]
fn a_batch_that_could_not_begin_in_time_is_dropped() {
    let site = flaky();
    let daemon = with_deadline(&site, "700ms");
    site.misbehave("lan", r#"{"behaviour": "late", "on": ["apply"], "delay": 2000}"#);
    let mut first = post(&daemon, "a.example.org");
    wait_begun(&daemon, 1);
    let mut second = post(&daemon, "b.example.org");
    assert_eq!((first.answer().status, second.answer().status), (503, 503));
    let line = eventually("the call failed", || {
        daemon
            .logged("batch not begun")
            .into_iter()
            .find(|line| line["error"].as_str().unwrap_or("").contains("not begun"))
    });
    assert_eq!(line["backend"], "lan");
    wait_ended(&daemon, 1);
    site.misbehave("lan", "healthy");
    // The first went on after its call was answered; the second never began, not even now.
    assert_eq!(listed(&daemon), ["a.example.org"]);
    assert_eq!(begun(&daemon), 1);
}

#[test]
fn one_that_outlives_its_call_is_503_and_goes_on() {
    let site = flaky();
    let daemon = with_deadline(&site, "500ms");
    site.misbehave("lan", LATE);
    let answer = daemon.webhook().post("/records", create(&["a.example.org"]));
    assert_eq!(answer.status, 503, "{}", answer.shown());
    daemon.wait_logged("the apply goes on after its call was answered");
    wait_ended(&daemon, 1);
    site.misbehave("lan", "healthy");
    assert_eq!(listed(&daemon), ["a.example.org"]);
    let applied = daemon.metric("zonemux_changes_total", &[("backend", "lan"), ("outcome", "applied")]);
    assert!((applied - 1.0).abs() < f64::EPSILON, "{applied}");
}

#[test]
fn one_that_never_ends_is_given_up_at_its_own_limit() {
    let site = site();
    site.flaky_with("lan", "example.org", "apply_timeout = \"1s\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["apply"]}"#);
    let answer = daemon.webhook().post("/records", create(&["a.example.org"]));
    assert_eq!(answer.status, 503, "{}", answer.shown());
    let line = daemon.wait_logged("batch failed");
    assert!(line["error"].as_str().unwrap().contains("applying took longer than 1s"), "{line}");
    site.misbehave("lan", "healthy");
    assert_eq!(daemon.webhook().post("/records", create(&["b.example.org"])).status, 204);
}

#[test]
fn nobody_writes_beside_one_that_was_given_up_and_goes_on() {
    let site = site();
    site.flaky_with("lan", "example.org", "apply_timeout = \"3s\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["apply"]}"#);
    let mut given_up = post(&daemon, "a.example.org");
    daemon.wait_logged(
        "an apply that was given up goes on, since the plugin holds its thread; nothing is written beside it",
    );
    let next = post(&daemon, "b.example.org");
    eventually("the next one stands in the queue", || {
        (daemon.logged("batch waits for its turn").len() == 2).then_some(())
    });
    assert_eq!(begun(&daemon), 1);
    // Its thread is free again, long before it would have been given up for good.
    site.misbehave("lan", "healthy");
    assert_eq!(given_up.answer().status, 503);
    assert_eq!({ next }.answer().status, 204);
    assert!(
        daemon
            .logged(
                "an apply that was given up does not end; what it writes from now on is seen only in a list"
            )
            .is_empty()
    );
}

#[test]
fn when_one_backend_fails_the_others_have_applied() {
    let site = flaky();
    site.backend("edge", "memory", "example.net", "");
    let daemon = ready(&site);
    for how in ["fail", "panic", "fail-config"] {
        site.misbehave("lan", &format!(r#"{{"behaviour": "{how}", "on": ["apply"]}}"#));
        let other = format!("{how}.example.net");
        let answer = daemon.webhook().post("/records", create(&["a.example.org", &other]));
        assert_eq!(answer.status, 503, "{how}: {}", answer.shown());
        assert!(answer.text().contains("`lan`") && !answer.text().contains("`edge`"), "{}", answer.text());
    }
    assert_eq!(listed(&daemon), ["fail-config.example.net", "fail.example.net", "panic.example.net"]);
    let outcome = |backend, outcome| {
        daemon.metric("zonemux_changes_total", &[("backend", backend), ("outcome", outcome)])
    };
    assert_eq!((outcome("lan", "failed"), outcome("edge", "applied")), (3.0, 3.0));
}

#[test]
fn a_slow_backend_does_not_hold_up_another() {
    let site = flaky();
    site.backend("edge", "memory", "example.net", "");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "hang", "on": ["apply"]}"#);
    let _waiting = post(&daemon, "a.example.org");
    wait_begun(&daemon, 1);
    assert_eq!(daemon.webhook().post("/records", create(&["b.example.net"])).status, 204);
}

#[test]
fn a_record_that_is_refused_does_not_sink_the_others() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "refuse", "match": "bad"}"#);
    let batch = create(&["good.example.org", "bad.example.org", "fine.example.org", "bad-too.example.org"]);
    assert_eq!(daemon.webhook().post("/records", batch).status, 204);
    site.misbehave("lan", "healthy");
    assert_eq!(listed(&daemon), ["fine.example.org", "good.example.org"]);
    let outcome = |outcome| {
        daemon.metric(
            "zonemux_changes_total",
            &[("backend", "lan"), ("action", "create"), ("outcome", outcome)],
        )
    };
    assert_eq!((outcome("applied"), outcome("quarantined"), outcome("failed")), (2.0, 2.0, 0.0));
    let told: Vec<_> =
        daemon.logged("change not applied").iter().map(|line| line["dns_name"].clone()).collect();
    assert_eq!(told, ["bad.example.org", "bad-too.example.org"]);
}
