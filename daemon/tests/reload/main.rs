//! The configuration read anew while the built daemon serves, seen from outside.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod authority;
mod backends;
mod calls;
mod exclusive;
mod listeners;
mod log;
mod manager;
mod refused;
mod soak;
mod views;
mod watch;

use serde_json::Value;
use zonemux_test_support::{Daemon, Site};

fn site() -> Site {
    Site::new(env!("CARGO_BIN_EXE_zonemux"))
}

/// A site whose one backend, `lan` with the zone `example.org`, misbehaves on command.
fn flaky() -> Site {
    let site = site();
    site.flaky("lan", "example.org");
    site
}

fn ready(site: &Site) -> Daemon {
    let daemon = site.start();
    daemon.wait_ready();
    daemon
}

/// Has the daemon reload, and gives the outcome as JSON with the command's exit code.
#[track_caller]
fn reload(site: &Site) -> (Option<i32>, Value) {
    let finished = site.run(&["reload", "--output", "json"]);
    let outcome = serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"));
    (finished.code, outcome)
}

/// A reload that must go well.
#[track_caller]
fn reloaded(site: &Site) -> Value {
    let (code, outcome) = reload(site);
    assert_eq!((code, &outcome["successful"]), (Some(0), &Value::Bool(true)), "{outcome:#}");
    outcome
}

/// A reload that must be refused: the keys of its faults.
#[track_caller]
fn refused(site: &Site) -> (Vec<String>, Value) {
    let (code, outcome) = reload(site);
    assert_eq!((code, &outcome["successful"]), (Some(78), &Value::Bool(false)), "{outcome:#}");
    let faults = outcome["faults"].as_array().unwrap();
    let keys = faults.iter().map(|fault| fault["key"].as_str().unwrap_or_default().to_owned());
    (keys.collect(), outcome)
}

/// How often a backend was opened.
fn opened(daemon: &Daemon, backend: &str) -> usize {
    daemon.logged("backend open").iter().filter(|line| line["backend"] == backend).count()
}
