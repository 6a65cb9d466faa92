//! What a plugin might try on others: the daemon, another plugin's process, files that are not its own.

#![expect(unsafe_code, reason = "these system calls have no safe wrapper")]

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::process::Command;
use std::ptr::{null, null_mut};

use crate::settings::Settings;

/// More threads than any process may have here.
const MANY: usize = 20_000;

/// Tries everything, and reports each attempt as `what: done` or `what: refused (why)`.
pub(crate) fn everywhere(now: &Settings) {
    let others = [("daemon", parent_id().cast_signed()), ("other", now.pid)];
    for (whose, pid) in others.into_iter().filter(|&(_, pid)| pid > 1) {
        look_into(now, whose, pid);
        call(now, whose, pid);
    }
    for path in &now.paths {
        let shown = path.display();
        report(
            now,
            &format!("read {shown}"),
            &fs::read(path).or_else(|_| fs::read_dir(path).map(|_| vec![])),
        );
        report(now, &format!("write {shown}"), &File::options().append(true).open(path));
        report(now, &format!("ask at {shown}"), &ask(path));
    }
    report(now, "start a program", &Command::new("/bin/true").status());
    now.tell("end of the report\n");
}

/// Asks the daemon for something. Whether there is such a thing does not matter: who may not ask is told so.
fn ask(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"GET /status HTTP/1.1\r\nHost: zonemux\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    if answer == *b"HTTP/1.1 403" { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
}

/// What `/proc` tells of a process.
fn look_into(now: &Settings, whose: &str, pid: i32) {
    let path = |name: &str| format!("/proc/{pid}/{name}");
    for name in ["environ", "maps", "cmdline"] {
        report(now, &format!("read {name} of {whose}"), &fs::read(path(name)));
    }
    report(now, &format!("open mem of {whose}"), &File::open(path("mem")));
    report(now, &format!("list fd of {whose}"), &fs::read_dir(path("fd")));
}

/// What the kernel lets a process do to another; the last ones would end it.
fn call(now: &Settings, whose: &str, pid: i32) {
    let id = i64::from(pid);
    let mut byte = [0_u8; 1];
    let local = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // Any address will do: one that is not mapped is a fault of another kind.
    let remote = libc::iovec { iov_base: std::ptr::without_provenance_mut(4096), iov_len: 1 };
    let none: *const libc::rlimit64 = null();
    // SAFETY: every pointer is to a value of this frame, or null where that is allowed.
    let outcome = unsafe { libc::syscall(libc::SYS_process_vm_readv, id, &local, 1, &remote, 1, 0) };
    report(now, &format!("process_vm_readv of {whose}"), &of(outcome));
    // SAFETY: seizing neither stops the process nor touches memory of this one.
    let outcome = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, null_mut::<u8>(), null_mut::<u8>()) };
    report(now, &format!("ptrace {whose}"), &of(outcome));
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the new limit may be null, the old one is a value of this frame.
    let outcome =
        unsafe { libc::syscall(libc::SYS_prlimit64, id, libc::RLIMIT_NOFILE, none, &raw mut limit) };
    report(now, &format!("prlimit of {whose}"), &of(outcome));
    // SAFETY: numbers only.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, id, 0) };
    if descriptor >= 0 {
        // SAFETY: numbers only, and null where that is allowed.
        let outcome = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                descriptor,
                libc::SIGKILL,
                null::<libc::siginfo_t>(),
                0,
            )
        };
        report(now, &format!("pidfd_send_signal to {whose}"), &of(outcome));
        // SAFETY: numbers only.
        let outcome = unsafe { libc::syscall(libc::SYS_pidfd_getfd, descriptor, 0, 0) };
        report(now, &format!("pidfd_getfd of {whose}"), &of(outcome));
    }
    // SAFETY: numbers only.
    let outcome = unsafe { libc::syscall(libc::SYS_tgkill, id, id, libc::SIGKILL) };
    report(now, &format!("tgkill {whose}"), &of(outcome));
    // SAFETY: numbers only.
    let outcome = unsafe { libc::kill(pid, libc::SIGKILL) };
    report(now, &format!("kill {whose}"), &of(outcome.into()));
}

/// Starts copies of the process and threads.
pub(crate) fn multiply(now: &Settings) {
    // SAFETY: a copy does nothing but end, which a process of several threads may do after a fork.
    let copy = unsafe { libc::fork() };
    if copy == 0 {
        // SAFETY: it takes no lock and runs no destructor.
        unsafe { libc::_exit(0) };
    }
    report(now, "fork", &of(copy.into()));
    let park = || std::thread::Builder::new().spawn(std::thread::park);
    let threads = (0..MANY).take_while(|_| park().is_ok()).count();
    now.tell(&format!("threads: {threads}\n"));
}

fn of(outcome: i64) -> io::Result<()> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn report<T>(now: &Settings, what: &str, outcome: &io::Result<T>) {
    now.tell(&match outcome {
        Ok(_) => format!("{what}: done\n"),
        Err(error) => format!("{what}: refused ({error})\n"),
    });
}
