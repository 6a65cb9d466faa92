//! A file of the system that another takes the place of, as the resolver's is when an address is leased anew: what
//! a plugin's process may read are files, and the new one is none of them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use zonemux_test_support::Process;

use crate::trespass::trespass;
use crate::*;

/// The file, as the plugin knows it.
const RESOLVER: &str = "/etc/resolv.conf";
/// The daemon looks once a minute.
const LOOK: Duration = Duration::from_secs(60);
/// What a machine with more to do than it can may add.
const SLACK: Duration = Duration::from_secs(30);

/// Whether this test may give a process an `/etc` of its own, which needs root.
///
/// # Panics
///
/// When root may not: then nobody would ever see this test run.
fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["--mount", "mount", "--bind", "/tmp", "/etc"]).output();
    let tried = tried.expect("`unshare` of util-linux is needed");
    if tried.status.success() {
        return true;
    }
    let why = String::from_utf8_lossy(&tried.stderr);
    assert!(!rustix::process::geteuid().is_root(), "root may not mount here, which this test needs: {why}");
    // Also where the output of tests that pass is kept back.
    let _told = writeln!(std::io::stderr(), "left out: this needs the right to mount, which root has: {why}");
    false
}

/// Starts the daemon with a folder of the site as its `/etc`.
fn with_etc_of_its_own(site: &Site) -> Daemon {
    fs::create_dir(site.path("etc")).unwrap();
    for name in ["passwd", "group", "nsswitch.conf", "ld.so.cache", "hosts"] {
        // One that is not there is not needed.
        let _copied = fs::copy(Path::new("/etc").join(name), site.path("etc").join(name));
    }
    replace(site, "nameserver 192.0.2.1");
    let serve = site.command(&["serve"]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", "mount --bind etc /etc && exec \"$0\" \"$@\""]);
    command.arg(serve.get_program()).args(serve.get_args());
    site.prepare(&mut command);
    let daemon = site.attach(Process::spawn(command));
    daemon.wait_ready();
    daemon
}

/// In one step, as whoever writes such files does.
fn replace(site: &Site, content: &str) {
    site.write("etc/new", content);
    site.chmod("etc/new", 0o644);
    fs::rename(site.path("etc/new"), site.path("etc/resolv.conf")).unwrap();
}

/// Whether the plugin can read the file now.
#[track_caller]
fn can_read(site: &Site, daemon: &Daemon) -> bool {
    let report = trespass(site, daemon, &[RESOLVER]);
    let outcome = |line: &&String| line.starts_with(&format!("read {RESOLVER}: "));
    report.iter().rfind(outcome).unwrap().ends_with(": done")
}

#[test]
fn the_resolvers_file_can_be_read_again_after_another_took_its_place() {
    if !may_mount() {
        return;
    }
    let site = two();
    let daemon = with_etc_of_its_own(&site);
    lan_has_a_record(&daemon);
    let first = pid(&daemon, "lan");
    assert!(can_read(&site, &daemon));
    replace(&site, "nameserver 192.0.2.2");
    if can_read(&site, &daemon) {
        // Nothing is kept from anyone: then the daemon says so, or it is its fault.
        let unrestricted = looks::process(&daemon, "lan")["unrestricted"].to_string();
        assert!(unrestricted.contains("landlock"), "{unrestricted}");
        let _told = writeln!(std::io::stderr(), "left out: this kernel has no Landlock: {unrestricted}");
        return;
    }
    misbehave(&site, "healthy", &[]);
    let begun = Instant::now();
    while looks::process(&daemon, "lan")["pid"].as_u64().is_none_or(|now| now == u64::from(first)) {
        assert!(begun.elapsed() < LOOK + SLACK, "no other process is there");
        std::thread::sleep(Duration::from_millis(100));
    }
    lan_works(&daemon);
    assert!(can_read(&site, &daemon));
    assert!(is_gone(first));
    assert_eq!(looks::process(&daemon, "lan")["restarts"], 0, "it is no fault of the plugin");
    assert_eq!(daemon.stop().code, Some(0));
}
