//! What a person asks of a view: what would become of a batch, and to apply one.

use std::sync::Arc;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::{CallContext, CallError, LARGE, View, blocking};
use crate::backend::{BackendError, Batch};
use crate::router::{Refused, split};
use crate::safety::{ByHand, ChangeReport, UnitOutcome, UnitReport};
use crate::wire::Changes;

/// What became of a person's changes, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The view whose backends they were for.
    pub view: String,
    /// Every unit of which something is known, by backend.
    pub units: Vec<UnitReport>,
    /// Backends of whose units not all are known.
    pub failed: Vec<BackendFailure>,
}

/// Why it is not known what became of a backend's units, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendFailure {
    /// Its name in the configuration.
    pub backend: String,
    /// Why.
    pub error: String,
}

impl View {
    /// What would become of a batch. Nothing is written.
    pub async fn plan_batch(&self, context: &CallContext, changes: Changes) -> Result<Reported, CallError> {
        let mut failed = self.find_zones(context).await;
        let router = self.router.load_full();
        let (count, changes) = (self.backends.len(), Arc::new(changes));
        let (large, shared) = (changes.endpoints.len() > LARGE, Arc::clone(&changes));
        let split = blocking(large, move || split(&router, count, &shared)).await?;
        let parts = self.backends.iter().zip(split.batches).filter(|(_, batch)| !batch.is_empty());
        let plans = parts.map(|(backend, batch)| async move {
            (backend.name(), backend.plan(&context.request_id, context.deadline, batch).await)
        });
        let mut units = Vec::new();
        for (backend, plan) in join_all(plans).await {
            match plan {
                Ok(plan) => units.extend(plan),
                Err(error) => failed.push(BackendFailure::new(backend, &error)),
            }
        }
        units.extend(nowhere(&changes, &split.refused));
        Ok(Reported { view: self.name.clone(), units, failed })
    }

    /// Applies a person's batch, through the same guards as the client's. With `allow_deletes` the
    /// deletion guard is off for this once.
    pub async fn apply_by_hand(
        &self,
        context: &CallContext,
        changes: Changes,
        allow_deletes: bool,
    ) -> Result<Reported, CallError> {
        let mut failed = self.find_zones(context).await;
        let by_hand = Arc::new(ByHand::default());
        let mut call = self.safe_call(context);
        call.allow_deletes = allow_deletes;
        call.by_hand = Some(Arc::clone(&by_hand));
        let tallies = self.apply_batch(call, changes).await?;
        let mut units = by_hand.take();
        // Each backend's come in the order in which they became known.
        units.sort_by_key(|unit| {
            self.backends.iter().position(|own| own.name() == unit.backend).unwrap_or(usize::MAX)
        });
        for (position, tally) in tallies {
            let backend = self.backends[position].name();
            let told =
                units.iter().filter(|unit| unit.backend == backend && unit.outcome == UnitOutcome::Failed);
            if tally.failed > told.count() {
                let error = "not all of it was done in time; what has begun goes on".to_owned();
                failed.push(BackendFailure { backend: backend.to_owned(), error });
            }
        }
        Ok(Reported { view: self.name.clone(), units, failed })
    }

    /// Waits until every backend has found its zones: before, names would be taken for nobody's.
    async fn find_zones(&self, context: &CallContext) -> Vec<BackendFailure> {
        let unknown = self.backends.iter().filter(|backend| backend.backend().zones().is_none());
        let found = unknown.map(|backend| async move {
            let ready = backend.backend().ready(context.deadline).await;
            ready.err().map(|error| BackendFailure::new(backend.name(), &error))
        });
        let failed: Vec<_> = join_all(found).await.into_iter().flatten().collect();
        self.refresh();
        failed
    }
}

impl BackendFailure {
    fn new(backend: &str, error: &BackendError) -> Self {
        Self { backend: backend.to_owned(), error: error.message.clone() }
    }
}

/// Changes that are no backend's, each as a unit of its own.
pub(super) fn nowhere(changes: &Arc<Changes>, refused: &[Refused]) -> Vec<UnitReport> {
    let batch = Batch::all(Arc::clone(changes));
    let report = |refused: &Refused| {
        let change = batch.get(refused.change)?;
        Some(UnitReport {
            backend: String::new(),
            outcome: UnitOutcome::Refused,
            reason: Some(refused.reason.clone()),
            changes: vec![ChangeReport::of(refused.change, change)],
        })
    };
    refused.iter().filter_map(report).collect()
}
