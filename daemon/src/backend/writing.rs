//! The write lane: one apply at a time, in the order of arrival; what has started finishes, whoever
//! still waits for it.

use std::sync::Arc;

use tokio::time::{Instant, timeout, timeout_at};
use zonemux_plugin::ErrorKind;

use super::batch::Batch;
use super::driver::{BackendError, BatchChange, Failure};
use super::{Backend, Instance};
use crate::telemetry::metrics::{self, ChangeOutcome};

/// Batches up to this size are logged change by change at info, larger ones at debug.
const LOGGED_ONE_BY_ONE: usize = 100;

/// What became of a batch that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Changes that are done.
    pub applied: usize,
    /// Changes refused for their own sake.
    pub refused: usize,
    /// Changes that ExternalDNS shall ask for again.
    pub failed: usize,
}

impl Backend {
    /// Applies a batch. Waits for its turn until `deadline`; a batch that could not begin by then is
    /// dropped, because ExternalDNS plans anew and an old batch may undo what came since. One that
    /// has begun goes on to the backend's `apply_timeout`, also when this future is dropped.
    ///
    /// # Errors
    ///
    /// When it did not begin, failed as a whole, or has not ended by `deadline`.
    pub async fn apply(
        self: &Arc<Self>,
        id: &str,
        deadline: Instant,
        batch: Batch,
    ) -> Result<Applied, BackendError> {
        let instance = self.instance(deadline).await?;
        tracing::debug!(
            backend = self.name,
            request_id = id,
            changes = batch.len(),
            "batch waits for its turn"
        );
        let turn = timeout_at(deadline, Arc::clone(&self.lane).lock_owned()).await;
        let Ok(turn) = turn else {
            let message = "an earlier batch is still being applied; this one was not begun";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        };
        // A free lane is taken without a look at the clock.
        if Instant::now() >= deadline || self.closing.is_cancelled() {
            let message = "the call's time was over before the batch could be begun";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        }
        let (backend, id) = (Arc::clone(self), id.to_owned());
        let task = self.tasks.spawn(async move {
            let _turn = turn;
            backend.apply_now(&id, &*instance, Arc::new(batch)).await
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(BackendError::new(ErrorKind::Internal, "the apply broke off")),
            Err(_) => {
                tracing::warn!(backend = self.name, "the apply goes on after its call was answered");
                Err(BackendError::new(ErrorKind::Retryable, "the batch is still being applied"))
            }
        }
    }

    async fn apply_now(
        &self,
        id: &str,
        instance: &dyn Instance,
        batch: Arc<Batch>,
    ) -> Result<Applied, BackendError> {
        let limit = self.times.apply;
        let started = Instant::now();
        tracing::debug!(backend = self.name, request_id = id, changes = batch.len(), "batch begun");
        self.outdate_lists();
        let result = match timeout(limit, instance.apply(Self::call(id, limit), Arc::clone(&batch))).await {
            Ok(result) => result,
            Err(_) => Err(BackendError::timed_out("applying", limit)),
        };
        self.outdate_lists();
        self.note_call("apply", started, &result);
        match result {
            Ok(failures) => Ok(self.account(id, &batch, &failures, started)),
            Err(error) => {
                self.count_all(&batch, ChangeOutcome::Failed);
                tracing::error!(
                    backend = self.name, request_id = id, changes = batch.len(),
                    kind = error.kind.as_str(), error = %error,
                    "batch failed; what was done of it is not known until the next list"
                );
                Err(error)
            }
        }
    }

    /// Counts and logs what became of each change.
    fn account(&self, id: &str, batch: &Batch, failures: &[Failure], started: Instant) -> Applied {
        let mut applied = Applied { applied: batch.len(), ..Applied::default() };
        let mut done = [batch.create().len(), batch.update().len(), batch.delete().len()];
        let mut failed_changes = std::collections::HashSet::with_capacity(failures.len());
        for failure in failures {
            let Some(endpoint) = batch.get(failure.change) else {
                tracing::warn!(backend = self.name, change = ?failure.change, "the plugin names a change that was not asked for");
                continue;
            };
            if !failed_changes.insert(failure.change) {
                continue;
            }
            let for_its_own_sake = matches!(failure.kind, ErrorKind::Permanent | ErrorKind::Unsupported);
            let outcome = if for_its_own_sake { ChangeOutcome::Refused } else { ChangeOutcome::Failed };
            applied.applied -= 1;
            if for_its_own_sake {
                applied.refused += 1;
            } else {
                applied.failed += 1;
            }
            done[action_index(failure.change)] -= 1;
            metrics::changes(&self.name, action(failure.change), outcome, 1);
            tracing::warn!(
                backend = self.name,
                request_id = id,
                action = action(failure.change),
                dns_name = endpoint.dns_name(),
                record_type = endpoint.record_type(),
                outcome = outcome.as_str(),
                reason = failure.reason,
                "change not applied"
            );
        }
        for (action, count) in ["create", "update", "delete"].into_iter().zip(done) {
            metrics::changes(&self.name, action, ChangeOutcome::Applied, count as u64);
        }
        self.log_applied(id, batch, &failed_changes);
        tracing::info!(
            backend = self.name, request_id = id, applied = applied.applied, refused = applied.refused,
            failed = applied.failed, took = ?started.elapsed(), "batch applied"
        );
        applied
    }

    fn log_applied(&self, id: &str, batch: &Batch, failed: &std::collections::HashSet<BatchChange>) {
        let one_by_one = batch.len() <= LOGGED_ONE_BY_ONE;
        if !one_by_one && !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let creates = batch.create().enumerate().map(|(index, new)| (BatchChange::Create(index), new));
        let updates = batch.update().enumerate().map(|(index, (_, new))| (BatchChange::Update(index), new));
        let deletes = batch.delete().enumerate().map(|(index, old)| (BatchChange::Delete(index), old));
        for (change, endpoint) in deletes.chain(updates).chain(creates) {
            if failed.contains(&change) {
                continue;
            }
            let (action, dns_name, record_type) =
                (action(change), endpoint.dns_name(), endpoint.record_type());
            if one_by_one {
                tracing::info!(
                    backend = self.name,
                    request_id = id,
                    action,
                    dns_name,
                    record_type,
                    "change applied"
                );
            } else {
                tracing::debug!(
                    backend = self.name,
                    request_id = id,
                    action,
                    dns_name,
                    record_type,
                    "change applied"
                );
            }
        }
    }

    fn count_all(&self, batch: &Batch, outcome: ChangeOutcome) {
        metrics::changes(&self.name, "create", outcome, batch.create().len() as u64);
        metrics::changes(&self.name, "update", outcome, batch.update().len() as u64);
        metrics::changes(&self.name, "delete", outcome, batch.delete().len() as u64);
    }
}

fn action(change: BatchChange) -> &'static str {
    ["create", "update", "delete"][action_index(change)]
}

fn action_index(change: BatchChange) -> usize {
    match change {
        BatchChange::Create(_) => 0,
        BatchChange::Update(_) => 1,
        BatchChange::Delete(_) => 2,
    }
}
