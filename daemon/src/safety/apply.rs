//! The way of one backend's part of a batch: joined to what runs already, decided in its turn, written in
//! a task that nobody's hang-up ends.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};
use zonemux_plugin::{ChangeId, ErrorKind};

use super::account::Account;
use super::breaker::{Permit, counts_as_failure};
use super::call::SafeCall;
use super::decide::Decided;
use super::facts::Facts;
use super::mirror::Work;
use super::outcome::{Outcome, Tally};
use super::report::UnitReport;
use super::running::Ending;
use super::shown::Shown;
use super::units::Units;
use super::write::{Writer, Written};
use super::{LARGE, SafeBackend, blocking};
use crate::backend::{BackendError, Batch, Turn};

/// What became of the units that one task took care of.
type Outcomes = Vec<(usize, Outcome)>;

impl SafeBackend {
    /// Applies this backend's part of a batch as far as the operator's rules, the guards and the backend
    /// let it, and says what became of it. By the call's deadline there is an answer; what has begun
    /// goes on to the backend's `apply_timeout`.
    pub async fn apply(self: &Arc<Self>, call: SafeCall, batch: Batch) -> Tally {
        let large = batch.len() > LARGE;
        let work = match blocking(large, move || Units::of(batch)).await {
            Ok(work) => Arc::new(work),
            Err(error) => return Tally { failed: 1, retry_after: error.retry_after(), ..Tally::default() },
        };
        // What runs already is not begun again.
        let running = self.state.running.current();
        let (mut joined, mut rest) = (Vec::new(), Vec::new());
        for unit in 0..work.len() {
            match running.as_ref().and_then(|running| running.doing(&work, unit)) {
                Some(theirs) => joined.push((unit, theirs)),
                None => rest.push(unit),
            }
        }
        let mut tally = if rest.is_empty() && !joined.is_empty() {
            Tally::default()
        } else {
            self.apply_in_turn(&call, &work, rest).await
        };
        if let (Some(running), false) = (running, joined.is_empty()) {
            tracing::info!(
                backend = self.name(),
                request_id = call.request_id,
                units = joined.len(),
                "these changes are being applied already; waiting for that"
            );
            let ends = joined.iter().map(|(_, theirs)| running.outcome(theirs));
            match timeout_at(call.deadline, join_all(ends)).await {
                Ok(outcomes) => {
                    for outcome in &outcomes {
                        tally.add(outcome);
                    }
                    if let Some(by_hand) = &call.by_hand {
                        let both = joined.iter().zip(&outcomes);
                        by_hand.note(
                            both.map(|((unit, _), outcome)| {
                                UnitReport::of(self.name(), &work, *unit, outcome)
                            }),
                        );
                    }
                }
                Err(_) => joined.iter().for_each(|_| tally.add(&Outcome::Failed(still_running()))),
            }
        }
        self.wait_for_mirrors(&call, &mut tally).await;
        tally
    }

    /// Units that nobody is writing yet: decided and written when it is their turn.
    async fn apply_in_turn(self: &Arc<Self>, call: &SafeCall, work: &Arc<Units>, units: Vec<usize>) -> Tally {
        let started = Instant::now();
        match self.begin(call, work, &units).await {
            Ok(Begun::Settled(decided)) => {
                let Decided { settled, held, .. } = decided;
                let account = Account {
                    call: call.clone(),
                    work: Arc::clone(work),
                    written: Vec::new(),
                    held,
                    decided: true,
                    started,
                };
                self.account_for(account, settled).await
            }
            Ok(Begun::Writing(task)) => match timeout_at(call.deadline, task).await {
                Ok(Ok(tally)) => tally,
                Ok(Err(_)) => failed(&units, &BackendError::new(ErrorKind::Internal, "the apply broke off")),
                Err(_) => {
                    tracing::warn!(
                        backend = self.name(),
                        request_id = call.request_id,
                        "the apply goes on after its call was answered"
                    );
                    failed(&units, &still_running())
                }
            },
            Err(error) => {
                tracing::warn!(
                    backend = self.name(), view = call.view, request_id = call.request_id,
                    kind = error.kind.as_str(), error = %error, "batch not begun"
                );
                let outcomes = units.iter().map(|&unit| (unit, Outcome::Failed(error.clone()))).collect();
                let account = Account {
                    call: call.clone(),
                    work: Arc::clone(work),
                    written: Vec::new(),
                    held: Vec::new(),
                    decided: false,
                    started,
                };
                self.account_for(account, outcomes).await
            }
        }
    }

