//! Why state could not be read or written.

use std::io;

/// Why a store could not do what it was asked: what was tried, where, and what the system said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("can't {action} {place}: {reason}")]
pub struct StoreError {
    /// What was tried: `read`, `write`, …
    pub action: &'static str,
    /// The file, or the key of another store.
    pub place: String,
    /// What the system said.
    pub reason: String,
    /// What kind of trouble it is.
    pub kind: StoreErrorKind,
}

/// The kind of a [`StoreError`], for those who act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No room is left.
    Full,
    /// It can't be written at all, until someone changes that.
    ReadOnly,
    /// This account may not.
    Denied,
    /// What was read can't be what was written.
    Damaged,
    /// It was written by a newer version, in a form that this one can't read.
    Newer,
    /// Anything else.
    Other,
}

impl StoreError {
    /// An error of the system.
    pub(crate) fn io(action: &'static str, place: impl Into<String>, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                StoreErrorKind::Full
            }
            io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::ReadOnly,
            io::ErrorKind::PermissionDenied => StoreErrorKind::Denied,
            _ => StoreErrorKind::Other,
        };
        Self { action, place: place.into(), reason: error.to_string(), kind }
    }

    /// A value that can't be used as it is.
    pub(crate) fn value(kind: StoreErrorKind, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { action: "use", place: place.into(), reason: reason.into(), kind }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self.kind {
            StoreErrorKind::Full => {
                Some("make room where `state.directory` is; zonemux goes on by itself then")
            }
            StoreErrorKind::ReadOnly => {
                Some("mount the file system of `state.directory` writable; zonemux goes on by itself then")
            }
            StoreErrorKind::Denied => {
                Some("`state.directory` and all in it must belong to the account that runs zonemux")
            }
            StoreErrorKind::Damaged => Some("the next complete list takes its place; check the disk"),
            StoreErrorKind::Newer => Some("run the version that wrote it, or move it away"),
            StoreErrorKind::Other => None,
        }
    }
}
