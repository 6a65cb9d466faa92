//! Other processes, and the machine.

use std::fs;

use crate::child::{Order, Outcomes, setting};
use crate::raw::call;

/// Calls that are refused, with arguments that without the filter give another answer than EPERM.
#[rustfmt::skip]
const CALLS: [(&str, i64, [i64; 5]); 20] = [
    ("process_vm_readv", libc::SYS_process_vm_readv, [1, 0, 0, 0, 0]),
    ("process_vm_writev", libc::SYS_process_vm_writev, [1, 0, 0, 0, 0]),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, [-1, 0, 0, 0, 0]),
    ("process_madvise", libc::SYS_process_madvise, [-1, 0, 0, 0, 0]),
    ("pidfd_send_signal", libc::SYS_pidfd_send_signal, [-1, 0, 0, 0, 0]),
    ("unshare", libc::SYS_unshare, [0, 0, 0, 0, 0]),
    ("setns", libc::SYS_setns, [-1, 0, 0, 0, 0]),
    ("perf_event_open", libc::SYS_perf_event_open, [0, 0, 0, 0, 0]),
    ("io_uring_setup", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]),
    ("io_uring_enter", libc::SYS_io_uring_enter, [-1, 0, 0, 0, 0]),
    ("personality", libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0]),
    ("settimeofday", libc::SYS_settimeofday, [0, 0, 0, 0, 0]),
    ("adjtimex", libc::SYS_adjtimex, [0, 0, 0, 0, 0]),
    ("kill: a group", libc::SYS_kill, [0, 0, 0, 0, 0]),
    ("kill: everyone", libc::SYS_kill, [-1, 0, 0, 0, 0]),
    ("tkill", libc::SYS_tkill, [1, 0, 0, 0, 0]),
    ("priority of the user's processes", libc::SYS_setpriority, [2, 0, 0, 0, 0]),
    ("prctl: outlive the daemon", libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as i64, 0, 0, 0, 0]),
    ("prctl: show memory", libc::SYS_prctl, [libc::PR_SET_DUMPABLE as i64, 1, 0, 0, 0]),
    ("quotactl_fd", libc::SYS_quotactl_fd, [-1, 0, 0, 0, 0]),
];

pub(crate) fn calls(outcomes: &mut Outcomes) {
    for (name, number, arguments) in CALLS {
        outcomes.note(name, call(number, arguments));
    }
}

pub(crate) fn act(order: &Order, outcomes: &mut Outcomes) {
    let daemon = i64::from(order.profile.parent);
    outcomes.note("ptrace", call(libc::SYS_ptrace, [libc::PTRACE_SEIZE.into(), daemon, 0, 0, 0]));
    outcomes.note("kill", call(libc::SYS_kill, [daemon, 0, 0, 0, 0]));
    outcomes.note("tgkill", call(libc::SYS_tgkill, [daemon, daemon, 0, 0, 0]));
    outcomes.note("limits", call(libc::SYS_prlimit64, [daemon, libc::RLIMIT_NOFILE.into(), 0, 0, 0]));
    outcomes.note("priority", call(libc::SYS_setpriority, [0, daemon, 19, 0, 0]));
    outcomes.note("processors", call(libc::SYS_sched_setaffinity, [daemon, 0, 0, 0, 0]));
    // A signal whenever data comes: kill by another name.
    outcomes.note("signals of a descriptor", call(libc::SYS_fcntl, [0, libc::F_SETOWN.into(), daemon, 0, 0]));
    outcomes.note("signals of a descriptor, as well", call(libc::SYS_ioctl, [0, 0x8901, 0, 0, 0]));
    for file in ["mem", "environ", "maps"] {
        outcomes.note(&format!("read {file}"), fs::read(format!("/proc/{daemon}/{file}")));
    }

    let own = i64::from(std::process::id());
    outcomes.note("own: kill", call(libc::SYS_kill, [own, 0, 0, 0, 0]));
    outcomes.note("own: limits", call(libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE.into(), 0, 0, 0]));
    outcomes.note("own: memory map", fs::read("/proc/self/maps"));
}

#[test]
fn calls_that_go_round_the_rules_are_refused() {
    let setting = setting();
    for outcomes in setting.act("calls") {
        outcomes.assert_all("EPERM");
    }
    let free = setting.act_freely("calls");
    let refused: Vec<_> = free.by_attempt.iter().filter(|(_, outcome)| *outcome == "EPERM").collect();
    assert!(refused.is_empty(), "the test proves nothing for {refused:?}");
}

#[test]
fn a_plugin_can_neither_stop_nor_read_nor_slow_the_daemon() {
    for outcomes in setting().act("others") {
        for (attempt, outcome) in &outcomes.by_attempt {
            let right = match attempt {
                own if own.starts_with("own") => outcome == "ok",
                read if read.starts_with("read") => outcome == "EACCES" || outcome == "EPERM",
                _ => outcome == "EPERM",
            };
            assert!(right, "{attempt}: {outcomes:#?}");
        }
    }
}
