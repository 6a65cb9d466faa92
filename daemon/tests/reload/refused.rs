//! A configuration that is refused changes nothing, and every fault is named.

use std::fs;

use zonemux_test_support::{Daemon, Process, Signal, create, eventually, names};

use crate::{flaky, opened, ready, refused, reloaded, site};

fn gauge(daemon: &Daemon, name: &str) -> f64 {
    daemon.metric(name, &[])
}

#[test]
fn a_reload_with_a_fault_changes_nothing_and_names_every_fault() {
    let site = flaky();
    let daemon = ready(&site);
    assert!((gauge(&daemon, "zonemux_last_reload_successful") - 1.0).abs() < f64::EPSILON);
    assert!((gauge(&daemon, "zonemux_config_generation") - 1.0).abs() < f64::EPSILON);
    assert_eq!(daemon.webhook().post("/records", create(&["a.example.org"])).status, 204);

    // A good change beside the bad ones must not come through either.
    site.backend("edge", "memory", "example.net", "");
    site.layer("bad", "[webhook]\ndeadline = \"1h\"\n[views.default]\nbackends = [\"nosuch\"]");
    let (keys, outcome) = refused(&site);
    assert!(keys.contains(&"webhook.deadline".to_owned()), "{outcome:#}");
    assert!(keys.contains(&"views.default.backends[0]".to_owned()), "{outcome:#}");
    assert_eq!(outcome["generation"], 1);

    let status = daemon.status();
    assert_eq!((&status["generation"], &status["reload"]), (&1.into(), &outcome));
    assert_eq!(status["backends"].as_array().unwrap().len(), 1);
    assert_eq!(names(&daemon.webhook().get("/records")), ["a.example.org"]);
    assert!(gauge(&daemon, "zonemux_last_reload_successful").abs() < f64::EPSILON);
    assert!(gauge(&daemon, "zonemux_last_reload_timestamp_seconds") > 1e9);
    let shown = site.run(&["status"]);
    assert!(shown.stdout.contains("generation 1, another was refused"), "{}", shown.stdout);
    assert!(shown.stdout.contains("`webhook.deadline`"), "{}", shown.stdout);
    for key in &keys {
        assert!(daemon.log().iter().any(|line| line["level"] == "ERROR" && line["key"] == **key), "{key}");
    }

    fs::remove_file(site.path("conf.d/bad.toml")).unwrap();
    assert_eq!(reloaded(&site)["generation"], 2);
    daemon.wait_state("edge", "up");
    assert!((gauge(&daemon, "zonemux_last_reload_successful") - 1.0).abs() < f64::EPSILON);
    assert!((gauge(&daemon, "zonemux_config_generation") - 2.0).abs() < f64::EPSILON);
    assert_eq!(opened(&daemon, "lan"), 1);
}

#[test]
fn the_words_are_those_of_check() {
    let site = flaky();
    let _daemon = ready(&site);
    site.layer("bad", "[webhook]\ndeadline = 5\n[backends.lan]\nzone = [\"example.org\"]");
    // What a plugin finds as well.
    site.backend("edge", "memory", "example.net", "fiel = \"records\"");
    let (checked, reloading) = (site.run(&["check"]), site.run(&["reload"]));
    assert_eq!((checked.code, reloading.code), (Some(78), Some(78)));
    assert!(checked.stderr.contains("3 faults"), "{}", checked.stderr);
    let last = "nothing has changed: generation 1 still serves\n";
    assert_eq!(reloading.stderr, format!("{}{last}", checked.stderr));
}

#[test]
fn faults_of_plugins_are_all_named_and_nothing_was_opened() {
    let site = flaky();
    let daemon = ready(&site);
    site.backend("edge", "memory", "example.net", "nosuch = 1");
    site.layer("far", "[backends.far]\nplugin = \"nosuch\"\nzones = [\"example.com\"]");
    site.flaky_with("lan", "example.org", "timeout = \"11s\"");
    let (keys, outcome) = refused(&site);
    assert_eq!(keys, ["backends.edge.settings.nosuch", "backends.far.plugin"], "{outcome:#}");
    assert_eq!(opened(&daemon, "lan"), 1, "what was good in it was not opened for nothing");
    assert_eq!(daemon.webhook().get("/records").status, 200);
}

#[test]
fn a_file_that_is_no_toml_is_refused_by_the_daemon_too() {
    let site = flaky();
    let daemon = ready(&site);
    site.layer("bad", "[webhook\n");
    let finished = site.run(&["reload"]);
    assert_eq!(finished.code, Some(78));
    assert!(finished.stderr.contains("TOML syntax at line 1"), "{}", finished.stderr);
    assert_eq!(daemon.status()["reload"]["successful"], false, "the daemon was asked");
    assert_eq!(daemon.webhook().get("/records").status, 200);
}

#[test]
fn what_cannot_change_is_refused_by_name() {
    let site = flaky();
    let daemon = ready(&site);
    site.layer(
        "fixed",
        "[state]\ndirectory = \"elsewhere\"\n[log]\nformat = \"text\"\n[backends.lan.settings]\ndelay = 1",
    );
    let (keys, outcome) = refused(&site);
    assert_eq!(keys, ["state.directory", "log.format"], "{outcome:#}");
    assert!(outcome["faults"][0]["hint"].as_str().unwrap().starts_with("restart zonemux, or put back"));
    assert_eq!(opened(&daemon, "lan"), 1);
    // The command asks where the configuration says that the daemon is.
    fs::rename(site.path("conf.d/fixed.toml"), site.path("fixed.toml")).unwrap();
    site.layer("moved", "[control]\nlisten = \"unix:elsewhere.sock\"");
    daemon.signal(Signal::HUP);
    eventually("it is refused", || {
        let faults = daemon.status()["reload"]["faults"].clone();
        (faults[0]["key"] == "control.listen").then_some(())
    });
    assert_eq!(site.run(&["reload"]).code, Some(1), "there is no daemon at that socket");
}

#[test]
fn a_secret_that_is_gone_is_refused_and_a_new_one_is_used() {
    let site = site();
    site.write("conf.d/token", "hunter2\n");
    let control = site.path("lan.control");
    site.backend(
        "lan",
        "flaky",
        "example.org",
        &format!("control = \"{}\"\ntoken = {{ file = \"token\" }}", control.display()),
    );
    let daemon = ready(&site);
    reloaded(&site);
    assert_eq!(opened(&daemon, "lan"), 1, "the same secret");
    fs::remove_file(site.path("conf.d/token")).unwrap();
    let (keys, _) = refused(&site);
    assert_eq!(keys, ["backends.lan.settings.token"]);
    site.write("conf.d/token", "hunter3\n");
    reloaded(&site);
    assert_eq!(opened(&daemon, "lan"), 2, "another secret");
    let log = daemon.stop().stderr;
    assert!(!log.contains("hunter"), "{log}");
}

#[test]
fn where_no_daemon_is_found_the_command_says_so() {
    let site = flaky();
    let alone = site.run(&["reload"]);
    assert_eq!(alone.code, Some(1), "{alone:?}");
    assert!(alone.stderr.contains("no daemon answers on"), "{}", alone.stderr);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_zonemux"));
    command.args(["--config", "nosuch.toml", "reload"]);
    site.prepare(&mut command);
    let unread = Process::spawn(command).wait();
    assert_eq!(unread.code, Some(78), "{unread:?}");
    assert!(unread.stderr.contains("nosuch.toml"), "{}", unread.stderr);
}
