//! What a primary's apply has done, on its way to a mirror.

use std::collections::HashSet;
use std::sync::Arc;

use zonemux_plugin::{ChangeId, EndpointView};

use super::link::Link;
use super::reconcile::Wanted;
use crate::safety::RecordKey;
use crate::safety::outcome::Outcome;
use crate::safety::units::Units;

/// The units of one batch that a primary has applied.
#[derive(Debug, Clone)]
pub(in crate::safety) struct Work {
    pub(super) request_id: String,
    batch: Arc<Units>,
    applied: Vec<usize>,
    /// Ownership TXT that are in our own store, and no records of the primary's.
    kept: Arc<HashSet<ChangeId>>,
}

/// What every mirror is owed while its primary is being written: dropped without having been kept, it
/// says that it is not known what was done.
#[derive(Debug)]
pub(in crate::safety) struct Promise(Option<Arc<Link>>);

impl Promise {
    pub(super) fn of(link: &Arc<Link>) -> Self {
        Self(Some(Arc::clone(link)))
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if let Some(link) = self.0.take() {
            link.doubt();
        }
    }
}

impl Work {
    /// What was applied of a batch.
    pub(in crate::safety) fn of(
        request_id: &str,
        batch: &Arc<Units>,
        outcomes: &[(usize, Outcome)],
        kept: &HashSet<ChangeId>,
    ) -> Self {
        let applied = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Applied));
        Self {
            request_id: request_id.to_owned(),
            batch: Arc::clone(batch),
            applied: applied.map(|(unit, _)| *unit).collect(),
            kept: Arc::new(kept.clone()),
        }
    }

    /// Gives it to every mirror. Never waits.
    pub(in crate::safety) fn give_to(self, promises: Vec<Promise>) {
        for mut promise in promises {
            if let Some(link) = promise.0.take()
                && !self.applied.is_empty()
            {
                link.push(self.clone());
            }
        }
    }

    /// How many changes there are.
    pub(super) fn len(&self) -> usize {
        self.applied.iter().map(|&unit| self.batch.ids(unit).len()).sum()
    }

    /// Whether it is about one of these records.
    pub(super) fn touches(&self, keys: &HashSet<RecordKey>) -> bool {
        let mut units = self.applied.iter();
        !keys.is_empty() && units.any(|&unit| self.batch.all_keys(unit).iter().any(|key| keys.contains(key)))
    }

    /// Adds what the primary has now under each key that was written.
    pub(super) fn add_to(&self, wanted: &mut Wanted) {
        for &unit in &self.applied {
            let changes = self.batch.changes(unit).filter(|(id, _)| !self.kept.contains(id));
            for (_, change) in changes {
                // In their order: of a delete and a create of one key, what comes last is there now.
                let record = change.desired().map(|desired| desired.to_endpoint());
                wanted.records.insert(RecordKey::of(&change.endpoint()), record);
            }
        }
    }
}
