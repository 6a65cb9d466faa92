//! The process among others: it ends with its parent, and none of its kind looks into it.

use std::os::unix::process::parent_id;

use rustix::process::{DumpableBehavior, Signal};

use super::{RestrictError, Restrictions};

/// Half of what can be added: the kernel ends a plugin before the daemon when memory runs out.
const OOM_SCORE: &str = "500";

/// Has the kernel end this process when the *thread* that started it ends.
pub(super) fn end_with_parent(parent: u32) -> Result<(), RestrictError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| {
        RestrictError::Refused { what: "a signal at the parent's end", source: error.into() }
    })?;
    // The parent may have gone before the signal was asked for.
    if parent_id() == parent { Ok(()) } else { Err(RestrictError::Orphaned { expected: parent }) }
}

/// A session of its own: no terminal, and a signal to "the group" reaches this process alone.
pub(super) fn leave_session(done: &mut Restrictions) {
    match rustix::process::setsid() {
        // It leads a group already, which is as much as is needed.
        Ok(_) | Err(rustix::io::Errno::PERM) => {}
        Err(error) => done.miss("a session of its own", error),
    }
}

/// What this process starts stays below it, however often it forks: so it is known whose it is.
pub(super) fn keep_descendants(done: &mut Restrictions) {
    let own = Some(rustix::process::getpid());
    done.unless("descendants that stay descendants", rustix::process::set_child_subreaper(own));
}

/// Memory is taken from plugins first.
pub(super) fn offer_to_oom_killer(done: &mut Restrictions) {
    done.unless("oom_score_adj", std::fs::write("/proc/self/oom_score_adj", OOM_SCORE));
}

/// No core dumps, and no debugger or reader of its memory that runs as the same user.
pub(super) fn make_opaque(done: &mut Restrictions) {
    let set = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    done.unless("protection from other processes of this user", set);
}
