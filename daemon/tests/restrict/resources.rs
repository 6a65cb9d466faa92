//! Memory, descriptors, privileges.

use std::fs;

use crate::child::{Order, Outcomes, setting};

/// Well below the limit of [`setting`], and above it.
const LITTLE: usize = 32 << 20;
const MUCH: usize = 512 << 20;

pub(crate) fn act(order: &Order, outcomes: &mut Outcomes) {
    let reserve = |bytes: usize| Vec::<u8>::new().try_reserve_exact(bytes).map_err(std::io::Error::other);
    outcomes.note("little memory", reserve(LITTLE));
    outcomes.say("much memory", reserve(MUCH).is_ok());
    let mut files = Vec::new();
    while let Ok(file) = fs::File::open(order.folder.join("shown/text")) {
        files.push(file);
    }
    outcomes.say("descriptors", files.len());
    drop(files);
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    for (key, value) in status.lines().filter_map(|line| line.split_once(":\t")) {
        outcomes.say(key, value.trim());
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    outcomes.say("core", limits.lines().find(|line| line.contains("core")).unwrap());
    outcomes.say("oom", fs::read_to_string("/proc/self/oom_score_adj").unwrap().trim());
    outcomes.say("group", rustix::process::getpgrp() == rustix::process::getpid());
    let dumpable = rustix::process::dumpable_behavior().unwrap();
    outcomes.say("dumpable", dumpable == rustix::process::DumpableBehavior::Dumpable);
}

/// `NET_BIND_SERVICE`, `CHOWN`, `DAC_OVERRIDE`, `FOWNER`: their bits, in hexadecimal digits as the kernel
/// shows them.
const KEPT: u64 = 1 << 10 | 1 << 0 | 1 << 1 | 1 << 3;

#[test]
fn limits_and_privileges_are_what_was_asked_for() {
    for outcomes in setting().act("limits") {
        outcomes.assert("little memory", "ok");
        outcomes.assert("much memory", "false");
        let descriptors: usize = outcomes.by_attempt["descriptors"].parse().unwrap();
        assert!((900..1024).contains(&descriptors), "{descriptors}");
        assert!(outcomes.by_attempt["core"].split_whitespace().eq("Max core file size 0 0 bytes".split(' ')));
        outcomes.assert("oom", "500");
        outcomes.assert("group", "true");
        outcomes.assert("dumpable", "false");
        outcomes.assert("NoNewPrivs", "1");
        outcomes.assert("Seccomp", "2");
        let set = |key: &str| u64::from_str_radix(&outcomes.by_attempt[key], 16).unwrap();
        for key in ["CapPrm", "CapEff", "CapInh", "CapAmb"] {
            assert_eq!(set(key) & !KEPT, 0, "{key}: {outcomes:#?}");
        }
        if set("CapPrm") != 0 {
            assert_eq!((set("CapPrm"), set("CapInh"), set("CapAmb")), (KEPT, 0, 0));
            assert_eq!(set("CapBnd"), KEPT, "what a program run as root would get");
        }
    }
}
