//! What is told of a backend's safety: to `zonemux status`, and as gauges.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::asked::seconds;
use super::breaker::BreakerState;
use super::guard::HeldEntry;
use super::mirror::MirrorStatus;
use super::quarantine::QuarantineEntry;
use super::{SafeBackend, State};
use crate::telemetry::metrics;

/// The most entries of a list that are told; how many there are is told always.
const MOST: usize = 100;

/// A backend's safety for `zonemux status`. Times are in seconds since 1970, spans in seconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SafetyStatus {
    /// Whether the backend is asked at all.
    pub breaker: BreakerStatus,
    /// The last complete list; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotStatus>,
    /// Units that the backend refuses and that are set aside.
    pub quarantine: Bounded<QuarantineEntry>,
    /// Units that the deletion guard holds.
    pub held: Bounded<HeldEntry>,
    /// Whether the outcome of an apply is not known until the next list.
    pub unconfirmed: bool,
    /// The apply that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<RunningStatus>,
    /// How many ownership TXT are kept in our store.
    pub virtual_ownership: usize,
    /// What is written to beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<MirrorStatus>,
}

/// How a breaker stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BreakerStatus {
    /// `closed`, `half_open` or `open`.
    pub state: String,
    /// When the backend is asked again, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_in: Option<u64>,
}

/// The last complete list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SnapshotStatus {
    /// How many records it has.
    pub records: u64,
    /// How old it is; `None` where the clock was wrong, and nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<u64>,
}

/// An apply that runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunningStatus {
    /// How many units it writes.
    pub units: usize,
    /// How many of them have their outcome. Only what the backend was given part by part shows on the way.
    #[serde(default)]
    pub done: usize,
    /// When it began.
    pub since: u64,
}

/// The beginning of a list that may be long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounded<T> {
    /// How many there are.
    pub total: usize,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Bounded<T> {
    fn of(total: usize, entries: impl Iterator<Item = T>) -> Self {
        Self { total, first: entries.take(MOST).collect() }
    }
}

impl SafeBackend {
    /// How the backend's safety is. May wait for others who wait for the disk: call it where blocking
    /// is allowed.
    pub fn safety(&self) -> SafetyStatus {
        let state = &self.state;
        let breaker = state.breaker.state(Instant::now());
        let retry_in = match breaker {
            BreakerState::Open { retry_in } => Some(whole(retry_in)),
            BreakerState::Closed | BreakerState::HalfOpen => None,
        };
        let snapshot = state
            .kept
            .records()
            .map(|records| SnapshotStatus { records, age: state.kept.age().map(|age| age.as_secs()) });
        let quarantine = {
            let quarantine = state.quarantine();
            Bounded::of(quarantine.len(), quarantine.entries().cloned())
        };
        let held = {
            let held = state.held();
            Bounded::of(held.len(), held.entries(SystemTime::now()))
        };
        let running = state.running.current().map(|running| RunningStatus {
            units: running.units(),
            done: running.done(),
            since: seconds(running.since()),
        });
        SafetyStatus {
            breaker: BreakerStatus { state: breaker.as_str().to_owned(), retry_in },
            snapshot,
            quarantine,
            held,
            unconfirmed: state.is_unconfirmed(),
            running,
            virtual_ownership: state.ownership().len(),
            mirrors: self.mirror_status(),
        }
    }

    /// Sets the gauges that change by themselves with time. To be called before metrics are rendered;
    /// it waits for nobody.
    pub fn set_gauges(&self) {
        let breaker = match self.state.breaker.state(Instant::now()) {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open { .. } => 2,
        };
        metrics::breaker_state(self.name(), breaker);
        if let Some(age) = self.state.kept.age() {
            metrics::snapshot_age(self.name(), age);
        }
    }
}

impl State {
    /// Sets the gauges that count what is remembered. Also at the start, so that each is there from then
    /// on. May block.
    pub(super) fn set_counts(&self, backend: &str) {
        metrics::quarantined(backend, self.quarantine().reasons());
        metrics::guard_held(backend, "max_deletes", self.held().count(SystemTime::now()));
    }
}

/// Whole seconds, and at least one.
fn whole(span: std::time::Duration) -> u64 {
    (span + std::time::Duration::from_millis(999)).as_secs().max(1)
}
