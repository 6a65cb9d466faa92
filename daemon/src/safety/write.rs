//! Writes units: the whole at once, halves where the backend refuses the whole, each unit to its end or
//! not at all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;
use zonemux_plugin::{ChangeId, ErrorKind};

use super::decide::Todo;
use super::outcome::Outcome;
use super::ownership::is_readable_ownership;
use super::running::Progress;
use super::undo;
use super::units::Units;
use super::{SafeBackend, blocking};
use crate::backend::{BackendError, Failure};
use crate::config;

/// Writes units of one batch, in one turn.
pub(super) struct Writer {
    pub(super) safe: Arc<SafeBackend>,
    pub(super) work: Arc<Units>,
    pub(super) request_id: String,
    /// When `apply_timeout` is over.
    pub(super) deadline: Instant,
    /// Names at which something is held: a conflict there is ours, not the record's.
    pub(super) held_names: HashSet<String>,
    /// Ownership TXT that go to our own store.
    pub(super) kept: HashSet<ChangeId>,
    /// The units that the mark has; `None`: the mark is not ours to change.
    pub(super) marked: Option<Vec<usize>>,
    /// Told how many units have their outcome.
    pub(super) progress: Progress,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) outcomes: Vec<(usize, Outcome)>,
    /// The first error that says nothing of any record: what was done is not known.
    pub(super) unknown: Option<BackendError>,
    /// Units that are left half done.
    pub(super) halves: bool,
}

fn not_stored() -> BackendError {
    BackendError::new(ErrorKind::Internal, "what is about to be done can't be stored first")
}

/// Whether a failure is the record's own fault.
fn for_its_own_sake(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Permanent | ErrorKind::Unsupported)
}

impl Writer {
    /// Writes units. Each part that the backend refuses as a whole is halved, so that one bad unit among
    /// `n` costs some 2 · log₂ n calls.
    pub(super) async fn write(&mut self, todos: Vec<Todo>) -> Written {
        let mut written = Written { outcomes: Vec::with_capacity(todos.len()), unknown: None, halves: false };
        // The last is the next, so that the order of units is kept.
        let mut queue = vec![todos];
        while let Some(mut part) = queue.pop() {
            self.progress.set(written.outcomes.len());
            if part.is_empty() {
                continue;
            }
            if let Some(error) = written.unknown.clone().or_else(|| self.overdue()) {
                let failed = part.into_iter().map(|todo| (todo.unit, Outcome::Failed(error.clone())));
                written.outcomes.extend(failed);
                continue;
            }
            match self.once(&part).await {
                Ok(failures) => {
                    let again = self.take(part, failures, &mut written).await;
                    queue.push(again);
                }
                Err(error) if for_its_own_sake(error.kind) && part.len() > 1 => {
                    let later = part.split_off(part.len() / 2);
                    queue.extend([later, part]);
                }
                Err(error) if for_its_own_sake(error.kind) => {
                    // One unit alone, of which nothing was done: every change of it has failed.
                    let sent = self.sent(&part[0]);
                    match self.without_ownership(&part[0], &sent) {
                        Some(again) if self.remember([again.unit]).await => queue.push(vec![again]),
                        Some(again) => written.outcomes.push((again.unit, Outcome::Failed(not_stored()))),
                        None => written
                            .outcomes
                            .push((part[0].unit, self.refused(part[0].unit, error.kind, error.message))),
                    }
                }
                Err(error) => {
                    let failed = part.into_iter().map(|todo| (todo.unit, Outcome::Failed(error.clone())));
                    written.outcomes.extend(failed);
                    written.unknown = Some(error);
                }
            }
        }
        written
    }

    fn overdue(&self) -> Option<BackendError> {
        let message = "`apply_timeout` was over before this part of the batch could be begun";
        (Instant::now() >= self.deadline).then(|| BackendError::new(ErrorKind::Retryable, message))
    }

    /// The changes of a unit that go to the backend.
    fn sent(&self, todo: &Todo) -> Vec<ChangeId> {
        todo.changes.iter().copied().filter(|id| !self.kept.contains(id)).collect()
    }

