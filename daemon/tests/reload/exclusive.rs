//! Plugins of which only one instance can be open at a time.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use zonemux_test_support::{Request, Site, create, eventually, names};

use crate::{opened, ready, refused, reloaded, site};

/// A backend `lan` that locks its file.
fn locking(site: &Site, file: &str, keys: &str) {
    let settings = format!("file = \"{}\"", site.path(file).display());
    site.backend_with("lan", "memory", "example.org", keys, &settings);
}

/// Installs the plugin `flaky` under another name, with a manifest that says that it is exclusive.
fn install_single(site: &Site) -> PathBuf {
    let installed = site.path("plugins/libzonemux_single.so");
    if installed.exists() {
        return installed;
    }
    let (no, yes) = (br#""exclusive":false"#, br#""exclusive":true "#);
    let mut bytes = fs::read(site.install("flaky")).unwrap();
    let at = bytes.windows(no.len()).position(|window| window == no).expect("the manifest is in the file");
    bytes[at..at + yes.len()].copy_from_slice(yes);
    site.write("plugins/libzonemux_single.so", bytes)
}

fn single(site: &Site, keys: &str) {
    let plugin = install_single(site).display().to_string();
    let settings = format!("control = \"{}\"", site.path("lan.control").display());
    site.backend_with("lan", &plugin, "example.org", keys, &settings);
}

#[test]
fn the_old_instance_lets_go_of_its_lock_first() {
    let site = site();
    locking(&site, "records", "");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
    locking(&site, "records", "timeout = \"9s\"");
    assert_eq!(reloaded(&site)["generation"], 2);
    assert_eq!(opened(&daemon, "lan"), 2);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
    assert_eq!(daemon.webhook().post("/records", create(&["b.example.org"])).status, 204);
}

#[test]
fn an_unchanged_one_stays_open() {
    let site = site();
    locking(&site, "records", "");
    let daemon = ready(&site);
    site.backend("edge", "memory", "example.net", "");
    reloaded(&site);
    assert_eq!(opened(&daemon, "lan"), 1);
}

#[test]
fn an_exclusive_backend_is_reopened_with_its_old_settings_when_the_new_ones_fail() {
    let site = site();
    locking(&site, "records", "");
    site.flaky("edge", "example.net");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org", "a.example.net"])).status, 204);
    // A path below a file.
    locking(&site, "config.toml/records", "");
    site.flaky_with("edge", "example.net", "timeout = \"9s\"");
    let (keys, outcome) = refused(&site);
    assert_eq!(keys, ["backends.lan"], "{outcome:#}");
    let fault = &outcome["faults"][0];
    assert!(fault["message"].as_str().unwrap().starts_with("can't be opened with its new settings"));
    assert_eq!(fault["hint"], "the old settings are in force again");
    // Nothing else has changed either: `edge` still has its records in memory.
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.net", "a.example.org"]);
    assert_eq!(daemon.webhook().post("/records", create(&["b.example.org"])).status, 204);
    assert_eq!(daemon.status()["generation"], 1);
    // And the next one goes well.
    locking(&site, "records", "timeout = \"8s\"");
    assert_eq!(reloaded(&site)["generation"], 2);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org", "b.example.org"]);
}

#[test]
fn wrong_settings_are_found_while_the_old_instance_is_open() {
    let site = site();
    locking(&site, "records", "");
    let daemon = ready(&site);
    site.layer("wrong", "[backends.lan.settings]\nnosuch = 1");
    let (keys, _) = refused(&site);
    assert_eq!(keys, ["backends.lan.settings.nosuch"]);
    assert_eq!(opened(&daemon, "lan"), 1);
    assert!(daemon.logged("backend of before the reload closed").is_empty());
}

#[test]
fn meanwhile_its_changes_are_answered_503_and_others_are_served() {
    let site = site();
    single(&site, "");
    site.flaky("edge", "example.net");
    site.layer(
        "views",
        "[views.lan]\npath = \"/lan\"\nbackends = [\"lan\"]\n[views.edge]\nbackends = [\"edge\"]",
    );
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().get("/lan/records").status, 200);
    // It opens when it is told to, and not when some time is over: all that is asked meanwhile is asked in time.
    single(&site, "timeout = \"60s\"");
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["open"]}"#);
    std::thread::scope(|scope| {
        let reloading = scope.spawn(|| reloaded(&site));
        let write = || daemon.webhook().post("/lan/records", create(&["a.example.org"])).status;
        eventually("its changes are refused", || (write() == 503).then_some(()));
        let asked = Instant::now();
        let refused = daemon.webhook().post("/lan/records", create(&["a.example.org"]));
        let waited = asked.elapsed();
        assert_eq!(refused.status, 503);
        // Its records are those of the last list; others are not concerned at all.
        assert_eq!(daemon.webhook().get("/lan/records").status, 200);
        assert_eq!(daemon.webhook().get("/records").status, 200);
        assert_eq!(daemon.webhook().post("/records", create(&["a.example.net"])).status, 204);
        // What needs no backend is answered all along.
        assert_eq!(daemon.webhook().get("/lan").status, 200);
        // A call that waits is answered at its deadline, after 12 s.
        assert!(waited < Duration::from_secs(6), "nobody waits: {waited:?}");
        assert!(!reloading.is_finished(), "all of this was while it opened");
        site.misbehave("lan", "healthy");
        reloading.join().unwrap();
    });
    assert_eq!(daemon.webhook().get("/lan/records").status, 200);
}

#[test]
fn a_running_apply_is_not_cut_off() {
    let site = site();
    single(&site, "");
    site.layer("grace", "[shutdown]\ngrace = \"500ms\"");
    let daemon = ready(&site);
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["apply"]}"#);
    let mut waiting = daemon.webhook().send(&Request::post("/records", create(&["a.example.org"])));
    daemon.wait_logged("batch begun");
    single(&site, "timeout = \"9s\"");
    let (keys, outcome) = refused(&site);
    assert_eq!(keys, ["backends.lan"], "{outcome:#}");
    assert!(outcome["faults"][0]["message"].as_str().unwrap().contains("still being applied"));
    site.misbehave("lan", "healthy");
    assert_eq!(waiting.answer().status, 204);
    assert_eq!(daemon.webhook().get("/records").status, 200, "it is as before");
    assert_eq!(opened(&daemon, "lan"), 1);
    // Once it has ended, there is nothing in the way.
    reloaded(&site);
    assert_eq!(opened(&daemon, "lan"), 2);
}

#[test]
fn another_name_may_take_over_its_lock() {
    let site = site();
    locking(&site, "records", "");
    let daemon = ready(&site);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);
    fs::remove_file(site.path("conf.d/backend-lan.toml")).unwrap();
    let settings = format!("file = \"{}\"", site.path("records").display());
    site.backend("renamed", "memory", "example.org", &settings);
    reloaded(&site);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
}
