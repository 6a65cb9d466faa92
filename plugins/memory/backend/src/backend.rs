//! What the daemon calls.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::RwLock;
use zonemux_plugin::dns::ZoneMap;
use zonemux_plugin::{Backend, Call, Capabilities, Changes, Error, ErrorKind, Fault, Host, Outcome, Result};

use crate::apply::apply;
use crate::file::{OpenError, RecordFile};
use crate::records::{Draft, Records};

/// The settings of the plugin.
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where records are kept, so that they survive a restart; a relative path refers to the folder of
    /// the configuration file. Without it they are gone when the daemon stops.
    pub file: Option<PathBuf>,
}

/// Records in memory, with an optional file.
#[derive(Debug)]
pub struct Memory {
    zones: Arc<ZoneMap<()>>,
    /// Readers wait while a batch is on its way to the disk: nobody sees what might be taken back.
    state: Arc<RwLock<State>>,
}

#[derive(Debug)]
struct State {
    records: Records,
    storage: Storage,
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
        let state = State { records, storage };
        Ok(Self { zones: Arc::new(zones), state: Arc::new(RwLock::new(state)) })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_atomic_units()
    }

    async fn records(&self, _: &Call, out: &mut zonemux_plugin::Records) -> Result<()> {
        let state = self.state.read().await;
        state.records.iter().try_for_each(|record| out.push(record))
    }

    async fn apply_changes(&self, call: &Call, changes: Changes) -> Result<Outcome> {
        let (zones, state) = (Arc::clone(&self.zones), Arc::clone(&self.state));
        let dry_run = call.is_dry_run();
        // Waits for the disk. A call that is cancelled meanwhile is finished all the same.
        let work = move || state.blocking_write().apply(&zones, &changes, dry_run);
        tokio::task::spawn_blocking(work).await?
    }

    async fn check(&self, _: &Call) -> Result<()> {
        match &self.state.read().await.storage {
            Storage::File(file) => Ok(file.check()?),
            Storage::Nowhere => Ok(()),
            Storage::Closed => Err(closed()),
        }
    }

    async fn close(&self, _: &Call) -> Result<()> {
        // Dropping the file gives its lock back, for the instance that comes after this one.
        self.state.write().await.storage = Storage::Closed;
        Ok(())
    }
}

impl State {
    fn apply(&mut self, zones: &ZoneMap<()>, changes: &Changes, dry_run: bool) -> Result<Outcome> {
        if matches!(self.storage, Storage::Closed) {
            return Err(closed());
        }
        let mut draft = Draft::new(&mut self.records);
        let outcome = apply(&mut draft, zones, changes);
        if dry_run || draft.steps().is_empty() {
            return Ok(outcome);
        }
        if let Storage::File(file) = &mut self.storage {
            file.append(draft.steps(), draft.records())
                .map_err(|error| Error::retryable(format!("can't write the file of records: {error}")))?;
        }
        draft.keep();
        if let Storage::File(file) = &mut self.storage {
            file.tidy(&self.records);
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
