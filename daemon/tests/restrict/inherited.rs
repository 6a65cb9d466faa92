//! What a child gets from the one that starts it: descriptors, filters, its life.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use crate::child::{Order, Outcomes, setting};

/// What surrounds the process before it restricts itself.
pub(crate) fn before(order: &Order) {
    if order.act == "filtered" {
        // As a service manager's filter that knows nothing of these calls.
        let calls =
            [libc::SYS_landlock_create_ruleset, libc::SYS_seccomp, libc::SYS_close_range, libc::SYS_setsid];
        let mut rules: BTreeMap<_, _> = calls.into_iter().map(|call| (call, vec![])).collect();
        // Setting a limit, but not asking for it.
        let sets = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0).unwrap();
        rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![sets]).unwrap()]);
        let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
        let program: BpfProgram = filter.try_into().unwrap();
        apply_filter(&program).unwrap();
    }
}

pub(crate) fn act(outcomes: &mut Outcomes) {
    let listed = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    let open: Vec<_> = listed.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect();
    outcomes.say("open", format!("{open:?}"));
}

/// Starts one that would sleep on, says so, and waits to be killed.
pub(crate) fn parent(order: &Order) {
    let mut setting = order.profile.clone();
    setting.parent = std::process::id();
    let order = Order { act: "sleeper".to_owned(), profile: setting, ..order.clone() };
    let mut child = crate::child::command(&Order { restricted: true, ..order }).spawn().unwrap();
    child.wait().unwrap();
}

pub(crate) fn sleeper() {
    std::io::stdout().write_all(b"\nasleep\n").unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn a_descriptor_that_was_left_open_is_closed() {
    let setting = setting();
    let left = std::fs::File::open(setting.path().join("foreign/secret")).unwrap();
    fcntl_setfd(&left, fcntl_getfd(&left).unwrap() & !FdFlags::CLOEXEC).unwrap();
    assert!(setting.act_freely("inherited").by_attempt["open"].contains("foreign/secret"));
    for outcomes in setting.act("inherited") {
        assert_eq!(outcomes.closed, None);
        assert!(!outcomes.by_attempt["open"].contains("foreign/secret"), "{outcomes:#?}");
    }
}

#[test]
fn what_a_surrounding_filter_refuses_is_named_and_no_error() {
    for outcomes in setting().act("filtered") {
        assert!(!outcomes.by_attempt.contains_key("restrict"), "{outcomes:#?}");
        assert_eq!((outcomes.restrictions.landlock, outcomes.restrictions.seccomp), (None, false));
        assert_eq!(outcomes.closed.as_deref(), Some("EPERM"));
        let missing = outcomes.restrictions.missing.join("\n");
        for what in ["landlock", "seccomp", "memory limit"] {
            assert!(missing.contains(what), "{what}: {missing}");
        }
    }
}

#[test]
fn a_child_of_another_parent_refuses_to_start() {
    let mut setting = setting();
    setting.profile.parent = 1;
    for outcomes in setting.act("inherited") {
        assert!(outcomes.by_attempt["restrict"].contains("process 1) that started this process is gone"));
    }
}

#[test]
fn a_child_ends_with_its_parent() {
    let setting = setting();
    let mut parent: Command = setting.command("parent", false);
    let mut parent = parent.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = parent.stdout.take().unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("asleep") {
        let mut byte = [0];
        assert_eq!(output.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
        said.extend(byte);
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The sleeper has the other end of this as well: it is read to its end when that one is gone.
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(output.read_to_end(&mut said).is_ok()));
    assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(true));
}
