//! What is told of a backend: to the log, to metrics, to `zonemux status`.

use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use tokio::time::Instant;

use super::driver::BackendError;
use super::lifecycle::Life;
use super::{Backend, List};
use crate::telemetry::metrics;

/// How a backend's last calls went.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// `None` before the first call.
    up: Option<bool>,
    /// Whether the last listing failed.
    list_failed: bool,
    last_error: Option<(String, SystemTime)>,
    last_list: Option<(u64, SystemTime)>,
}

/// A backend for `zonemux status`.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub struct BackendStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Where it stands.
    pub state: BackendState,
    /// Its zones, as far as they are known.
    pub zones: Vec<String>,
    /// Records in its last complete list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// When that list was complete, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_at: Option<u64>,
    /// Why its last failed call failed; names in it are the operator's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When that was, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<u64>,
    /// The process that its plugin runs in, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessStatus>,
}

/// The process that a backend's plugin has of its own, for `zonemux status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct ProcessStatus {
    /// Its process id, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// What it may do though it should not, where the kernel can't keep it from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrestricted: Vec<String>,
    /// How often one had to be started after another had ended by itself.
    pub restarts: u64,
    /// How the last one ended that did so by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<String>,
    /// When that was, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end_at: Option<u64>,
    /// What it had printed last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
}

/// Where a backend stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendState {
    /// Being opened for the first time.
    Opening,
    /// Open, and its last call went well.
    Up,
    /// Open, but its last call failed.
    Failing,
    /// Could not be opened.
    Down,
    /// Closed for good.
    Closed,
}

impl BackendState {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Up => "up",
            Self::Failing => "failing",
            Self::Down => "down",
            Self::Closed => "closed",
        }
    }
}

/// The word for a call's result in metrics.
pub(super) fn outcome<T>(result: &Result<T, BackendError>) -> &'static str {
    result.as_ref().map_or_else(|error| error.kind.as_str(), |_| "ok")
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Backend {
    /// How the backend is.
    pub fn status(&self) -> BackendStatus {
        let health = self.health();
        let state = match &*self.life.borrow() {
            Life::Opening => BackendState::Opening,
            Life::Open(_) if health.up == Some(false) => BackendState::Failing,
            Life::Open(_) => BackendState::Up,
            Life::Failed(_) => BackendState::Down,
            Life::Closed => BackendState::Closed,
        };
        BackendStatus {
            name: self.name.clone(),
            state,
            zones: self.zones().unwrap_or_default(),
            records: health.last_list.map(|(records, _)| records),
            listed_at: health.last_list.map(|(_, at)| seconds(at)),
            last_error: health.last_error.as_ref().map(|(error, _)| error.clone()),
            last_error_at: health.last_error.as_ref().map(|&(_, at)| seconds(at)),
            process: self.driver.get().and_then(|driver| driver.process()),
        }
    }

    /// Whether a list can be expected of it: it is open, and its last listing did not fail.
    pub fn can_list(&self) -> bool {
        matches!(&*self.life.borrow(), Life::Open(_)) && !self.health().list_failed
    }

    /// Counts a call, and remembers how it went.
    pub(super) fn note_call<T>(
        &self,
        operation: &'static str,
        started: Instant,
        result: &Result<T, BackendError>,
    ) {
        metrics::backend_call(&self.name, operation, outcome(result), started.elapsed());
        if operation == "records" {
            self.health().list_failed = result.is_err();
        }
        match result {
            Ok(_) => {
                let before = self.health().up.replace(true);
                if before == Some(false) {
                    tracing::info!(backend = self.name, operation, "backend works again");
                }
                metrics::backend_up(&self.name, true);
            }
            Err(error) => self.note_failure(error),
        }
    }

    pub(super) fn note_failure(&self, error: &BackendError) {
        let mut health = self.health();
        health.up = Some(false);
        health.last_error = Some((error.message.clone(), SystemTime::now()));
        drop(health);
        metrics::backend_up(&self.name, false);
    }

    pub(super) fn note_list(&self, list: &List) {
        self.health().last_list = Some((list.json.count as u64, SystemTime::now()));
        for &(record_type, count) in &list.types {
            metrics::backend_records(&self.name, record_type, count);
        }
        if list.foreign > 0 {
            tracing::warn!(
                backend = self.name,
                records = list.foreign,
                "the backend lists names that are not its own; they are left out"
            );
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
