//! A control group for each child, so that the kernel counts everything it holds: shared memory and the
//! programs it starts too, which a limit of the process does not see.
//!
//! Groups are made only where the service manager handed the part of the tree over (`Delegate=memory`):
//! elsewhere the tree is somebody else's, and the child has the limit of its process alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where version 2 is mounted; with version 1 beside it, that has the memory.
const TREE: &str = "/sys/fs/cgroup";
/// What systemd marks a part with that it handed over: for all to see, and before version 251 for root.
const MARKS: [&str; 2] = ["user.delegate", "trusted.delegate"];
/// The daemon's own group below its part: one that has groups in it may hold no process.
const DAEMON: &str = "daemon";
const CHILD: &str = "plugin-";
/// Bytes beyond the limit: code, the page cache and the kernel's own are counted here as well, and an
/// allocation that fails tells a plugin more than its end.
const HEADROOM: u64 = 32 << 20;

/// A child's group. Dropping it ends what is left in it, and removes it.
#[derive(Debug)]
pub struct Confined {
    path: PathBuf,
}

/// Why a child has no group of its own.
#[derive(Debug, thiserror::Error)]
enum NoGroup {
    /// No part of the tree was handed over to the daemon, which is usual in containers.
    #[error("no control group with memory was delegated to the daemon")]
    NotDelegated,
    /// It was, and the kernel refused a step.
    #[error("{}: {error}", path.display())]
    Refused {
        /// The file or folder.
        path: PathBuf,
        /// The kernel's answer.
        error: io::Error,
    },
}

/// Puts the process `pid`, a child for the backend of that name, into a group that may hold `limit` bytes
/// and a little more, where the tree allows it. To be called once it has started; what it held until then is
/// not counted.
pub fn confine(backend: &str, pid: u32, limit: u64) -> Option<Confined> {
    match try_confine(backend, pid, limit) {
        Ok(confined) => Some(confined),
        Err(NoGroup::NotDelegated) => {
            tracing::debug!(backend, "no control group with memory is the daemon's: no group for the plugin");
            None
        }
        Err(error) => {
            tracing::warn!(backend, %error, "no control group for the plugin's process");
            None
        }
    }
}

fn try_confine(backend: &str, pid: u32, limit: u64) -> Result<Confined, NoGroup> {
    let own = fs::read_to_string("/proc/self/cgroup").map_err(refused(Path::new("/proc/self/cgroup")))?;
    Part::find(Path::new(TREE), &own, is_marked).ok_or(NoGroup::NotDelegated)?.confine(backend, pid, limit)
}

/// The part of the tree that is the daemon's.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    path: PathBuf,
    /// Whether the daemon still is in it rather than in a group below.
    holds_daemon: bool,
}

impl Part {
    fn find(tree: &Path, own: &str, is_delegated: impl Fn(&Path) -> bool) -> Option<Self> {
        // `0::/system.slice/zonemux.service`; the other lines are version 1's.
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let own = tree.join(own);
        // What is above the namespace's root is shown as `..`.
        if own.components().any(|part| part.as_os_str() == "..") {
            return None;
        }
        let parts = own.ancestors().take(2).take_while(|path| path.starts_with(tree) && *path != tree);
        let path = parts.into_iter().find(|path| has_memory(path) && is_delegated(path))?.to_owned();
        Some(Self { holds_daemon: path == own, path })
    }

    fn confine(&self, backend: &str, pid: u32, limit: u64) -> Result<Confined, NoGroup> {
        self.sweep();
        if self.holds_daemon {
            let own = self.path.join(DAEMON);
            make(&own)?;
            write(&own.join("cgroup.procs"), &std::process::id().to_string())?;
        }
        write(&self.path.join("cgroup.subtree_control"), "+memory")?;
        let group = Confined { path: self.path.join(format!("{CHILD}{}-{pid}", plain(backend))) };
        make(&group.path)?;
        // From here on dropping it cleans up.
        write(&group.path.join("memory.max"), &limit.saturating_add(HEADROOM).to_string())?;
        write(&group.path.join("memory.oom.group"), "1")?;
        // Not there where the kernel has no swap.
        drop(write(&group.path.join("memory.swap.max"), "0"));
        write(&group.path.join("cgroup.procs"), &pid.to_string())?;
        Ok(group)
    }

    /// Removes what an earlier child left: a group can't be removed until the last of it is gone.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(CHILD)) {
            // One that is in use stays: the kernel refuses.
            drop(fs::remove_dir(entry.path()));
        }
    }
}

impl Confined {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often the kernel ended a process of it for lack of memory.
    pub fn ended_for_memory(&self) -> u64 {
        let events = fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        // Programs that the plugin had started. Without this file (before Linux 5.14) they go on, and the
        // group stays until they end.
        drop(write(&self.path.join("cgroup.kill"), "1"));
        drop(fs::remove_dir(&self.path));
    }
}

