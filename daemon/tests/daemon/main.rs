//! The built daemon with real plugins, seen from outside: over its sockets, signals, files and log.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod admin;
mod auth;
mod bad_input;
mod check;
mod cli;
mod control;
mod control_apply;
mod control_plan;
mod control_records;
mod control_release;
mod control_zone_files;
mod executable;
mod history;
mod host_calls;
mod host_panics;
mod host_slow;
mod listing;
mod manager;
mod plugins;
mod secrets;
mod start;
mod stop;
mod tls;
mod views;
mod writing;

use zonemux_test_support::{Daemon, Site};

/// The version of daemon and plugins, as a snapshot's filter: it changes with each release.
const VERSION: (&str, &str) = (concat!(r"\b", env!("CARGO_PKG_VERSION"), r"\b"), "[VERSION]");

/// A site without any backend.
fn site() -> Site {
    Site::new(env!("CARGO_BIN_EXE_zonemux"))
}

/// A site whose one backend, `lan` with the zone `example.org`, keeps records in memory.
fn memory() -> Site {
    let site = site();
    site.backend("lan", "memory", "example.org", "");
    site
}

/// A site whose one backend, `lan` with the zone `example.org`, misbehaves on command.
fn flaky() -> Site {
    let site = site();
    site.flaky("lan", "example.org");
    site
}

/// A daemon that is ready.
fn ready(site: &Site) -> Daemon {
    let daemon = site.start();
    daemon.wait_ready();
    daemon
}
