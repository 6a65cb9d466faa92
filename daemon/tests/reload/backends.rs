//! Which backends are opened anew, and when the old ones are closed.

use std::fs;

use zonemux_test_support::{Request, Signal, create, eventually, names};

use crate::{flaky, opened, ready, reloaded, site};

fn wait_closed(daemon: &zonemux_test_support::Daemon, count: usize) {
    eventually("the old instance is closed", || {
        (daemon.logged("backend of before the reload closed").len() == count).then_some(())
    });
}

#[test]
fn an_unchanged_backend_keeps_its_instance() {
    let site = flaky();
    site.flaky("edge", "example.net");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org", "a.example.net"])).status, 204);
    // One changed in what its plugin is told, the other not at all.
    site.flaky_with("edge", "example.net", "timeout = \"9s\"");
    assert_eq!(reloaded(&site)["generation"], 2);
    wait_closed(&daemon, 1);
    assert_eq!((opened(&daemon, "lan"), opened(&daemon, "edge")), (1, 2));
    // Records in memory tell the instances apart.
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
}

#[test]
fn a_removed_backend_leaves_no_series_behind() {
    let site = flaky();
    site.flaky("edge", "example.net");
    let daemon = ready(&site);
    let series = |backend| daemon.metrics().sum("zonemux_backend_up", &[("backend", backend)]);
    assert!(series("edge").is_some() && series("lan").is_some());
    fs::remove_file(site.path("conf.d/backend-edge.toml")).unwrap();
    reloaded(&site);
    wait_closed(&daemon, 1);
    assert_eq!(series("edge"), None, "a gauge would tell for ever what was last true");
    assert!(series("lan").is_some());
}

#[test]
fn a_policy_does_not_reopen_a_plugin() {
    let site = flaky();
    let daemon = ready(&site);
    let digest = daemon.wait_logged("loading plugin")["sha256"].as_str().unwrap().to_owned();
    site.flaky_with("lan", "example.org", &format!("sha256 = \"{digest}\""));
    reloaded(&site);
    assert_eq!(opened(&daemon, "lan"), 1);
    // Policies are in force at once, for the same instance.
    site.layer("policy", "[backends.lan.guards]\nread_only = true\n[backends.lan.ttl]\nmin = \"10m\"");
    reloaded(&site);
    assert_eq!(opened(&daemon, "lan"), 1);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
    assert_eq!(names(&daemon.webhook().get("/records")), [""; 0], "it is read-only");
    let body = serde_json::json!([zonemux_test_support::record("a.example.org")]);
    assert_eq!(daemon.webhook().post("/adjustendpoints", body).json()[0]["recordTTL"], 600);
    // So is the pin.
    site.flaky_with("lan", "example.org", &format!("sha256 = \"{}\"", "0".repeat(64)));
    let (keys, _) = crate::refused(&site);
    assert_eq!(keys, ["backends.lan.plugin"]);
}

#[test]
fn a_replaced_plugin_file_runs_its_new_code() {
    let site = site();
    let file = site.install("flaky");
    site.backend("lan", "memory", "example.org", "");
    let memory = site.path("plugins/libzonemux_memory.so");
    let kept = site.path("kept.so");
    fs::rename(&memory, &kept).unwrap();
    // The plugin `flaky` under the name of the plugin `memory`.
    fs::copy(&file, &memory).unwrap();
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);

    // As a package manager does it: another file takes the place of the old one.
    fs::rename(&kept, &memory).unwrap();
    reloaded(&site);
    assert_eq!(opened(&daemon, "lan"), 2);
    daemon.wait_logged("the plugin's file was replaced");
    assert_eq!(names(&daemon.webhook().get("/records")), [""; 0]);
    // What only the old code takes, the new one refuses.
    site.layer("settings", "[backends.lan.settings]\nbehaviour = \"healthy\"");
    let (keys, _) = crate::refused(&site);
    assert_eq!(keys, ["backends.lan.settings.behaviour"]);
}

