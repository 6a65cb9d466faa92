//! What the daemon calls.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use zonemux_plugin::dns::ZoneMap;
use zonemux_plugin::{Backend, Call, Capabilities, Changes, Error, ErrorKind, Fault, Host, Outcome, Result};

use crate::apply::stage;
use crate::file::{OpenError, RecordFile};
use crate::records::Records;

/// The settings of the plugin.
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where records are kept, so that they survive a restart. Without it they are gone when the
    /// daemon stops.
    pub file: Option<PathBuf>,
}

/// Records in memory, with an optional file.
#[derive(Debug)]
pub struct Memory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    zones: ZoneMap<()>,
    /// Only ever holds what is on the disk. Written with the lock of `storage` held.
    records: RwLock<Records>,
    storage: Mutex<Storage>,
}

#[derive(Debug)]
enum Storage {
    Nowhere,
    File(Box<RecordFile>),
    Closed,
}

impl Backend for Memory {
    type Config = Settings;

    fn validate(settings: &Settings) -> Vec<Fault> {
        let Some(file) = &settings.file else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        if file.file_name().is_none() || file.as_os_str().to_string_lossy().ends_with('/') {
            let fault = Fault::new("file", format!("`{}` is not the path of a file", file.display()));
            faults.push(fault.with_hint("for example `/var/lib/zonemux/records`"));
        }
        faults
    }

    async fn open(settings: Settings, host: Host) -> Result<Self> {
        let zones = host.zones().iter().map(|zone| (zone, ())).collect();
        let (storage, records) = match settings.file {
            None => (Storage::Nowhere, Records::default()),
            Some(path) => {
                let path = host.resolve(path);
                let (file, records) = tokio::task::spawn_blocking(move || RecordFile::open(&path))
                    .await?
                    .map_err(|error| open_error(&error))?;
                tracing::info!(records = records.len(), "records read");
                (Storage::File(Box::new(file)), records)
            }
        };
        let inner = Inner { zones, records: RwLock::new(records), storage: Mutex::new(storage) };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_atomic_units()
    }

    async fn records(&self, _: &Call, out: &mut zonemux_plugin::Records) -> Result<()> {
        let records = self.inner.records.read().unwrap_or_else(PoisonError::into_inner);
        records.iter().try_for_each(|record| out.push(record))
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let (inner, dry_run) = (Arc::clone(&self.inner), call.is_dry_run());
        // Waits for the disk. A call that is cancelled meanwhile is finished all the same.
        tokio::task::spawn_blocking(move || inner.apply(&changes, dry_run)).await?
    }

    async fn check(&self, _: &Call) -> Result<()> {
        match &*self.inner.storage() {
            Storage::File(file) => Ok(file.check()?),
            Storage::Nowhere => Ok(()),
            Storage::Closed => Err(closed()),
        }
    }

    async fn close(&self, _: &Call) -> Result<()> {
        // Dropping the file gives its lock back, for the instance that comes after this one.
        *self.inner.storage() = Storage::Closed;
        Ok(())
    }
}

impl Inner {
    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, changes: &Changes, dry_run: bool) -> Result<Outcome> {
        let mut storage = self.storage();
        if matches!(*storage, Storage::Closed) {
            return Err(closed());
        }
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        let (wishes, outcome) = stage(&records, &self.zones, changes);
        if wishes.is_empty() || dry_run {
            return Ok(outcome);
        }
        if let Storage::File(file) = &mut *storage {
            file.append(&wishes, &records)
                .map_err(|error| Error::retryable(format!("can't write the file of records: {error}")))?;
        }
        drop(records);
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.fulfil(wishes);
        drop(records);
        if let Storage::File(file) = &mut *storage {
            file.tidy(&self.records.read().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(outcome)
    }
}

fn closed() -> Error {
    Error::retryable("the backend is closed")
}

fn open_error(error: &OpenError) -> Error {
    let kind = match error {
        // It may be given back, or mended from outside.
        OpenError::Io { .. } | OpenError::Locked(_) => ErrorKind::Retryable,
        OpenError::Foreign(_) | OpenError::Damaged { .. } => ErrorKind::Config,
    };
    Error::new(kind, error.to_string())
}
