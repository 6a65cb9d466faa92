//! One daemon to a state directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::give_to_owner;

/// The file in the state directory. It is never removed: a process that opened it before would hold a
/// lock that no other sees.
const FILE: &str = "lock";

/// The right to write to a state directory. It ends with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a state directory can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the state directory {} is in use{}", directory.display(), holder(*process))]
    Held {
        /// The state directory.
        directory: PathBuf,
        /// The process that has it, where it could write that down.
        process: Option<u32>,
    },
    /// The lock's file can't be used.
    #[error("can't lock {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl LockError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Held { .. } => {
                Some("a zonemux runs there: stop it, or give this one a `state.directory` of its own")
            }
            Self::Io { error, .. } => match error.kind() {
                io::ErrorKind::NotFound => Some("make the folder that `state.directory` names"),
                io::ErrorKind::PermissionDenied => {
                    Some("`state.directory` and all in it must belong to the account that runs zonemux")
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some("make room where `state.directory` is")
                }
                _ => None,
            },
        }
    }
}

impl Lock {
    /// Takes the lock of an existing state directory, or says at once who has it.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join(FILE);
        let failed = |error| LockError::Io { path: path.clone(), error };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // A file that is there can be locked without being written: on a disk that became read-only
        // the daemon still serves.
        let (mut file, writable) = match options.open(&path) {
            Ok(file) => (file, true),
            Err(error) => (File::open(&path).map_err(|_| failed(error))?, false),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { directory: directory.to_owned(), process: process(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if writable {
            // The number is for a person; the lock holds without it, also on a full disk.
            let _for_information = give_to_owner(&file, directory)
                .and_then(|()| file.set_len(0))
                .and_then(|()| file.rewind())
                .and_then(|()| writeln!(file, "{}", std::process::id()));
        }
        Ok(Self { _file: file })
    }
}

fn process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn holder(process: Option<u32>) -> String {
    process.map_or_else(|| " by another process".to_owned(), |id| format!(" by process {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_on_the_same_state_directory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::acquire(folder.path()).unwrap();
        let error = Lock::acquire(folder.path()).unwrap_err();
        let expected = format!(
            "the state directory {} is in use by process {}",
            folder.path().display(),
            std::process::id()
        );
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().unwrap().contains("stop it"));
        drop(first);
        Lock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_lock_whose_holder_is_gone_is_free() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "4194304\n").unwrap();
        Lock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Lock::acquire(&folder.path().join("no")).unwrap_err();
        assert!(error.to_string().starts_with("can't lock "), "{error}");
        assert_eq!(error.hint(), Some("make the folder that `state.directory` names"));
    }
}
