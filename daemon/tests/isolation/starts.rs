//! A plugin that misbehaves before it is of any use: while it is loaded, while it judges its settings, while it
//! is opened.

use std::fs;

use crate::*;

/// The words before the name of a behaviour in the plugin's file.
const MARK: &[u8] = b"flaky while it is loaded: ";

/// Installs the plugin `flaky` under another name, misbehaving while it is loaded.
fn install(site: &Site, behaviour: &str) -> String {
    let mut bytes = fs::read(zonemux_test_support::plugin("flaky")).unwrap();
    let at = bytes.windows(MARK.len()).position(|window| window == MARK).unwrap() + MARK.len();
    let word = format!("{behaviour} ");
    bytes[at..at + word.len()].copy_from_slice(word.as_bytes());
    let path = site.path("plugins/libzonemux_wrong.so");
    fs::write(&path, bytes).unwrap();
    site.chmod("plugins/libzonemux_wrong.so", 0o755);
    path.display().to_string()
}

/// `lan` can't be used, and `edge` does not notice.
#[track_caller]
fn is_refused_at_the_start(site: &Site, words: &str) {
    let daemon = site.start();
    daemon.wait_state("edge", "up");
    edge_works(&daemon, "a");
    daemon.wait_state("lan", "down");
    edge_works(&daemon, "b");
    let error = looks::backend(&daemon, "lan")["last_error"].to_string();
    assert!(error.contains(words), "{error}");
    assert_eq!(daemon.webhook().get("/records").status, 503);
    eventually("only the healthy one has a process", || {
        (looks::children(daemon.process().id()).len() == 1).then_some(())
    });
    assert_eq!(daemon.stop().code, Some(0));
}

#[track_caller]
fn while_it_is_loaded(behaviour: &str, words: &str) {
    let site = two();
    let file = install(&site, behaviour);
    site.backend("lan", &file, "example.org", "");
    is_refused_at_the_start(&site, words);
}

#[test]
fn a_constructor_that_crashes() {
    while_it_is_loaded("segfault", "SIGSEGV");
}

#[test]
fn a_constructor_that_aborts() {
    while_it_is_loaded("abort", "SIGABRT");
}

#[test]
fn a_constructor_that_exits() {
    while_it_is_loaded("exit", "exited with code 3");
}

#[test]
fn a_constructor_that_never_ends() {
    while_it_is_loaded("spin", "did not judge its settings");
}

#[test]
fn a_constructor_that_closes_every_descriptor() {
    while_it_is_loaded("close-descriptors", "ended at its start");
}

#[test]
fn a_constructor_that_writes_garbage() {
    while_it_is_loaded("garbage", "can't be read");
}

#[track_caller]
fn while_it_judges_its_settings(behaviour: &str, words: &str) {
    let site = two();
    misbehave(&site, behaviour, &["validate"]);
    is_refused_at_the_start(&site, words);
}

#[test]
fn a_crash_over_its_settings() {
    while_it_judges_its_settings("segfault", "SIGSEGV");
}

#[test]
fn an_exit_over_its_settings() {
    while_it_judges_its_settings("exit", "exited with code 3");
}

#[test]
fn a_loop_over_its_settings() {
    while_it_judges_its_settings("spin", "did not judge its settings");
}

#[test]
fn a_crash_while_it_is_opened_is_tried_again_until_it_works() {
    let site = two();
    misbehave(&site, "segfault", &["open"]);
    let daemon = site.start();
    daemon.wait_state("edge", "up");
    restarted(&daemon, "lan", 2, &["segfault"]);
    edge_works(&daemon, "a");
    assert_eq!(looks::backend(&daemon, "lan")["state"], "down");
    misbehave(&site, "healthy", &[]);
    daemon.wait_ready();
    lan_has_a_record(&daemon);
}

/// What is wrong with it begins when its first process has ended.
#[track_caller]
fn when_it_is_started_again(behaviour: &str, reason: &str) {
    let site = two();
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    misbehave(&site, behaviour, &["validate"]);
    looks::signal(pid(&daemon, "lan"), zonemux_test_support::Signal::KILL);
    restarted(&daemon, "lan", 2, &[reason]);
    let labels = [("backend", "lan"), ("reason", "killed")];
    assert!((daemon.metric("zonemux_plugin_restarts_total", &labels) - 1.0).abs() < 0.5);
    edge_works(&daemon, "a");
    lan_recovers(&site, &daemon);
}

#[test]
fn a_crash_when_it_is_started_again_is_counted() {
    when_it_is_started_again("segfault", "segfault");
}

#[test]
fn one_that_hangs_when_it_is_started_again_is_counted() {
    when_it_is_started_again("hang", "start");
}

#[test]
fn one_that_asks_for_years_before_it_is_opened_again_is_given_an_hour() {
    let site = two();
    misbehave_with(&site, "retry-after", &["open"], &json!({ "delay": u64::MAX }));
    let daemon = site.start();
    let line = daemon.wait_logged("backend can't be opened");
    let pause = line["retry_in"].as_str().unwrap().trim_end_matches('s').parse::<f64>().unwrap();
    // Give or take a quarter, so that many daemons don't come at once.
    assert!((2699.0..=4501.0).contains(&pause), "{line}");
    let wait =
        daemon.webhook().get("/records").header("retry-after").map(|wait| wait.parse::<u64>().unwrap());
    assert!(wait.is_none_or(|wait| wait <= 3600), "{wait:?}");
}
