//! Applying: one call to the backend's instance, within its own limit.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Backend;
use super::batch::Batch;
use super::driver::{BackendError, Failure, Lease, Leased};

/// How soon a task that is cancelled ends, if it does not hold its thread.
const AT_ONCE: Duration = Duration::from_millis(100);

impl Backend {
    /// Applies a batch, and names the changes that were not done. To be called by whoever has the
    /// [turn](super::Writes::turn), in a task that nobody's hang-up ends.
    ///
    /// # Errors
    ///
    /// When it is not known what was done: the call failed as a whole, or took longer than
    /// `apply_timeout`. What takes longer is cancelled, but code of a plugin that waits for nothing goes on:
    /// it is waited for, up to that time again, so that nobody writes beside it.
    pub async fn apply(
        &self,
        id: &str,
        deadline: Instant,
        batch: Arc<Batch>,
    ) -> Result<Vec<Failure>, BackendError> {
        let instance = self.instance(Instant::now()).await?;
        let limit = deadline.saturating_duration_since(Instant::now());
        let started = Instant::now();
        tracing::debug!(backend = self.name, request_id = id, changes = batch.len(), "batch begun");
        let result = {
            let _writing = self.writes.begin();
            self.forget_list();
            let (lease, leased) = Lease::new();
            let applied = timeout(limit, instance.apply(Self::call(id, limit), batch, lease)).await;
            if applied.is_err() {
                self.cancelled(id, leased).await;
            }
            applied.unwrap_or_else(|_| Err(BackendError::timed_out("applying", self.times.apply)))
        };
        self.forget_list();
        self.note_call("apply", started, &result);
        result
    }

    /// Waits for the end of an apply that was given up.
    async fn cancelled(&self, id: &str, leased: Leased) {
        let (ended, limit) = (leased.ended(), self.times.apply);
        tokio::pin!(ended);
        // One that waits for something ends at once.
        if timeout(AT_ONCE.min(limit), &mut ended).await.is_ok() {
            return;
        }
        tracing::warn!(
            backend = self.name,
            request_id = id,
            ?limit,
            "an apply that was given up goes on, since the plugin holds its thread; nothing is written beside it"
        );
        if timeout(limit, ended).await.is_err() {
            tracing::error!(
                backend = self.name,
                request_id = id,
                "an apply that was given up does not end; what it writes from now on is seen only in a list"
            );
        }
    }
}
