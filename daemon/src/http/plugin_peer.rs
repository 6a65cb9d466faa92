//! Who may ask neither of the control socket nor of the webhook: the processes that the daemon started itself,
//! which are its plugins'.
//!
//! They run as the same user, and before version 9 Landlock lets whoever runs as that user connect to a socket.

use std::fs;
use std::sync::Arc;

use rustix::process::{geteuid, getpid};

use crate::plugin_processes::backend_of;

/// More generations than any plugin's programs have.
const GENERATIONS: usize = 64;

/// What the kernel says of a process that can't be seen from here.
const OUT_OF_SIGHT: i32 = 0;

/// A plugin's process that has connected, or a program that one started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginPeer {
    /// Whose it is; `None` where that can't be told any more.
    pub backend: Option<Arc<str>>,
}

/// Whether a process that has connected is a plugin's, or a program that one started, and whose.
pub(super) fn find(pid: i32, uid: u32) -> Option<PluginPeer> {
    let own = getpid().as_raw_nonzero().get();
    // Another user's process is none, nor is one of a container beside ours, since what we start stays in
    // sight; and who sees nothing of processes can't tell.
    if uid != geteuid().as_raw() || pid == OUT_OF_SIGHT || parent(own).is_none() {
        return None;
    }
    let mut ancestor = pid;
    for _ in 0..GENERATIONS {
        match parent(ancestor) {
            Some(parent) if parent == own => {
                let backend = u32::try_from(ancestor).ok().and_then(backend_of);
                return Some(PluginPeer { backend });
            }
            // The first of all, and one whose parent is outside of what is seen here.
            Some(parent) if parent <= 1 => return None,
            Some(parent) => ancestor = parent,
            // It has ended already, or hides: an honest client waits to be answered, openly.
            None => return Some(PluginPeer { backend: None }),
        }
    }
    Some(PluginPeer { backend: None })
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

    fn is_plugin(pid: i32, uid: u32) -> bool {
        find(pid, uid).is_some()
    }

    #[test]
    fn a_child_and_its_child_are_told_from_everyone_else() {
        let own = geteuid().as_raw();
        let script = "sleep 60 & echo $!; wait";
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let grandchild = line.trim().parse().unwrap();
        let first = child.id().cast_signed();
        assert!(is_plugin(first, own));
        assert!(is_plugin(grandchild, own));
        assert!(!is_plugin(first, own + 1), "another user's");
        assert!(!is_plugin(std::process::id().cast_signed(), own));
        assert!(!is_plugin(std::os::unix::process::parent_id().cast_signed(), own));
        assert!(!is_plugin(OUT_OF_SIGHT, own), "in another container");
        let grandchild = rustix::process::Pid::from_raw(grandchild).unwrap();
        rustix::process::kill_process(grandchild, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(is_plugin(first, own), "it has ended already");
    }
}
