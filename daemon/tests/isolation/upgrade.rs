//! A plugin's file is replaced while the daemon serves.

use std::fs;

use zonemux_test_support::{Finished, Request};

use crate::*;

/// A byte of the plugin `flaky` that nothing depends on: the last before the end of a text that is padded.
const PADDING: &[u8] = b"flaky while it is loaded: healthy               ";

/// Another build of the plugin, put into the place of the one that is installed as package managers do it.
fn replace(site: &Site) {
    let mut bytes = fs::read(zonemux_test_support::plugin("flaky")).unwrap();
    let at = bytes.windows(PADDING.len()).position(|window| window == PADDING).unwrap();
    bytes[at + PADDING.len() - 1] = b'2';
    let new = site.path("plugins/new");
    fs::write(&new, bytes).unwrap();
    site.chmod("plugins/new", 0o755);
    fs::rename(new, site.path("plugins/libzonemux_flaky.so")).unwrap();
}

#[track_caller]
fn reload(site: &Site) -> Finished {
    let finished = site.run(&["reload"]);
    assert_eq!(finished.code, Some(0), "{} {}", finished.stdout, finished.stderr);
    finished
}

/// `lan` without a file, which two instances could not share.
fn flaky() -> Site {
    let site = site();
    // Calls here wait for a reload.
    site.layer("patience", "[webhook]\ndeadline = \"14s\"");
    site.flaky("lan", "example.org");
    site.backend("edge", "memory", "example.net", "");
    site
}

#[test]
fn the_new_code_runs_in_a_new_process_while_the_old_one_finishes_its_calls() {
    let site = flaky();
    let daemon = ready(&site);
    let (old, edge) = (pid(&daemon, "lan"), pid(&daemon, "edge"));
    site.misbehave("lan", r#"{"behaviour": "block", "on": ["apply"]}"#);
    let mut call = daemon.webhook().send(&Request::post("/records", create(&["a.example.org"])));
    daemon.wait_logged("batch begun");
    replace(&site);
    reload(&site);
    let new = eventually("the new code runs", || Some(pid(&daemon, "lan")).filter(|&now| now != old));
    assert!(!is_gone(old), "it is still in a call");
    let digests: Vec<_> = daemon
        .logged("loading plugin")
        .iter()
        .map(|line| line["sha256"].as_str().unwrap().to_owned())
        .collect();
    assert_ne!(digests.first(), digests.last(), "{digests:?}");
    // The new one answers already: it has nothing of what the old one has in memory.
    assert_eq!(daemon.webhook().get("/records").status, 200);
    site.misbehave("lan", "healthy");
    let answer = call.answer();
    assert_eq!(answer.status, 204, "{}", answer.shown());
    eventually("the old code has ended", || is_gone(old).then_some(()));
    assert_eq!((pid(&daemon, "lan"), pid(&daemon, "edge")), (new, edge));
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0, "no accident");
    assert_eq!(daemon.metric("zonemux_plugin_restarts_total", &[]).to_string(), "0");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_crash_after_the_file_was_replaced_starts_the_code_that_was_checked() {
    let site = flaky();
    let daemon = ready(&site);
    let before = daemon.logged("loading plugin").len();
    // Not reloaded: what stands there now was never checked for this backend.
    fs::write(site.path("plugins/new"), b"something else").unwrap();
    fs::rename(site.path("plugins/new"), site.path("plugins/libzonemux_flaky.so")).unwrap();
    site.misbehave("lan", r#"{"behaviour": "segfault", "on": ["records"]}"#);
    daemon.webhook().get("/records");
    restarted(&daemon, "lan", 1, &["segfault"]);
    site.misbehave("lan", "healthy");
    daemon.wait_state("lan", "up");
    assert_eq!(daemon.webhook().get("/records").status, 200);
    assert_eq!(daemon.logged("loading plugin").len(), before);
}

#[test]
fn in_its_own_process_no_old_code_is_said_to_stay() {
    let site = flaky();
    let daemon = ready(&site);
    replace(&site);
    reload(&site);
    let logged = daemon.wait_logged("the plugin's file was replaced");
    let message = logged["message"].as_str().unwrap();
    assert!(message.contains("in a new process") && !message.contains("stays"), "{message}");
}

#[test]
fn inline_it_is_said_that_the_old_code_stays() {
    let site = flaky();
    site.layer("isolation", "[plugins]\nisolation = \"inline\"");
    let daemon = ready(&site);
    replace(&site);
    reload(&site);
    let logged = daemon.wait_logged("the plugin's file was replaced");
    let message = logged["message"].as_str().unwrap();
    assert!(message.contains("stays in memory until the daemon is restarted"), "{message}");
    let maps = fs::read_to_string(format!("/proc/{}/maps", daemon.process().id())).unwrap();
    let mapped = maps.lines().filter(|line| line.contains("memfd:") && line.contains("r-xp"));
    assert!(mapped.count() >= 3, "the old code, the new code, and the other plugin's:\n{maps}");
}
