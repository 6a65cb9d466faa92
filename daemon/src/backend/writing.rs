//! Applying: one call to the backend's instance, within its own limit.

use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::Backend;
use super::batch::Batch;
use super::driver::{BackendError, Failure};

impl Backend {
    /// Applies a batch, and names the changes that were not done. To be called by whoever has the
    /// [turn](super::Writes::turn), in a task that nobody's hang-up ends.
    ///
    /// # Errors
    ///
    /// When it is not known what was done: the call failed as a whole, or took longer than
    /// `apply_timeout`.
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
            match timeout(limit, instance.apply(Self::call(id, limit), batch)).await {
                Ok(result) => result,
                Err(_) => {
                    // Still our turn: what the plugin goes on writing must not meet what comes next.
                    instance.settled().await;
                    Err(BackendError::timed_out("applying", self.times.apply))
                }
            }
        };
        self.forget_list();
        self.note_call("apply", started, &result);
        result
    }
}
