//! What can be seen of the daemon's children.

use std::fs;

use rustix::process::{Pid, kill_process};
use serde_json::Value;
use zonemux_test_support::{Daemon, Signal, eventually};

/// What `zonemux status` says of a backend.
#[track_caller]
pub(crate) fn backend(daemon: &Daemon, name: &str) -> Value {
    let status = daemon.status();
    let backends = status["backends"].as_array().unwrap();
    backends.iter().find(|backend| backend["name"] == name).unwrap().clone()
}

/// What it says of that one's process.
#[track_caller]
pub(crate) fn process(daemon: &Daemon, name: &str) -> Value {
    backend(daemon, name)["process"].clone()
}

/// The process of a backend, which is running.
#[track_caller]
pub(crate) fn pid(daemon: &Daemon, backend: &str) -> u32 {
    eventually(&format!("{backend} has a process"), || {
        process(daemon, backend)["pid"].as_u64().map(|pid| pid.try_into().unwrap())
    })
}

/// Whether nothing runs of a process any more. Who has to wait for it may not have done so yet.
pub(crate) fn is_gone(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    matches!(state, Some('Z' | 'X') | None)
}

/// The processes whose parent a process is.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent_of = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        parent_of.and_then(|own| own.parse().ok()) == Some(parent)
    };
    pids.filter(is_child).filter(|&pid| !is_gone(pid)).collect()
}

/// Waits until a backend's process has ended so many times by itself, the last time for one of these reasons, as
/// status and metrics say alike, and gives what the status says.
#[track_caller]
pub(crate) fn restarted(daemon: &Daemon, name: &str, times: u64, reasons: &[&str]) -> Value {
    let seen = eventually(&format!("the process of {name} has ended {times} times"), || {
        let seen = process(daemon, name);
        (seen["restarts"].as_u64().unwrap_or(0) >= times).then_some(seen)
    });
    let end = seen["last_end"].as_str().unwrap();
    let reason = end.split(':').next().unwrap();
    assert!(reasons.contains(&reason), "{end}");
    assert!(seen["last_end_at"].as_u64().is_some(), "{seen}");
    let counted = |labels: &[(&str, &str)]| daemon.metric("zonemux_plugin_restarts_total", labels);
    assert!(counted(&[("backend", name), ("reason", reason)]) >= 1.0, "{reason}");
    #[expect(clippy::cast_precision_loss, reason = "a few restarts")]
    let times = times as f64;
    assert!((counted(&[("backend", name)]) - times).abs() < 0.5, "{seen}");
    seen
}

/// Sends a signal to a process that is none of ours.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}
