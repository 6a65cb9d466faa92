//! Keeps a second backend or process away from a zone's files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use zonemux_plugin::{Error, Result};

use crate::swap::beside;

/// A lock that ends with the process, however that ends. It is on a file of its own, since those that
/// it is for are replaced.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

/// What is in the lock's file once zonemux has had the managed file whole.
const MARK: &[u8] = b"whole\n";

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
            Ok(()) => Ok(Self { file, path }),
            Err(TryLockError::WouldBlock) => Err(Error::retryable(format!(
                "`{}` is in use by another backend or process\nhint: give each zone to one backend",
                managed.display()
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Whether zonemux has ever had the managed file whole: one without its end is no new one then.
    pub(crate) fn is_marked(&self) -> Result<bool> {
        let length = self.file.metadata().map(|metadata| metadata.len() > 0);
        length.map_err(|error| Error::retryable(format!("can't read `{}`: {error}", self.path.display())))
    }

    /// Keeps for all later openings that the managed file was whole.
    pub(crate) fn mark(&self) -> Result<()> {
        if self.is_marked()? {
            return Ok(());
        }
        let written = fs::write(&self.path, MARK).and_then(|()| self.file.sync_all());
        written.map_err(|error| Error::retryable(format!("can't write `{}`: {error}", self.path.display())))
    }
}