    /// One call to the backend, if there is anything for it.
    async fn once(&self, todos: &[Todo]) -> Result<Vec<Failure>, BackendError> {
        let part = self.work.batch.part(todos.iter().flat_map(|todo| self.sent(todo)));
        if part.batch.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Arc::clone(&part.batch);
        let mut failures = self.safe.backend.apply(&self.request_id, self.deadline, batch).await?;
        failures.retain_mut(|failure| {
            if let Some(change) = part.in_whole(failure.change) {
                failure.change = change;
                true
            } else {
                tracing::warn!(
                    backend = self.safe.name(), change = ?failure.change,
                    "the plugin names a change that was not asked for"
                );
                false
            }
        });
        Ok(failures)
    }

    /// Takes what the backend said of each unit; gives those that are to be tried once more.
    async fn take(&mut self, part: Vec<Todo>, failures: Vec<Failure>, written: &mut Written) -> Vec<Todo> {
        let mut failed: HashMap<ChangeId, Failure> =
            failures.into_iter().map(|failure| (failure.change, failure)).collect();
        let (mut again, mut done, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        for todo in part {
            let failures: Vec<Failure> = todo.changes.iter().filter_map(|id| failed.remove(id)).collect();
            if failures.is_empty() {
                done.push(todo);
                continue;
            }
            let ids: Vec<ChangeId> = failures.iter().map(|failure| failure.change).collect();
            let refused = failures.iter().all(|failure| for_its_own_sake(failure.kind));
            let nothing_done = self.safe.is_atomic() || ids.len() == self.sent(&todo).len();
            if refused && let Some(retry) = self.without_ownership(&todo, &ids) {
                // The record is to be written without it first: a crash between must be found.
                if !self.remember([todo.unit]).await {
                    written.halves = true;
                    written.outcomes.push((todo.unit, Outcome::Failed(not_stored())));
                    continue;
                }
                // A backend that writes units in one step has written nothing of this one.
                if nothing_done {
                    again.push(retry);
                } else {
                    done.push(todo);
                }
                continue;
            }
            broken.push((todo, failures, refused));
        }
        self.undo_halves(&broken, written).await;
        for (todo, failures, refused) in broken {
            let worst =
                failures.iter().find(|failure| !for_its_own_sake(failure.kind)).unwrap_or(&failures[0]);
            let outcome = if refused {
                self.refused(todo.unit, worst.kind, worst.reason.clone())
            } else {
                Outcome::Failed(BackendError::new(worst.kind, worst.reason.clone()))
            };
            written.outcomes.push((todo.unit, outcome));
        }
        self.keep(done, written).await;
        again
    }

    /// The unit with its ownership TXT in our own store, where these are all that the backend would not
    /// take, and the configuration lets us.
    fn without_ownership(&mut self, todo: &Todo, refused: &[ChangeId]) -> Option<Todo> {
        let may_be_kept = |id: &ChangeId| {
            self.work
                .change(*id)
                .and_then(|change| change.desired())
                .is_some_and(|txt| is_readable_ownership(&txt))
        };
        let kept: Vec<ChangeId> = refused.iter().copied().filter(may_be_kept).collect();
        let all = self.sent(todo).len() == refused.len();
        // Where the backend only said no to the whole unit, the TXT may be the reason, or may not.
        let only_these = kept.len() == refused.len() || all;
        if self.safe.policy.ownership != config::Ownership::Auto || kept.is_empty() || !only_these {
            return None;
        }
        self.kept.extend(kept);
        Some(todo.clone())
    }

    /// A unit that the backend does not take for its own sake, unless it is in the way of something
    /// that we hold.
    fn refused(&self, unit: usize, kind: ErrorKind, reason: String) -> Outcome {
        let in_the_way = self.work.keys(unit).into_iter().any(|key| self.held_names.contains(&key.name));
        if in_the_way {
            let message = format!("{reason} (a delete at this name is held by the deletion guard)");
            return Outcome::Failed(BackendError::new(ErrorKind::Retryable, message));
        }
        Outcome::Quarantined { reason, refused_now: Some(kind) }
    }

    /// Undoes what was done of units of which a part failed: all but what the backend named. Of one that
    /// writes units in one step nothing was, and it costs a call to make sure.
    async fn undo_halves(&mut self, broken: &[(Todo, Vec<Failure>, bool)], written: &mut Written) {
        let mut done = Vec::new();
        for (todo, failures, _) in broken {
            let failed: HashSet<ChangeId> = failures.iter().map(|failure| failure.change).collect();
            done.extend(self.sent(todo).into_iter().filter(|id| !failed.contains(id)));
        }
        let changes: Vec<_> = done.iter().rev().filter_map(|&id| self.work.change(id)).collect();
        if changes.is_empty() {
            return;
        }
        let undone = match undo::batch(&changes) {
            Some(batch) => {
                let batch = Arc::new(batch);
                self.safe.backend.apply(&self.request_id, self.deadline, batch).await
            }
            None => Err(BackendError::new(ErrorKind::Internal, "it is not known what was there before")),
        };
        let error = match undone {
            Ok(failures) => failures.into_iter().next().map(|failure| failure.reason),
            Err(error) => Some(error.message),
        };
        if let Some(error) = error {
            tracing::error!(
                backend = self.safe.name(),
                request_id = self.request_id,
                changes = changes.len(),
                error,
                "records whose units were refused can't be put back yet; tried again after the next list"
            );
            written.halves = true;
            self.remember(broken.iter().map(|(todo, ..)| todo.unit)).await;
        } else {
            tracing::info!(
                backend = self.safe.name(),
                request_id = self.request_id,
                changes = changes.len(),
                "put back what was done of units of which a part was refused"
            );
        }
    }

    /// Adds units to the mark before they may be left half done, or as soon as it is known that they are;
    /// says whether they are durably in it. Where they are not, they are remembered while the process lives.
    async fn remember(&mut self, units: impl IntoIterator<Item = usize>) -> bool {
        let Some(marked) = &mut self.marked else { return true };
        let before = marked.len();
        for unit in units {
            if !marked.contains(&unit) {
                marked.push(unit);
            }
        }
        if marked.len() == before && self.safe.state.mark.is_stored() {
            return true;
        }
        let (safe, work, marked) = (Arc::clone(&self.safe), Arc::clone(&self.work), marked.clone());
        let request_id = self.request_id.clone();
        let stored = blocking(true, move || {
            safe.state.mark.keep(&request_id, &work, marked.iter().map(|&unit| work.ids(unit)))
        });
        match stored.await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::error!(
                    backend = self.safe.name(), %error, hint = error.hint(),
                    "units that may be left half done can't be stored; they are known until the process ends"
                );
                false
            }
            Err(_) => false,
        }
    }

    /// Stores the ownership TXT of units whose records are written. They are durable before anybody is
    /// told that the units are applied.
    async fn keep(&self, done: Vec<Todo>, written: &mut Written) {
        let mut changes = Vec::new();
        for todo in &done {
            changes
                .extend(todo.changes.iter().filter(|id| self.kept.contains(id)).map(|&id| (todo.unit, id)));
        }
        let units: HashSet<usize> = changes.iter().map(|(unit, _)| *unit).collect();
        let (safe, work) = (Arc::clone(&self.safe), Arc::clone(&self.work));
        let stored = match blocking(!changes.is_empty(), move || safe.store_ownership(&work, &changes)).await
        {
            Ok(stored) => stored.map_err(|error| BackendError::new(ErrorKind::Internal, error.to_string())),
            Err(error) => Err(error),
        };
        for todo in done {
            let outcome = match &stored {
                Err(error) if units.contains(&todo.unit) => {
                    written.halves = true;
                    Outcome::Failed(error.clone())
                }
                _ => Outcome::Applied,
            };
            written.outcomes.push((todo.unit, outcome));
        }
    }
}

#[cfg(test)]
mod tests;
