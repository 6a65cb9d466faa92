//! What would become of a batch: decided as an apply decides it, and nothing is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::facts::Facts;
use super::outcome::Outcome;
use super::report::{UnitOutcome, UnitReport};
use super::units::Units;
use super::{LARGE, SafeBackend, blocking};
use crate::backend::{BackendError, Batch};

impl SafeBackend {
    /// What would become of each unit of this backend's part of a batch, by a fresh list. Neither the
    /// backend nor what is remembered of it changes.
    ///
    /// Whether the backend would take a record is known only of those that it has refused before.
    ///
    /// # Errors
    ///
    /// When the backend can't be listed before `deadline`.
    pub async fn plan(
        self: &Arc<Self>,
        request_id: &str,
        deadline: Instant,
        batch: Batch,
    ) -> Result<Vec<UnitReport>, BackendError> {
        let large = batch.len() > LARGE;
        let list = self.fresh_list(request_id, deadline).await?;
        let safe = Arc::clone(self);
        blocking(large, move || {
            let work = Units::of(batch);
            // Nobody knows which list the batch was made for: each change is compared with this one.
            let facts = Facts { list: Some(list) };
            safe.planned(&work, &facts)
        })
        .await
    }

    fn planned(&self, work: &Units, facts: &Facts) -> Vec<UnitReport> {
        let units: Vec<usize> = (0..work.len()).collect();
        let decided = self.look_at(work, &units, facts);
        let dry_run = self.policy.guards.dry_run;
        let report = |unit: usize, outcome: &Outcome| UnitReport::of(self.name(), work, unit, outcome);
        let written = decided.write.iter().map(|todo| {
            let outcome = if dry_run { UnitOutcome::DryRun } else { UnitOutcome::Apply };
            (todo.unit, UnitReport { outcome, ..report(todo.unit, &Outcome::DryRun) })
        });
        let settled = decided.settled.iter().map(|(unit, outcome)| (*unit, report(*unit, outcome)));
        let by_unit: BTreeMap<usize, UnitReport> = written.chain(settled).collect();
        by_unit.into_values().collect()
    }
}
