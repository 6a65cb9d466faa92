//! What keeps mistakes and failures from becoming outages, alike for every backend.
//!
//! A list on its way to a view: `records` (fresh, else `snapshot`), joined with `ownership`. A batch on its
//! way to a backend: `units` → `running` (joined?) → `decide` (`guard`, `quarantine`, true already?) →
//! `intention` (stored first) → `write` (halved, undone) → `account`. After a crash: `settle`. What was
//! applied is then given to the `mirror`s.
//! What a person asks by hand: `plan`, `release`, `status`; what became of each unit: `report`.

mod account;
pub mod adjust;
mod apply;
mod asked;
mod before;
pub mod breaker;
mod call;
mod compare;
mod decide;
mod facts;
#[cfg(test)]
mod fixture;
pub mod guard;
pub mod identity;
mod intention;
mod kept;
pub mod key;
pub mod mirror;
mod outcome;
pub mod ownership;
mod plan;
mod policy;
pub mod quarantine;
mod records;
mod registry;
mod release;
mod report;
mod running;
mod settle;
mod shown;
pub mod snapshot;
mod state;
mod status;
mod undo;
mod units;
mod write;

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use zonemux_plugin::{ChangeId, ErrorKind};

pub use call::SafeCall;
pub use key::RecordKey;
pub use outcome::Tally;
pub use policy::Policy;
pub use records::ShownList;
pub use registry::Registry;
pub use release::Release;
pub use report::{ByHand, ChangeReport, RecordData, UnitOutcome, UnitReport};
pub use state::State;
pub use status::{Bounded, BreakerStatus, RunningStatus, SafetyStatus, SnapshotStatus};

use crate::backend::{Backend, BackendError};
use crate::journal::Journal;
use crate::store::StoreError;
use adjust::AdjustPolicy;
use guard::Rules;
use mirror::Link;
use ownership::{OwnershipEntry, owned_record};
use units::Units;

/// Batches with more changes are taken apart on a thread that may be busy for a while.
const LARGE: usize = 1000;

/// A backend behind everything that protects it.
#[derive(Debug)]
pub struct SafeBackend {
    policy: Policy,
    backend: Arc<Backend>,
    state: Arc<State>,
    journal: Arc<Journal>,
    /// By the zones that are known now.
    rules: ArcSwap<Rules>,
    adjust: AdjustPolicy,
    /// What is written to as well; set once, when all backends of a generation are there.
    mirrors: OnceLock<Vec<Arc<Link>>>,
}

impl SafeBackend {
    /// Protects a backend by what one generation says, and by what is remembered under its name.
    pub fn new(policy: Policy, backend: Arc<Backend>, state: Arc<State>, journal: Arc<Journal>) -> Arc<Self> {
        state.adopt(&policy);
        let adjust = AdjustPolicy::new(policy.adjust.clone());
        let (rules, mirrors) = (ArcSwap::default(), OnceLock::new());
        let safe = Self { policy, backend, state, journal, rules, adjust, mirrors };
        let safe = Arc::new(safe);
        let listed = Arc::downgrade(&safe);
        safe.backend.on_list(move |list| {
            if let Some(safe) = listed.upgrade() {
                safe.keep(list);
            }
        });
        safe.set_gauges();
        safe.state.set_counts(safe.name());
        safe.refresh();
        safe
    }

    /// The name of the backend.
    pub fn name(&self) -> &str {
        self.backend.name()
    }

    /// What it protects.
    pub fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    /// What is remembered under its name.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// How endpoints are brought into the form in which they will be listed.
    pub fn adjust_policy(&self) -> &AdjustPolicy {
        &self.adjust
    }

    /// Judges by the zones that are known now. To be called when the backend has found its zones.
    pub fn refresh(self: &Arc<Self>) {
        let zones = self.backend.zones().unwrap_or_default();
        self.rules.store(Arc::new(Rules::new(&self.policy.guards, &zones)));
        let capabilities = self.backend.capabilities();
        let safe = Arc::clone(self);
        self.backend.spawn(async move {
            let stored = blocking(true, move || {
                if let Some(capabilities) = capabilities {
                    safe.state.remember_capabilities(&capabilities);
                }
                safe.state.kept.load(&safe.backend.scope());
            });
            if let Err(error) = stored.await {
                tracing::error!(error = %error, "what is known of a backend was not stored");
            }
        });
    }

    /// Whether a list can be expected of it: fresh, or an old one that is young enough.
    pub fn can_list(&self) -> bool {
        self.backend.can_list() || self.state.kept.can_serve(self.policy.max_stale)
    }

    /// Whether the backend writes whole units in one step.
    fn is_atomic(&self) -> bool {
        self.backend.capabilities().is_some_and(|capabilities| capabilities.atomic_units)
    }

    /// Removes the mark: every unit's outcome is known.
    async fn confirm(self: &Arc<Self>) {
        let safe = Arc::clone(self);
        match blocking(true, move || safe.state.mark.clear()).await {
            Ok(Ok(())) => self.state.set_unconfirmed(false),
            Ok(Err(error)) => tracing::warn!(
                backend = self.name(), %error, hint = error.hint(),
                "the mark of an apply that is done can't be removed; the next list does it"
            ),
            Err(error) => tracing::error!(backend = self.name(), error = %error, "a mark was not removed"),
        }
    }

    /// Puts ownership TXT of units into our store, and takes them out. Blocks on it.
    fn store_ownership(&self, work: &Units, changes: &[(usize, ChangeId)]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut ownership = self.state.ownership();
        let entries: Vec<_> = changes
            .iter()
            .filter_map(|&(unit, id)| Some((unit, work.change(id)?)))
            .map(|(unit, change)| {
                let key = RecordKey::of(&change.endpoint());
                let entry = change.desired().and_then(|txt| {
                    let keys = work.keys(unit);
                    let known = ownership.get(&key).and_then(|entry| entry.record().cloned());
                    let record = owned_record(&txt, |key| keys.contains(key)).or(known);
                    OwnershipEntry::new(&txt, record)
                });
                (key, entry)
            })
            .collect();
        ownership.commit(entries)
    }
}

/// Runs work where it may take long, if it will.
async fn blocking<T: Send + 'static>(
    long: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackendError> {
    if !long {
        return Ok(work());
    }
    let broke_off = |_| BackendError::new(ErrorKind::Internal, "a part of the call broke off");
    tokio::task::spawn_blocking(work).await.map_err(broke_off)
}
