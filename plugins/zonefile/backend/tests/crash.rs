//! A process that ends between any two steps of a write leaves files that the servers can load, and that
//! the next opening brings into order.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::server::{Kind, Server};
use common::{Folder, ZONE, reasons, record};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};
use zonemux_plugin::testing::ChangesBuilder;
use zonemux_zonefile_backend::steps;

const SETTINGS: &str = "ZONEMUX_TEST_SETTINGS";
const FOLDER: &str = "ZONEMUX_TEST_FOLDER";
const STEP: &str = "ZONEMUX_TEST_STEP";

static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

fn count(_: &'static str) {
    if LEFT.fetch_sub(1, Ordering::SeqCst) == 0 {
        kill_process(getpid(), Signal::KILL).unwrap();
    }
}

#[test]
fn every_step_of_a_write_may_be_the_last() {
    for kind in [Kind::Bind, Kind::Nsd, Kind::Knot] {
        for mode in ["include", "whole"] {
            let mut step = 0;
            while end_at(kind, mode, step) {
                step += 1;
            }
            // Two files are written, synced, swapped and removed; one is checked, loaded and looked at.
            let steps = if mode == "include" { 13 } else { 8 };
            assert_eq!(step, steps, "{kind:?} {mode}");
        }
    }
}

/// Writes a zone in a process that ends before a step; `false` where there are not so many.
fn end_at(kind: Kind, mode: &str, step: usize) -> bool {
    let folder = Folder::with_zone();
    let mut zone: Vec<String> = folder.read("zone").lines().map(str::to_owned).collect();
    zone.retain(|line| {
        !line.starts_with("$GENERATE") && (mode == "include" || !line.starts_with("$INCLUDE"))
    });
    folder.write("zone", &(zone.join("\n") + "\n"));
    folder.open(json!({ "mode": mode })).close().unwrap();
    let server = Server::start(kind, &folder);
    let mut settings = server.settings();
    settings["mode"] = json!(mode);
    let serial = server.serial();

    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "child", "--ignored", "--nocapture"]);
    child.env(SETTINGS, settings.to_string()).env(FOLDER, folder.path("")).env(STEP, step.to_string());
    let output = child.output().unwrap();
    let ended = !output.status.success();
    if ended {
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(output.status.signal(), Some(9), "{}", String::from_utf8_lossy(&output.stdout));
    }
    // Whatever is there, a server that starts now can load it.
    let checker = match kind {
        Kind::Bind => vec!["named-checkzone"],
        Kind::Nsd => vec!["nsd-checkzone"],
        Kind::Knot => vec!["kzonecheck", "-o"],
        Kind::PowerDns => panic!("it reads no zone files"),
    };
    common::output(Command::new(checker[0]).args(&checker[1..]).arg(ZONE).arg(folder.path("zone")));

    let dns = folder.open(settings);
    let written = dns.records().unwrap().iter().any(|it| it.dns_name.starts_with("www."));
    let is_served = || server.dig(&format!("www.{ZONE}"), "A") == ["192.0.2.1"];
    zonemux_test_support::eventually("the server has what the files have", || {
        (is_served() == written).then_some(())
    });
    if written {
        assert_ne!(server.serial(), serial, "step {step}: secondaries would not see it");
    }
    // All or nothing: the record has its ownership, and both were there before or neither.
    let managed = folder.read(if mode == "include" { "zone.zonemux" } else { "zone" });
    assert_eq!(managed.contains("heritage"), written, "step {step}");
    assert!(ended || written);
    // And it goes on.
    assert_eq!(reasons(&dns, &ChangesBuilder::new().create(record("more", "A", &["192.0.2.2"]))), [""; 0]);
    assert_eq!(server.dig(&format!("more.{ZONE}"), "A"), ["192.0.2.2"]);
    let hidden = |name: &String| name.starts_with('.') && !name.ends_with("lock") && !name.ends_with("left");
    let left: Vec<String> = folder.names().into_iter().filter(hidden).collect();
    assert_eq!(left, [""; 0], "step {step}");
    ended
}

#[test]
#[ignore = "run by every_step_of_a_write_may_be_the_last"]
fn child() {
    let Some(settings) = env::var_os(SETTINGS) else { return };
    let mut settings: Value = serde_json::from_str(settings.to_str().unwrap()).unwrap();
    let folder = env::var(FOLDER).unwrap();
    settings["files"] = json!({ ZONE: format!("{folder}/zone") });
    let dns = zonemux_plugin::testing::open::<zonemux_zonefile_backend::ZoneFiles>(settings, [ZONE]).unwrap();
    steps::watch(count);
    LEFT.store(env::var(STEP).unwrap().parse().unwrap(), Ordering::SeqCst);
    let mut ownership = record("a-www", "TXT", &["\"heritage=external-dns\""]);
    ownership.labels.insert("ownedRecord".into(), format!("www.{ZONE}"));
    let batch = ChangesBuilder::new().create(record("www", "A", &["192.0.2.1"])).create(ownership);
    assert_eq!(reasons(&dns, &batch), [""; 0]);
}