    /// Decides the units in their turn, and begins to write those that need it.
    async fn begin(
        self: &Arc<Self>,
        call: &SafeCall,
        work: &Arc<Units>,
        units: &[usize],
    ) -> Result<Begun, BackendError> {
        let shown = self.state.shown().get(&call.view);
        let stale = matches!(shown, Some(Shown::Stale | Shown::Unclear));
        if stale && call.by_hand.is_none() {
            let message = "the view was last shown an old list of this backend; changes wait for a fresh one";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        }
        self.backend.ready(call.deadline).await?;
        tracing::debug!(
            backend = self.name(),
            request_id = call.request_id,
            changes = work.batch.len(),
            "batch waits for its turn"
        );
        let Some(turn) = self.state.writes.turn(call.deadline).await else {
            // Dropped, not kept: ExternalDNS plans anew, and an old batch may undo what came since.
            let message = "an earlier batch is still being applied; this one was not begun";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        };
        if self.backend.is_closing() {
            return Err(BackendError::new(ErrorKind::Cancelled, "the backend is being closed"));
        }
        let facts = self.facts(call, work, units, &turn).await?;
        let decided = self.decide(call, work, units, facts).await?;
        if decided.write.is_empty() {
            return Ok(Begun::Settled(decided));
        }
        if self.policy.guards.dry_run {
            return Ok(Begun::Settled(decided.dry_run()));
        }
        let now = Instant::now();
        let permit = self.state.breaker.admit(now)?;
        if now >= call.deadline {
            let message = "the call's time was over before the batch could be begun";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        }
        let list = decided.list.clone();
        let kept = self.kept_changes(work, decided.write.iter().map(|todo| todo.unit), list.as_ref());
        let marked = self.mark(&call.request_id, work, &decided.write, &kept).await?;
        let units: Vec<usize> = decided.write.iter().map(|todo| todo.unit).collect();
        let ending = self.state.running.begin(work, &units);
        let job =
            Job { safe: Arc::clone(self), call: call.clone(), work: Arc::clone(work), decided, kept, marked };
        Ok(Begun::Writing(self.backend.spawn(job.run(turn, permit, ending))))
    }

    /// What the units are decided on: a list is only made where something depends on it.
    async fn facts(
        self: &Arc<Self>,
        call: &SafeCall,
        work: &Units,
        units: &[usize],
        turn: &Turn,
    ) -> Result<Facts, BackendError> {
        if call.by_hand.is_some() {
            let list = self.confirmed_list(&call.request_id, call.deadline, turn).await?;
            return Ok(Facts { list: Some(list) });
        }
        let epoch = self.state.writes.epoch();
        let shown = self.state.shown().get(&call.view);
        // Somebody wrote since the view was shown its list; or an earlier process showed it, and nobody
        // knows who has written since.
        let outdated = match shown {
            Some(Shown::Fresh(of)) => of != epoch,
            None => self.state.kept.has_list_of_before(),
            Some(Shown::Unclear | Shown::Stale) => false,
        };
        let known = self.state.kept.fresh(epoch);
        if self.state.is_unconfirmed() || (outdated && known.is_none()) {
            let list = self.confirmed_list(&call.request_id, call.deadline, turn).await?;
            return Ok(Facts { list: Some(list) });
        }
        if known.is_some() {
            return Ok(Facts { list: known });
        }
        let guarded = !call.allow_deletes && self.policy.deletes().limit_without_list().is_some();
        let deletes = guarded && units.iter().any(|&unit| work.pure_deletes(unit).next().is_some());
        if !deletes {
            return Ok(Facts { list: None });
        }
        let list = loop {
            match self.fresh_list(&call.request_id, call.deadline).await {
                Ok(list) if self.state.writes.is_current(list.epoch()) => break Some(list),
                // A reload has outdated it: nobody writes while we have the turn.
                Ok(_) if Instant::now() < call.deadline => {}
                Ok(_) => break None,
                Err(error) => {
                    tracing::warn!(
                        backend = self.name(), request_id = call.request_id, error = %error,
                        "no complete list to count deletes against"
                    );
                    break None;
                }
            }
        };
        Ok(Facts { list })
    }

