//! After a crash or a lost answer: a fresh list says what was done. What is half done is finished or
//! undone; nothing is ever replayed blindly.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use zonemux_plugin::{Change, ChangeId, ErrorKind, is_ownership_txt};

use super::account::Account;
use super::call::SafeCall;
use super::compare::Standing;
use super::decide::Todo;
use super::facts::Facts;
use super::guard::Action;
use super::intention::Intention;
use super::outcome::Outcome;
use super::running::Progress;
use super::undo::Builder;
use super::units::Units;
use super::write::Writer;
use super::{SafeBackend, blocking};
use crate::backend::{BackendError, Batch, List, Turn};

/// How many lists one call makes while it mends: one to see what is there, one to see that it is well.
const ROUNDS: usize = 4;
/// How often what is half done is mended: forward, and where the backend refuses that, backward.
const TRIES: u32 = 2;

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
        if self.policy.guards.dry_run || self.policy.guards.read_only {
            tracing::warn!(
                backend = self.name(),
                request_id,
                "units may be half done, and nothing may be written now; they are mended when it may"
            );
            return Ok(true);
        }
        let facts = Facts { list: Some(Arc::clone(list)) };
        let (safe, tries) = (Arc::clone(self), self.state.mending.load(Ordering::SeqCst));
        let mend = blocking(true, move || {
            let intention = safe.state.mark.read().map_err(|error| internal(&error))?;
            Ok::<_, BackendError>(intention.map(|intention| {
                let batch = safe.mend(&intention, &facts, tries > 0);
                (intention.request_id, batch)
            }))
        })
        .await??;
        let mend = mend.filter(|(_, batch)| !batch.is_empty());
        let given_up = mend.is_some() && tries >= TRIES;
        if given_up {
            tracing::error!(
                backend = self.name(),
                request_id,
                hint = "the journal has the records; mend them by hand",
                "units that were left half done can be neither finished nor undone: the backend refuses both"
            );
        }
        let Some((of_request, batch)) = mend.filter(|_| !given_up) else {
            let safe = Arc::clone(self);
            blocking(true, move || safe.state.mark.clear()).await?.map_err(|error| internal(&error))?;
            self.state.set_unconfirmed(false);
            self.state.mending.store(0, Ordering::SeqCst);
            tracing::info!(backend = self.name(), request_id, "the outcome of an earlier apply is known now");
            return Ok(true);
        };
        tracing::warn!(
            backend = self.name(),
            request_id,
            changes = batch.len(),
            "mending units that an earlier apply left half done"
        );
        let started = Instant::now();
        let work = Arc::new(Units::of(batch));
        let kept = self.kept_changes(&work, 0..work.len(), Some(list));
        let todos: Vec<Todo> =
            (0..work.len()).map(|unit| Todo { unit, changes: work.ids(unit).to_vec() }).collect();
        let mut writer = Writer {
            safe: Arc::clone(self),
            work: Arc::clone(&work),
            request_id: of_request.clone(),
            deadline: started + self.backend.times().apply,
            held_names: HashSet::new(),
            kept,
            // The mark stays as it is until a list shows that all is well.
            marked: None,
            progress: Progress::default(),
        };
        let written = writer.write(todos.clone()).await;
        let refused = written.outcomes.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Applied));
        let account = Account {
            call: SafeCall::new("", of_request, started),
            work,
            written: todos,
            held: Vec::new(),
            decided: false,
            started,
        };
        self.account_for(account, written.outcomes).await;
        if let Some(error) = written.unknown {
            return Err(error);
        }
        // Forward was refused: the next time backward, and then not again.
        self.state.mending.fetch_add(u32::from(refused), Ordering::SeqCst);
        Ok(false)
    }

    /// What finishes or undoes the units that are half done.
    fn mend(&self, intention: &Intention, facts: &Facts, always_back: bool) -> Batch {
        let (ownership, rules) = (self.state.ownership(), self.rules.load());
        let mut mend = Builder::default();
        for unit in &intention.units {
            let changes: Vec<(ChangeId, Change<'_>)> =
                unit.iter().filter_map(|&id| Some((id, intention.batch.get(id)?))).collect();
            let standings: Vec<Standing> =
                changes.iter().filter_map(|(_, change)| facts.standing(change, &ownership)).collect();
            let is_half = standings.contains(&Standing::Done) && standings.contains(&Standing::Undone);
            if standings.len() != changes.len() {
                continue;
            }
            let both = changes.iter().zip(&standings);
            if standings.contains(&Standing::Foreign) {
                // Somebody else's record is there: a TXT of ours beside it would claim it.
                for ((_, change), standing) in both {
                    if let (Change::Create(txt), Standing::Done) = (change, standing)
                        && is_ownership_txt(txt)
                    {
                        let _pushed = mend.delete(txt);
                    }
                }
                continue;
            }
            let refused = changes
                .iter()
                .any(|(_, change)| rules.refusal(Action::of(change), &change.endpoint()).is_some());
            if !is_half || refused {
                continue;
            }
            let keeps_old = |((_, change), standing): (&(ChangeId, Change<'_>), &Standing)| {
                matches!(change, Change::Delete(old) if !is_ownership_txt(old))
                    && *standing == Standing::Undone
            };
            // What is still there stays; what is gone is followed to its end.
            let undo = always_back || both.clone().any(keeps_old);
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