fn has_memory(part: &Path) -> bool {
    let controllers = fs::read_to_string(part.join("cgroup.controllers")).unwrap_or_default();
    controllers.split_whitespace().any(|controller| controller == "memory")
}

fn is_marked(part: &Path) -> bool {
    MARKS.iter().any(|mark| {
        let mut value = [0];
        rustix::fs::getxattr(part, *mark, &mut value[..]).is_ok_and(|length| value[..length] == *b"1")
    })
}

/// A backend's name as a part of a folder's.
fn plain(backend: &str) -> String {
    backend
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
        .collect()
}

fn make(folder: &Path) -> Result<(), NoGroup> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(refused(folder)(error)),
        _ => Ok(()),
    }
}

fn write(file: &Path, text: &str) -> Result<(), NoGroup> {
    fs::write(file, text).map_err(refused(file))
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> NoGroup {
    move |error| NoGroup::Refused { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const SERVICE: &str = "0::/system.slice/zonemux.service\n";
    const BELOW: &str = "5:pids:/x\n0::/system.slice/zonemux.service/daemon\n";

    /// Files in the place of the kernel's.
    fn tree() -> (TempDir, PathBuf) {
        let tree = tempfile::tempdir().unwrap();
        let service = tree.path().join("system.slice/zonemux.service");
        fs::create_dir_all(service.join("daemon")).unwrap();
        for part in [&service, &service.join("daemon"), &tree.path().join("system.slice")] {
            fs::write(part.join("cgroup.controllers"), "cpu memory pids").unwrap();
        }
        (tree, service)
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_child_gets_a_group_beside_the_daemons() {
        let (tree, service) = tree();
        let part = Part::find(tree.path(), BELOW, |path| path == service).unwrap();
        assert_eq!(part, Part { path: service.clone(), holds_daemon: false });
        let group = part.confine("lan/a", 4711, 64 << 20).unwrap();
        let path = service.join("plugin-lan_a-4711");
        assert_eq!(group.path(), path);
        assert_eq!(read(&service.join("cgroup.subtree_control")), "+memory");
        assert_eq!(read(&path.join("memory.max")), (96_u64 << 20).to_string());
        assert_eq!(
            (read(&path.join("memory.oom.group")), read(&path.join("cgroup.procs"))),
            ("1".into(), "4711".into())
        );
        assert_eq!(group.ended_for_memory(), 0);
        fs::write(path.join("memory.events"), "oom 2\noom_kill 1\noom_group_kill 1\n").unwrap();
        assert_eq!(group.ended_for_memory(), 1);
        drop(group);
        assert_eq!(read(&path.join("cgroup.kill")), "1");
    }

    #[test]
    fn the_daemon_moves_down_where_it_sits_in_the_part_itself() {
        let (tree, service) = tree();
        let part = Part::find(tree.path(), SERVICE, |path| path == service).unwrap();
        assert!(part.holds_daemon);
        part.confine("lan", 1, 1).unwrap();
        assert_eq!(read(&service.join("daemon/cgroup.procs")), std::process::id().to_string());
    }

    #[test]
    fn what_was_not_handed_over_is_left_alone() {
        let (tree, service) = tree();
        let all = |_: &Path| true;
        assert_eq!(Part::find(tree.path(), SERVICE, |_| false), None);
        // The slice is two above, and never the daemon's.
        assert_eq!(Part::find(tree.path(), BELOW, |path| path.ends_with("system.slice")), None);
        for own in ["0::/\n", "0::/../other\n", "4:memory:/x\n", ""] {
            assert_eq!(Part::find(tree.path(), own, all), None, "{own}");
        }
        fs::write(service.join("cgroup.controllers"), "cpu pids").unwrap();
        assert_eq!(Part::find(tree.path(), SERVICE, |path| path == service), None);
    }

    #[test]
    fn a_refused_step_names_its_file_and_leaves_no_group() {
        let (tree, service) = tree();
        let part = Part::find(tree.path(), BELOW, |path| path == service).unwrap();
        fs::create_dir(service.join("cgroup.subtree_control")).unwrap();
        let error = part.confine("lan", 1, 1).unwrap_err().to_string();
        assert!(error.contains("cgroup.subtree_control: "), "{error}");
        assert!(!service.join("plugin-lan-1").exists());
    }

    #[test]
    fn groups_that_earlier_children_left_are_removed() {
        let (tree, service) = tree();
        fs::create_dir(service.join("plugin-old-1")).unwrap();
        let part = Part::find(tree.path(), BELOW, |path| path == service).unwrap();
        part.confine("lan", 2, 1).unwrap();
        assert!(!service.join("plugin-old-1").exists() && service.join("daemon").exists());
    }
}