    async fn decide(
        self: &Arc<Self>,
        call: &SafeCall,
        work: &Arc<Units>,
        units: &[usize],
        facts: Facts,
    ) -> Result<Decided, BackendError> {
        let (safe, work, units) = (Arc::clone(self), Arc::clone(work), units.to_vec());
        let allow_deletes = call.allow_deletes;
        let large = work.batch.len() > LARGE;
        blocking(large, move || safe.judge(&work, &units, &facts, allow_deletes)).await
    }

    /// [`account`](Self::account) where it may block.
    pub(super) async fn account_for(self: &Arc<Self>, account: Account, outcomes: Outcomes) -> Tally {
        let safe = Arc::clone(self);
        let told = blocking(true, move || safe.account(&account, &outcomes)).await;
        told.unwrap_or_else(|error| Tally { failed: 1, retry_after: error.retry_after(), ..Tally::default() })
    }
}

/// What came of a batch's turn.
enum Begun {
    /// Nothing is to be written.
    Settled(Decided),
    /// A task writes, and tells what came of it.
    Writing(tokio::task::JoinHandle<Tally>),
}

/// An apply that goes on whoever waits for it.
struct Job {
    safe: Arc<SafeBackend>,
    call: SafeCall,
    work: Arc<Units>,
    decided: Decided,
    kept: HashSet<ChangeId>,
    marked: Vec<usize>,
}

impl Job {
    async fn run(self, turn: Turn, permit: Permit, ending: Ending) -> Tally {
        let started = Instant::now();
        let safe = &self.safe;
        let held = self.decided.held.iter().flat_map(|(unit, _)| self.work.keys(*unit));
        let promises = safe.promise_mirrors();
        let mut writer = Writer {
            safe: Arc::clone(safe),
            work: Arc::clone(&self.work),
            request_id: self.call.request_id.clone(),
            deadline: started + safe.backend.times().apply,
            held_names: held.map(|key| key.name).collect(),
            kept: self.kept.clone(),
            marked: Some(self.marked),
            progress: ending.progress(),
        };
        let Written { mut outcomes, unknown, halves } = writer.write(self.decided.write.clone()).await;
        report(permit, safe.name(), unknown.as_ref());
        if let Some(error) = &unknown {
            tracing::error!(
                backend = safe.name(), request_id = self.call.request_id, kind = error.kind.as_str(), error = %error,
                "batch failed; what was done of it is not known until the next list"
            );
        }
        if unknown.is_none() && !halves {
            safe.confirm().await;
            Work::of(&self.call.request_id, &self.work, &outcomes, &writer.kept).give_to(promises);
        } else {
            // Its mirrors learn what was done from the next list.
            drop(promises);
        }
        safe.state.running.end();
        ending.tell(outcomes.iter().cloned());
        outcomes.extend(self.decided.settled.iter().cloned());
        let Decided { write: written, held, .. } = self.decided;
        let account = Account { call: self.call, work: self.work, written, held, decided: true, started };
        let tally = safe.account_for(account, outcomes).await;
        drop(turn);
        tally
    }
}

/// Tells the breaker how the calls to the backend went.
pub(super) fn report(permit: Permit, backend: &str, error: Option<&BackendError>) {
    let now = Instant::now();
    match error {
        None => {
            if permit.succeeded(now) {
                tracing::info!(backend, "backend is back: the breaker is closed");
            }
        }
        Some(error) if counts_as_failure(error.kind) => {
            if let Some(wait) = permit.failed(now, error.retry_after()) {
                tracing::warn!(backend, ?wait, "backend keeps failing: it is left alone for a while");
            }
        }
        Some(_) => {}
    }
}

fn still_running() -> BackendError {
    BackendError::new(ErrorKind::Retryable, "the batch is still being applied")
}

fn failed(units: &[usize], error: &BackendError) -> Tally {
    let mut tally = Tally::default();
    for _ in units {
        tally.add(&Outcome::Failed(error.clone()));
    }
    tally
}
