//! After a crash or a lost answer: a fresh list says what was done. What is half done is finished or
//! undone; nothing is ever replayed blindly.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;
use zonemux_plugin::{Change, ChangeId, ErrorKind, is_ownership_txt};

use super::compare::Standing;
use super::decide::Todo;
use super::facts::Facts;
use super::intention::Intention;
use super::undo::Builder;
use super::units::Units;
use super::write::Writer;
use super::{SafeBackend, blocking};
use crate::backend::{BackendError, Batch, List, Turn};

/// How many lists one call makes while it mends: one to see what is there, one to see that it is well.
const ROUNDS: usize = 3;

impl SafeBackend {
    /// A complete list that is of this moment, and a backend that has nothing left half done. To be
    /// called with the turn to write.
    ///
    /// # Errors
    ///
    /// When the backend can't be listed, or what was left half done can't be mended.
    pub(super) async fn confirmed_list(
        self: &Arc<Self>,
        request_id: &str,
        deadline: Instant,
        turn: &Turn,
    ) -> Result<Arc<List>, BackendError> {
        for _ in 0..ROUNDS {
            let list = self.fresh_list(request_id, deadline).await?;
            if !self.state.writes.is_current(list.epoch()) {
                // A listing that had begun before the turn did.
                continue;
            }
            if !self.state.is_unconfirmed() || self.settle(request_id, &list, turn).await? {
                return Ok(list);
            }
        }
        Err(BackendError::new(
            ErrorKind::Retryable,
            "the backend's records change faster than they are listed",
        ))
    }

    /// Compares what an apply set out to do with what is there. `true`: nothing is left half done, and
    /// the mark is gone. `false`: something was mended, and a new list must be made.
    async fn settle(
        self: &Arc<Self>,
        request_id: &str,
        list: &Arc<List>,
        _turn: &Turn,
    ) -> Result<bool, BackendError> {
        let facts = Facts { list: Some(Arc::clone(list)), outdated: false };
        let safe = Arc::clone(self);
        let mend = blocking(true, move || {
            let intention = safe.state.mark.read().map_err(|error| internal(&error))?;
            Ok::<_, BackendError>(intention.map(|intention| safe.mend(&intention, &facts)))
        })
        .await??;
        let Some(batch) = mend.filter(|batch| !batch.is_empty()) else {
            let safe = Arc::clone(self);
            blocking(true, move || safe.state.mark.clear()).await?.map_err(|error| internal(&error))?;
            self.state.set_unconfirmed(false);
            tracing::info!(backend = self.name(), request_id, "the outcome of an earlier apply is known now");
            return Ok(true);
        };
        tracing::warn!(
            backend = self.name(),
            request_id,
            changes = batch.len(),
            "mending units that an earlier apply left half done"
        );
        let work = Arc::new(Units::of(batch));
        let kept = self.kept_changes(&work, 0..work.len());
        let todos = (0..work.len()).map(|unit| Todo { unit, changes: work.ids(unit).to_vec() }).collect();
        let mut writer = Writer {
            safe: Arc::clone(self),
            work,
            request_id: request_id.to_owned(),
            deadline: Instant::now() + self.backend.times().apply,
            held_names: HashSet::new(),
            kept,
        };
        let written = self.backend.spawn(async move { writer.write(todos).await });
        let written =
            written.await.map_err(|_| BackendError::new(ErrorKind::Internal, "the mending broke off"))?;
        match written.unknown {
            Some(error) => Err(error),
            None => Ok(false),
        }
    }

    /// What finishes or undoes the units that are half done.
    fn mend(&self, intention: &Intention, facts: &Facts) -> Batch {
        let ownership = self.state.ownership();
        let mut mend = Builder::default();
        for unit in &intention.units {
            let changes: Vec<(ChangeId, Change<'_>)> =
                unit.iter().filter_map(|&id| Some((id, intention.batch.get(id)?))).collect();
            let standings: Vec<Standing> =
                changes.iter().filter_map(|(_, change)| facts.standing(change, &ownership)).collect();
            let is_half = standings.contains(&Standing::Done) && standings.contains(&Standing::Undone);
            if standings.contains(&Standing::Foreign) || !is_half || standings.len() != changes.len() {
                continue;
            }
            let both = changes.iter().zip(&standings);
            let keeps_old = |((_, change), standing): (&(ChangeId, Change<'_>), &Standing)| {
                matches!(change, Change::Delete(old) if !is_ownership_txt(old))
                    && *standing == Standing::Undone
            };
            // What is still there stays; what is gone is followed to its end.
            let undo = both.clone().any(keeps_old);
            for ((_, change), standing) in both {
                let pushed = match (undo, standing) {
                    (false, Standing::Undone) => forward(&mut mend, change),
                    (true, Standing::Done) => backward(&mut mend, change),
                    _ => Some(()),
                };
                if pushed.is_none() {
                    tracing::error!(
                        backend = self.name(),
                        request_id = intention.request_id,
                        "a unit that was left half done can't be mended: what was there before is not known"
                    );
                }
            }
        }
        mend.finish()
    }
}

fn forward(mend: &mut Builder, change: &Change<'_>) -> Option<()> {
    match change {
        Change::Create(new) => mend.create(new),
        Change::Update { old, new } => mend.update(old.as_ref(), new),
        Change::Delete(old) => mend.delete(old),
    }
}

fn backward(mend: &mut Builder, change: &Change<'_>) -> Option<()> {
    match change {
        Change::Create(new) => mend.delete(new),
        Change::Update { old, new } => mend.update(Some(new), old.as_ref()?),
        Change::Delete(old) => mend.create(old),
    }
}

fn internal(error: &crate::store::StoreError) -> BackendError {
    BackendError::new(ErrorKind::Internal, error.to_string())
}
