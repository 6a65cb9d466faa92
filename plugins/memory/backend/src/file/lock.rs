//! Keeps a second backend away from a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::OpenError;

/// A lock that ends with the process, however that ends. It is on a file of its own, since the file
/// of records is replaced now and then.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(records: &Path) -> Result<Self, OpenError> {
        let mut path = records.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let failed = |error| OpenError::Io { action: "lock", path: path.clone(), error };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(records.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}
