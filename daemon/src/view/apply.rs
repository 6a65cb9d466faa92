//! Applying: each change to its backend, every backend at the same time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use zonemux_plugin::{Change, ChangeId};

use super::by_hand::nowhere;
use super::{CallContext, CallError, LARGE, View, blocking, unavailable};
use crate::backend::Batch;
use crate::journal::{Entry, Rdata};
use crate::router::{Refused, split};
use crate::safety::{SafeCall, Tally};
use crate::telemetry::metrics::{self, ChangeOutcome};
use crate::view::Calls;
use crate::wire::Changes;

impl View {
    pub(super) async fn apply_all(&self, context: &CallContext, changes: Changes) -> Result<(), CallError> {
        // Without all zones a name would go nowhere, or to the backend of a zone above.
        self.zones()?;
        let tallies = self.apply_batch(self.safe_call(context), changes).await?;
        // All of them were waited for: 503 means that what could be done was done.
        let failed = tallies.into_iter().filter(|(_, tally)| !tally.is_done());
        let failed: Vec<_> =
            failed.map(|(position, tally)| (self.backends[position].name(), tally.retry_after)).collect();
        if failed.is_empty() { Ok(()) } else { Err(unavailable(&failed)) }
    }

    /// Applies a batch, and says what became of the part of each backend, by its position.
    pub(super) async fn apply_batch(
        &self,
        call: SafeCall,
        changes: Changes,
    ) -> Result<Vec<(usize, Tally)>, CallError> {
        let router = self.router.load_full();
        let (count, changes) = (self.backends.len(), Arc::new(changes));
        let (large, shared) = (changes.endpoints.len() > LARGE, Arc::clone(&changes));
        let split = blocking(large, move || split(&router, count, &shared)).await?;
        self.tell_refused(&call.request_id, &changes, &split.refused);
        if let Some(by_hand) = &call.by_hand {
            by_hand.note(nowhere(&changes, &split.refused));
        }
        let parts = self.backends.iter().zip(split.batches).enumerate();
        let applies =
            parts.filter(|(_, (_, batch))| !batch.is_empty()).map(|(position, (backend, batch))| {
                let applying = backend.apply(call.clone(), batch);
                async move { (position, applying.await) }
            });
        Ok(join_all(applies).await)
    }

    /// Changes that are no backend's are refused for themselves.
    fn tell_refused(&self, request_id: &str, changes: &Arc<Changes>, refused: &[Refused]) {
        if refused.is_empty() {
            return;
        }
        let batch = Batch::all(Arc::clone(changes));
        let mut lines = self.journal.batch();
        for refused in refused {
            let (action, before, after) = match (refused.change, batch.get(refused.change)) {
                (ChangeId::Create(_), Some(Change::Create(new))) => ("create", None, Some(new)),
                (_, Some(Change::Update { old, new })) => ("update", old, Some(new)),
                (_, Some(Change::Delete(old))) => ("delete", Some(old), None),
                _ => continue,
            };
            metrics::changes("", action, ChangeOutcome::Refused, 1);
            lines.push(&Entry {
                time: SystemTime::now(),
                view: &self.name,
                backend: "",
                request_id,
                action,
                name: &refused.dns_name,
                record_type: &refused.record_type,
                set_identifier: after.or(before).map_or("", |endpoint| endpoint.set_identifier()),
                before: before.as_ref().map(Rdata::of),
                after: after.as_ref().map(Rdata::of),
                outcome: ChangeOutcome::Refused.as_str(),
                reason: Some(&refused.reason),
                duration: Duration::ZERO,
            });
            tracing::warn!(
                view = self.name,
                request_id,
                action,
                dns_name = refused.dns_name,
                record_type = refused.record_type,
                reason = refused.reason,
                "change refused"
            );
        }
        self.journal.write(lines);
    }
}
