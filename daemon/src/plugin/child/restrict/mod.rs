//! What a plugin's process may do, put in force before any of the plugin's code is there: its
//! constructors run when it is loaded.
//!
//! A plugin is someone else's code. It gets its own backend's settings and secrets; from here on it can
//! reach no other's: not by a file (`landlock`), not through another process of the same user
//! (`seccomp`), not by what it inherited (`descriptors`, `privileges`), and it does not outlive the
//! daemon (`process`). What the kernel lacks is named in [`Restrictions::missing`] and is no error: a
//! daemon that protects less serves better than one that does not start, and operators see which it is.

mod calls;
mod descriptors;
mod landlock;
mod limits;
mod opening;
mod paths;
mod privileges;
mod process;
mod seccomp;
mod settings;
mod system_files;

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use descriptors::close_inherited;
pub use settings::paths_in_settings;
pub use system_files::SystemFiles;

/// What a plugin's process may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The process id of the daemon, which must be the parent: with it the process ends.
    pub parent: u32,
    /// Bytes of private writable memory (`RLIMIT_DATA`): heap, anonymous mappings, stacks of threads.
    pub memory_limit: u64,
    /// Sockets other than unix ones.
    pub network: bool,
    /// May start other programs, and signal those.
    pub commands: bool,
    /// Folders and files that may be read, written, created, renamed and removed, with all below them.
    /// A file opens the folder it is in as well where the process could write there in any case, since
    /// files are replaced by renaming another into their place.
    pub writable: Vec<PathBuf>,
    /// Folders and files that may be read, with all below them.
    pub readable: Vec<PathBuf>,
}

/// What is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restrictions {
    /// The version of Landlock's interface that is used, at most the newest one known here.
    pub landlock: Option<u32>,
    /// Whether the filter of system calls is in force.
    pub seccomp: bool,
    /// What is not in force, each in words for an operator. Never a path from the settings.
    pub missing: Vec<String>,
}

impl Restrictions {
    fn miss(&mut self, what: &str, why: impl std::fmt::Display) {
        self.missing.push(format!("{what}: {why}"));
    }

    /// Names what the system refused.
    fn unless<T>(&mut self, what: &str, done: Result<T, impl Into<io::Error>>) {
        if let Err(error) = done {
            self.miss(what, error.into());
        }
    }
}

/// Why a plugin's process may not go on.
#[derive(Debug, thiserror::Error)]
pub enum RestrictError {
    /// The daemon that started it is gone: nobody would read its answers, or end it.
    #[error("the daemon (process {expected}) that started this process is gone")]
    Orphaned {
        /// [`Profile::parent`].
        expected: u32,
    },
    /// Something that every supported kernel grants to everyone was refused.
    #[error("{what} was refused: {source}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// Restricts this process to its profile, for good.
///
/// To be called once, right after the process has started and with one thread: those that are there already
/// keep their freedom in part.
pub fn restrict(profile: &Profile) -> Result<Restrictions, RestrictError> {
    let mut done = Restrictions::default();
    process::end_with_parent(profile.parent)?;
    process::leave_session(&mut done);
    process::keep_descendants(&mut done);
    // Before it is made opaque: from then on its files in /proc are root's.
    process::offer_to_oom_killer(&mut done);
    process::make_opaque(&mut done);
    limits::set(profile.memory_limit, &mut done);
    privileges::drop_all_but_few(&mut done)?;
    landlock::enforce(profile, &mut done);
    seccomp::enforce(profile, &mut done);
    Ok(done)
}
