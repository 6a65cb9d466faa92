//! Plugins in processes of their own, each misbehaving in its way beside a healthy one: seen from outside, over
//! the daemon's sockets, its status, its metrics and `/proc`.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod adjusting;
mod applying;
mod crashes;
mod endings;
mod floods;
mod leaks;
mod looks;
mod memory;
mod programs;
mod reloads;
mod replaced;
mod secrets;
mod starts;
mod stuck;
mod trespass;
mod upgrade;

use std::os::unix::fs::MetadataExt;

use looks::{is_gone, pid, restarted};
use serde_json::json;
use zonemux_test_support::{Daemon, Site, create, eventually, names};

/// How long any call to `lan` may take, so that what hangs is not waited for.
const PATIENCE: &str = "timeout = \"2s\"\nlist_timeout = \"2s\"\napply_timeout = \"2s\"\n\
                        breaker = { cooldown = \"200ms\" }";

/// A site whose plugins have processes of their own.
fn site() -> Site {
    let site = Site::new(env!("CARGO_BIN_EXE_zonemux"));
    site.layer("isolation", "[plugins]\nisolation = \"process\"\n[webhook]\ndeadline = \"3s\"");
    site
}

/// A site with `lan`, which keeps records in a file and misbehaves on command, and the healthy `edge`: each in a
/// view of its own, and both in a third.
fn two() -> Site {
    two_with("")
}

/// As [`two`], with further keys of `lan` itself.
fn two_with(keys: &str) -> Site {
    let site = site();
    lan(&site, keys, "");
    site.backend("edge", "memory", "example.net", "");
    site.layer(
        "views",
        "[views.default]\npath = \"/\"\nbackends = [\"lan\"]\n\
         [views.edge]\npath = \"/edge\"\nbackends = [\"edge\"]\n\
         [views.both]\npath = \"/both\"\nbackends = [\"lan\", \"edge\"]",
    );
    site
}

fn lan(site: &Site, keys: &str, settings: &str) {
    // What its settings name it may change, with the folders that those are in.
    std::fs::create_dir_all(site.path("lan")).unwrap();
    let path = |name: &str| site.path("lan").join(name).display().to_string();
    let settings = format!(
        "control = \"{}\"\ncalls = \"{}\"\nreport = \"{}\"\nfile = \"{}\"\n{settings}",
        path("control"),
        path("calls"),
        path("report"),
        path("records")
    );
    site.backend_with("lan", "flaky", "example.org", &format!("{PATIENCE}\n{keys}"), &settings);
}

/// Tells `lan` how to behave in some operations.
fn misbehave(site: &Site, behaviour: &str, on: &[&str]) {
    misbehave_with(site, behaviour, on, &json!({}));
}

/// The same with more to say.
fn misbehave_with(site: &Site, behaviour: &str, on: &[&str], more: &serde_json::Value) {
    let mut how = json!({ "behaviour": behaviour, "on": on, "report": site.path("lan/report") });
    how.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    // In one step: the plugin must not read a file that is half written. Whoever runs the plugin may read it.
    let new = site.write("lan/control.new", how.to_string());
    let owner = std::fs::metadata(site.path("lan")).unwrap().uid();
    std::os::unix::fs::chown(&new, Some(owner), None).unwrap();
    std::fs::rename(new, site.path("lan/control")).unwrap();
}

fn ready(site: &Site) -> Daemon {
    let daemon = site.start();
    daemon.wait_ready();
    daemon
}

/// The healthy one takes a record, and lists it, in its own view.
#[track_caller]
fn edge_works(daemon: &Daemon, name: &str) {
    let name = format!("{name}.example.net");
    let answer = daemon.webhook().post("/edge/records", create(&[&name]));
    assert_eq!(answer.status, 204, "{}", answer.shown());
    assert!(names(&daemon.webhook().get("/edge/records")).contains(&name));
}

/// `lan` has one record, which it keeps whatever becomes of its process.
#[track_caller]
fn lan_has_a_record(daemon: &Daemon) {
    let answer = daemon.webhook().post("/records", create(&["kept.example.org"]));
    assert_eq!(answer.status, 204, "{}", answer.shown());
    lan_works(daemon);
}

/// `lan` answers for itself, not by a snapshot, with its one record.
#[track_caller]
fn lan_works(daemon: &Daemon) {
    daemon.wait_state("lan", "up");
    assert_eq!(names(&daemon.webhook().get("/records")), ["kept.example.org"]);
    daemon.wait_state("lan", "up");
}

/// `lan` behaves again, is opened again by itself, and works.
#[track_caller]
fn lan_recovers(site: &Site, daemon: &Daemon) {
    misbehave(site, "healthy", &[]);
    eventually("the backend is opened again and lists", || {
        let answer = daemon.webhook().get("/records");
        let up = looks::backend(daemon, "lan")["state"] == "up";
        (answer.status == 200 && up).then(|| assert_eq!(names(&answer), ["kept.example.org"]))
    });
}
