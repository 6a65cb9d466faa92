//! Listing: the backend's own list where it can be had, else the last complete one, and what our store
//! adds to it.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;
use zonemux_plugin::ErrorKind;

use super::apply::report;
use super::call::SafeCall;
use super::identity::StateHash;
use super::quarantine::QuarantineEntry;
use super::shown::Shown;
use super::{RecordKey, SafeBackend, blocking};
use crate::backend::{BackendError, List, ListResult};
use crate::telemetry::metrics;
use crate::wire::EncodedList;

/// A backend's records as a view is shown them.
#[derive(Debug)]
pub struct ShownList {
    /// What the backend listed.
    pub listed: EncodedList,
    /// Ownership TXT that are kept in our store.
    pub kept: EncodedList,
}

impl SafeBackend {
    /// The backend's records, complete: fresh, or as they were when the backend last answered, if that
    /// is not longer ago than `max_stale`. What is shown is remembered, since changes are planned on it.
    ///
    /// # Errors
    ///
    /// When there is neither.
    pub async fn records(self: &Arc<Self>, call: &SafeCall) -> Result<ShownList, BackendError> {
        let error = match self.mended_list(call).await {
            Ok(list) => {
                // What a backend writes in one step is listed whole, also in the middle of a batch.
                let clear = self.is_atomic() || self.state.writes.is_current(list.epoch());
                let shown = if clear { Shown::Fresh(list.epoch()) } else { Shown::Unclear };
                self.show(call, shown).await?;
                return self.with_ownership(&list).await;
            }
            Err(error) => error,
        };
        let (safe, max) = (Arc::clone(self), self.policy.max_stale);
        let stale = blocking(true, move || safe.state.kept.stale(&safe.backend.scope(), max)).await?;
        let Some((list, age)) = stale else { return Err(error) };
        self.show(call, Shown::Stale).await?;
        metrics::snapshot_served(self.name());
        tracing::warn!(
            backend = self.name(), view = call.view, request_id = call.request_id, ?age, error = %error,
            "serving the last complete list; changes to this backend wait for a fresh one"
        );
        self.with_ownership(&list).await
    }

    /// A fresh list, for those who show it to nobody that plans on it.
    pub async fn look(
        self: &Arc<Self>,
        request_id: &str,
        deadline: Instant,
    ) -> Result<ShownList, BackendError> {
        let list = self.fresh_list(request_id, deadline).await?;
        self.with_ownership(&list).await
    }

    /// A fresh list of a backend that has nothing left half done.
    pub(super) async fn mended_list(self: &Arc<Self>, call: &SafeCall) -> Result<Arc<List>, BackendError> {
        let list = self.fresh_list(&call.request_id, call.deadline).await?;
        if !self.state.is_unconfirmed() || self.state.running.current().is_some() {
            // What runs confirms itself, or leaves it to the next list.
            return Ok(list);
        }
        let Some(turn) = self.state.writes.turn(call.deadline).await else {
            let message = "an apply is running whose outcome must be known first";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        };
        if !self.state.is_unconfirmed() && self.state.writes.is_current(list.epoch()) {
            return Ok(list);
        }
        // In a task of its own, with the turn: a client that goes away ends neither.
        let (safe, request_id, deadline) = (Arc::clone(self), call.request_id.clone(), call.deadline);
        let mending =
            self.backend.spawn(async move { safe.confirmed_list(&request_id, deadline, &turn).await });
        match tokio::time::timeout_at(call.deadline, mending).await {
            Ok(Ok(list)) => list,
            Ok(Err(_)) => Err(BackendError::new(ErrorKind::Internal, "the mending broke off")),
            Err(_) => Err(BackendError::new(ErrorKind::Retryable, "an earlier apply is still being mended")),
        }
    }

