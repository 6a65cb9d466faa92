//! Keeps a second backend or process away from a zone's files.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use zonemux_plugin::{Error, Result};

use crate::swap::beside;

/// A lock that ends with the process, however that ends. It is on a file of its own, since those that
/// it is for are replaced.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(managed: &Path) -> Result<Self> {
        let path = beside(managed, "lock");
        let failed = |error| Error::retryable(format!("can't lock `{}`: {error}", path.display()));
        if !path.exists() {
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        }
        // Held for reading only: a file that is open for writing keeps its file system from being
        // made read-only.
        let file = File::open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::retryable(format!(
                "`{}` is in use by another backend or process\nhint: give each zone to one backend",
                managed.display()
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
