//! Who may not ask: the processes that the daemon started itself, which are its plugins'.
//!
//! They run as the same user, and before version 9 Landlock lets whoever runs as that user connect to a socket.

use std::fs;

use rustix::process::{geteuid, getpid};

use super::Peer;

/// More generations than any plugin's programs have.
const GENERATIONS: usize = 64;

/// Whether a plugin's process asks, or a program that it started.
pub(crate) fn is_plugin(peer: &Peer) -> bool {
    let Peer::Unix { pid: Some(pid), uid, .. } = *peer else { return false };
    let own = getpid().as_raw_nonzero().get();
    // Another user's process is none, and who sees nothing of processes can't tell.
    if uid != geteuid().as_raw() || parent(own).is_none() {
        return false;
    }
    let mut ancestor = pid;
    for _ in 0..GENERATIONS {
        match parent(ancestor) {
            Some(parent) if parent == own => return true,
            // The first of all, and one whose parent is outside of what is seen here.
            Some(parent) if parent <= 1 => return false,
            Some(parent) => ancestor = parent,
            // It has ended already, or hides: an honest client waits for its answer, openly.
            None => return true,
        }
    }
    true
}

/// The parent of a process.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything, brackets included.
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn peer(pid: u32, uid: u32) -> Peer {
        Peer::Unix { pid: pid.try_into().ok(), uid, gid: 0 }
    }

    #[test]
    fn a_child_and_its_child_are_told_from_everyone_else() {
        let own = geteuid().as_raw();
        let script = "sleep 60 & echo $!; wait";
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let grandchild: u32 = line.trim().parse().unwrap();
        assert!(is_plugin(&peer(child.id(), own)));
        assert!(is_plugin(&peer(grandchild, own)));
        assert!(!is_plugin(&peer(child.id(), own + 1)), "another user's");
        assert!(!is_plugin(&peer(std::process::id(), own)));
        assert!(!is_plugin(&peer(std::os::unix::process::parent_id(), own)));
        let grandchild = rustix::process::Pid::from_raw(grandchild.cast_signed()).unwrap();
        rustix::process::kill_process(grandchild, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(is_plugin(&peer(child.id(), own)), "it has ended already");
    }
}