    /// A complete list that the backend made for this call, or for one that it shares.
    pub(super) async fn fresh_list(self: &Arc<Self>, request_id: &str, deadline: Instant) -> ListResult {
        // Whoever joins a listing asks nothing of the backend, be it the one that probes it.
        let admit = || {
            let permit = self.state.breaker.admit(Instant::now())?;
            let safe = Arc::clone(self);
            Ok(move |result: &ListResult| report(permit, safe.name(), result.as_ref().err()))
        };
        self.backend.list(request_id, deadline, admit).await
    }

    /// A complete list was made, for whomever.
    pub(super) fn keep(self: &Arc<Self>, list: &Arc<List>) {
        if self.backend.is_superseded() {
            // What is kept belongs to the name, and that is another instance's now.
            return;
        }
        self.state.kept.keep(list, self.backend.scope());
        let (safe, list) = (Arc::clone(self), Arc::clone(list));
        self.backend.spawn(async move {
            let kept = blocking(true, move || {
                safe.state.kept.save(&safe.backend.scope());
                safe.release_what_is_there(&list);
            });
            if let Err(error) = kept.await {
                tracing::error!(error = %error, "a list was not kept");
            }
        });
    }

    /// What a list shows as it was wished to be is no longer set aside or held: somebody else wrote it, or
    /// took it away.
    fn release_what_is_there(&self, list: &List) {
        self.forget_held(list);
        let mut quarantine = self.state.quarantine();
        if quarantine.is_empty() {
            return;
        }
        let is_there = |entry: &QuarantineEntry| {
            let mut state = StateHash::builder();
            for key in &entry.keys {
                match &list.find(&key.name, &key.record_type, &key.set_identifier)[..] {
                    [there] => state.present(there),
                    _ => state.absent(key),
                };
            }
            state.finish() == entry.hash
        };
        if let Err(error) = quarantine.seen_applied(is_there) {
            tracing::warn!(
                backend = self.name(), %error, hint = error.hint(),
                "records that are there stay in quarantine until that can be stored"
            );
        }
        metrics::quarantined(self.name(), quarantine.reasons());
    }

    fn forget_held(&self, list: &List) {
        let mut held = self.state.held();
        if held.is_empty() {
            return;
        }
        let is_there =
            |key: &RecordKey| !list.find(&key.name, &key.record_type, &key.set_identifier).is_empty();
        if let Err(error) = held.forget_gone(is_there) {
            tracing::warn!(
                backend = self.name(), %error, hint = error.hint(),
                "records that are gone stay among what is held until that can be stored"
            );
        }
        metrics::guard_held(self.name(), "max_deletes", held.count(SystemTime::now()));
    }

    /// Remembers what a view is about to be shown; where that can't be stored, it is not shown.
    async fn show(self: &Arc<Self>, call: &SafeCall, shown: Shown) -> Result<(), BackendError> {
        let is_change = self.state.shown().is_change(&call.view, shown);
        let (safe, view) = (Arc::clone(self), call.view.clone());
        let stored = blocking(is_change, move || safe.state.shown().show(&view, shown)).await?;
        stored.map_err(|error| {
            tracing::error!(
                backend = self.name(), %error, hint = error.hint(),
                "no list is shown: what a view was shown can't be stored"
            );
            BackendError::new(ErrorKind::Internal, error.to_string())
        })
    }

    /// Adds the ownership TXT of records that are there.
    async fn with_ownership(self: &Arc<Self>, list: &Arc<List>) -> Result<ShownList, BackendError> {
        if self.state.ownership().is_empty() {
            return Ok(ShownList { listed: list.json.clone(), kept: EncodedList::default() });
        }
        let (safe, list) = (Arc::clone(self), Arc::clone(list));
        blocking(true, move || {
            let there =
                |key: &RecordKey| !list.find(&key.name, &key.record_type, &key.set_identifier).is_empty();
            // One that the backend has as well is listed once.
            let kept = safe.state.ownership().listed(there, |txt| there(txt));
            ShownList { listed: list.json.clone(), kept }
        })
        .await
    }
}
