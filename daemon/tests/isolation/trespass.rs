//! A plugin that tries to reach the daemon, another plugin's process, and files that are not its own.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;

use zonemux_test_support::Process;

use crate::*;

/// An account without any rights, as containers have it.
const NOBODY: u32 = 65532;

/// Hands a folder, with all that is in it, to another account.
fn hand_over(path: &Path, owner: u32) {
    chown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            hand_over(&entry.unwrap().path(), owner);
        }
    }
}

/// Starts the daemon as an account without rights, where the test has the right to.
fn unprivileged(site: &Site) -> Daemon {
    if !rustix::process::geteuid().is_root() {
        return ready(site);
    }
    hand_over(&site.path(""), NOBODY);
    let mut command = site.command(&["serve"]);
    command.uid(NOBODY).gid(NOBODY);
    let daemon = site.attach(Process::spawn(command));
    daemon.wait_ready();
    daemon
}

/// Has `lan` try everything, and gives its report.
pub(crate) fn trespass(site: &Site, daemon: &Daemon, paths: &[&str]) -> Vec<String> {
    let paths: Vec<_> = paths.iter().map(|path| site.path(path)).collect();
    let edge = pid(daemon, "edge");
    misbehave_with(site, "trespass", &["records"], &json!({ "pid": edge, "paths": paths }));
    let answer = daemon.webhook().get("/records");
    assert_eq!(names(&answer), ["kept.example.org"], "it tried and went on");
    let report = fs::read_to_string(site.path("lan/report")).unwrap();
    assert!(report.ends_with("end of the report\n"), "{report}");
    report.lines().map(str::to_owned).collect()
}

/// Nothing of what it tried was done, and nobody is hurt.
#[track_caller]
fn is_kept_out(site: &Site, mut daemon: Daemon) {
    lan_has_a_record(&daemon);
    edge_works(&daemon, "a");
    let others = [pid(&daemon, "lan"), pid(&daemon, "edge")];
    let paths = [
        "config.toml",
        "conf.d/backend-edge.toml",
        "state/lock",
        "state/backends/edge",
        "control.sock",
        "webhook.sock",
    ];
    let report = trespass(site, &daemon, &paths);
    let tries = report.iter().filter(|line| line.contains(": refused")).count();
    assert!(tries > 20, "{report:#?}");
    for socket in ["control.sock", "webhook.sock"] {
        let asked = |line: &&String| line.starts_with("ask at ") && line.contains(socket);
        assert!(report.iter().find(asked).is_some_and(|line| line.contains("refused")), "{report:#?}");
    }
    let done: Vec<_> = report.iter().filter(|line| line.ends_with(": done")).collect();
    assert!(done.is_empty(), "{done:#?}");
    assert!(daemon.is_running());
    assert_eq!([pid(&daemon, "lan"), pid(&daemon, "edge")], others);
    edge_works(&daemon, "b");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn nothing_of_the_daemon_or_of_another_plugin_is_in_reach() {
    let site = two();
    let daemon = ready(&site);
    is_kept_out(&site, daemon);
}

#[test]
fn nor_is_it_where_the_daemon_has_no_rights_either() {
    let site = two();
    let daemon = unprivileged(&site);
    is_kept_out(&site, daemon);
}

#[test]
fn a_crash_is_survived_without_any_rights() {
    let site = two();
    let daemon = unprivileged(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    misbehave(&site, "segfault", &["records"]);
    daemon.webhook().get("/records");
    restarted(&daemon, "lan", 1, &["segfault"]);
    assert!(is_gone(first));
    edge_works(&daemon, "a");
    lan_recovers(&site, &daemon);
    assert_eq!(daemon.stop().code, Some(0));
}
