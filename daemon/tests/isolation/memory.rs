//! What a process may take.

use std::fs;

use crate::*;

fn limit(pid: u32, what: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn memory_descriptors_and_core_dumps_are_limited() {
    let site = two_with("memory_limit = \"96MiB\"");
    let daemon = ready(&site);
    let lan = pid(&daemon, "lan");
    assert_eq!(limit(lan, "Max data size"), format!("{0} {0}", 96 << 20));
    assert_eq!(limit(lan, "Max core file size"), "0 0");
    assert_eq!(limit(lan, "Max open files"), "1024 1024");
    let score = fs::read_to_string(format!("/proc/{lan}/oom_score_adj")).unwrap();
    assert_eq!(score.trim(), "500", "the kernel takes plugins first");
}

#[test]
fn another_limit_is_in_force_after_a_reload() {
    let site = two_with("memory_limit = \"96MiB\"");
    let daemon = ready(&site);
    let first = pid(&daemon, "lan");
    lan(&site, "memory_limit = \"128MiB\"", "");
    let finished = site.run(&["reload"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let second = eventually("another process serves", || {
        let now = looks::process(&daemon, "lan")["pid"].as_u64()?;
        (now != u64::from(first)).then(|| u32::try_from(now).unwrap())
    });
    assert_eq!(limit(second, "Max data size"), format!("{0} {0}", 128 << 20));
}

#[test]
fn memory_above_the_limit_ends_the_process_and_takes_no_more() {
    let site = two_with("memory_limit = \"96MiB\"");
    let daemon = ready(&site);
    lan_has_a_record(&daemon);
    let lan = pid(&daemon, "lan");
    misbehave(&site, "eat-memory", &["records"]);
    let call = daemon.webhook().send(&zonemux_test_support::Request::get("/records"));
    let mut most = 0_u64;
    while let Ok(status) = fs::read_to_string(format!("/proc/{lan}/status")) {
        let data = status.lines().find_map(|line| line.strip_prefix("VmData:"));
        let Some(data) = data else { break };
        most = most.max(data.trim().trim_end_matches(" kB").parse().unwrap());
        if looks::process(&daemon, "lan")["restarts"] != 0 {
            break;
        }
    }
    assert!(most <= 96 << 10, "{most} kB");
    restarted(&daemon, "lan", 1, &["memory"]);
    drop(call);
    edge_works(&daemon, "a");
    lan_recovers(&site, &daemon);
}
