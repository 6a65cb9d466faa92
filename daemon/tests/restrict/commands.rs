//! Other programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::child::{Order, Outcomes, setting};
use crate::raw::call;

pub(crate) fn act(order: &Order, outcomes: &mut Outcomes) {
    outcomes.note("run", Command::new("/bin/true").status());
    let script = order.folder.join("own/script");
    let made = fs::write(&script, "#!/bin/sh\n")
        .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)));
    outcomes.note("run own", made.and_then(|()| Command::new(&script).status()));
    fs::remove_file(script).unwrap();
    outcomes.note("run foreign", Command::new(order.folder.join("foreign/program")).status());
    // The child that a fork makes would go on in this test: so only its refusal is asked for.
    if !order.profile.commands {
        outcomes.note("fork", call(libc::SYS_clone, [i64::from(libc::SIGCHLD), 0, 0, 0, 0]));
    }
    outcomes.note(
        "user namespace",
        call(libc::SYS_clone, [i64::from(libc::CLONE_NEWUSER | libc::SIGCHLD), 0, 0, 0, 0]),
    );
    let stopped = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().and_then(|mut child| {
        child.kill()?;
        child.wait()
    });
    outcomes.note("stop it again", stopped);
    outcomes.note("signal the daemon", call(libc::SYS_kill, [i64::from(order.profile.parent), 0, 0, 0, 0]));
    outcomes.note("thread", std::thread::Builder::new().spawn(|| ()));
}

fn outcomes(commands: bool) -> Vec<Outcomes> {
    let mut setting = setting();
    setting.profile.commands = commands;
    let program = setting.path().join("foreign/program");
    fs::copy("/bin/true", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    setting.act("commands")
}

#[test]
fn a_plugin_without_commands_starts_no_process_at_all() {
    for outcomes in outcomes(false) {
        for attempt in ["run", "run own", "run foreign", "fork", "stop it again"] {
            outcomes.assert(attempt, "EACCES");
        }
        outcomes.assert("signal the daemon", "EPERM");
        outcomes.assert("thread", "ok");
    }
}

#[test]
fn a_plugin_with_commands_runs_the_systems_and_its_own_and_signals_those() {
    for outcomes in outcomes(true) {
        for attempt in ["run", "run own", "stop it again", "thread"] {
            outcomes.assert(attempt, "ok");
        }
        outcomes.assert("user namespace", "EPERM");
        if outcomes.has_landlock(6) {
            outcomes.assert("run foreign", "EACCES");
            outcomes.assert("signal the daemon", "EPERM");
        }
    }
}