#[test]
fn a_new_backend_is_open_before_it_serves() {
    let site = flaky();
    let daemon = ready(&site);
    site.flaky("edge", "example.net");
    site.misbehave("edge", r#"{"behaviour": "late", "on": ["open"], "delay": 1500}"#);
    let waiting = std::thread::scope(|scope| {
        let reloading = scope.spawn(|| reloaded(&site));
        daemon.wait_logged("reloading the configuration");
        // Meanwhile the generation of before serves, at once.
        while !reloading.is_finished() {
            assert_eq!(daemon.webhook().get("/records").status, 200);
            assert_eq!(daemon.admin().get("/readyz").status, 200);
        }
        reloading.join().unwrap()
    });
    assert_eq!(waiting["generation"], 2);
    assert_eq!(daemon.admin().get("/readyz").text(), "edge: up\nlan: up\n");
}

#[test]
fn a_backend_that_is_down_does_not_stop_a_reload() {
    let site = flaky();
    let daemon = ready(&site);
    site.flaky("edge", "example.net");
    site.misbehave("edge", r#"{"behaviour": "fail", "on": ["open"]}"#);
    assert_eq!(reloaded(&site)["generation"], 2);
    daemon.wait_state("edge", "down");
    site.misbehave("edge", "healthy");
    daemon.wait_ready();
}

#[test]
fn a_plugin_that_hung_at_the_start_gets_another_chance() {
    let site = flaky();
    site.flaky("edge", "example.net");
    site.misbehave("edge", r#"{"behaviour": "block", "on": ["validate"]}"#);
    let daemon = site.start();
    // A reload waits for the start's own patience to end.
    daemon.wait_state("edge", "down");
    site.misbehave("edge", "healthy");
    reloaded(&site);
    daemon.wait_ready();
}

#[test]
fn the_new_instance_writes_only_after_the_old_ones_applies_have_ended() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["apply"]}"#);
    let mut first = daemon.webhook().send(&Request::post("/records", create(&["a.example.org"])));
    daemon.wait_logged("batch begun");
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    reloaded(&site);
    let waits = || daemon.logged("batch waits for its turn").len();
    let before = waits();
    let mut second = daemon.webhook().send(&Request::post("/records", create(&["b.example.org"])));
    eventually("the second has arrived", || (waits() > before).then_some(()));
    assert_eq!(daemon.logged("batch begun").len(), 1);
    site.misbehave("lan", "healthy");
    assert_eq!(second.answer().status, 204);
    assert_eq!(first.answer().status, 204);
    let log = daemon.log();
    let order: Vec<&str> = log
        .iter()
        .filter_map(|line| line["message"].as_str())
        .filter(|message| matches!(*message, "batch begun" | "batch done"))
        .collect();
    assert_eq!(order, ["batch begun", "batch done", "batch begun", "batch done"]);
    wait_closed(&daemon, 1);
}

#[test]
fn an_apply_of_before_ends_though_its_client_has_gone() {
    let site = flaky();
    // The call is answered 503 long before the apply has ended.
    site.layer("short", "[shutdown]\ngrace = \"500ms\"\n[webhook]\ndeadline = \"2s\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["apply"]}"#);
    let call = daemon.webhook().send(&Request::post("/records", create(&["a.example.org"])));
    daemon.wait_logged("batch begun");
    // Not earlier: a call whose client has gone before it is read is none.
    drop(call);
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    reloaded(&site);
    daemon.wait_logged("an apply of before the reload is still running");
    assert!(daemon.logged("backend of before the reload closed").is_empty());
    site.misbehave("lan", "healthy");
    wait_closed(&daemon, 1);
    assert_eq!(daemon.logged("batch done").len(), 1);
}

#[test]
fn the_end_waits_for_an_apply_of_before_the_reload() {
    let site = flaky();
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["apply"]}"#);
    let call = daemon.webhook().send(&Request::post("/records", create(&["a.example.org"])));
    daemon.wait_logged("batch begun");
    // Not earlier: a call whose client has gone before it is read is none.
    drop(call);
    site.flaky_with("lan", "example.org", "timeout = \"9s\"");
    reloaded(&site);
    daemon.signal(Signal::TERM);
    daemon.wait_logged("stopping");
    site.misbehave("lan", "healthy");
    let stopped = daemon.wait();
    assert!(stopped.stderr.contains("batch done"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("\"message\":\"stopped\",\"complete\":true"), "{}", stopped.stderr);
}
