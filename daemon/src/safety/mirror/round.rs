//! One comparison of a mirror with its primary, or one write of what the primary has applied.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zonemux_plugin::ErrorKind;

use super::desired::records;
use super::link::Link;
use super::reconcile::{Plan, Records, Wanted, join, plan};
use super::report::Report;
use super::work::Work;
use crate::backend::{BackendError, List, Scope};
use crate::safety::account::Account;
use crate::safety::apply::report;
use crate::safety::breaker::BreakerState;
use crate::safety::call::SafeCall;
use crate::safety::decide::{Decided, Todo};
use crate::safety::facts::Facts;
use crate::safety::outcome::Outcome;
use crate::safety::running::Progress;
use crate::safety::units::Units;
use crate::safety::write::Writer;
use crate::safety::{RecordKey, SafeBackend, blocking};
use crate::store::StoreError;

/// How often the primary is listed while it is being written to all the time.
const LISTS: usize = 3;

/// A primary and one of its mirrors in one generation.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) primary: Arc<SafeBackend>,
    pub(super) mirror: Arc<SafeBackend>,
    pub(super) link: Arc<Link>,
    /// The names that the mirror takes from this primary.
    pub(super) scope: Scope,
    /// Ends with the generation: nothing is written then that has not begun.
    pub(super) ended: CancellationToken,
}

/// What is to be written to the mirror, in its turn.
struct Prepared {
    work: Arc<Units>,
    decided: Decided,
    report: Report,
    list: Arc<List>,
}

impl Pair {
    /// Compares the mirror with its primary's complete list of this moment, and writes what differs.
    pub(super) async fn compare(self: &Arc<Self>) -> Result<Report, BackendError> {
        let id = format!("mirror-{}", self.link.mirror);
        // Asked first: a mirror that is away costs its primary no list.
        self.reachable().await?;
        let list = self.primary_list(&id).await?;
        let pair = Arc::clone(self);
        let wanted = blocking(true, move || {
            let records = records(&list, &pair.scope, &pair.primary.backend.scope())?;
            let records = records.into_iter().map(|(key, record)| (key, Some(record))).collect();
            Ok::<_, BackendError>(Wanted { records, whole: true })
        });
        self.bring(&id, wanted.await??).await
    }

    /// Writes what the primary has applied.
    pub(super) async fn write(self: &Arc<Self>, work: Vec<Work>) -> Result<Report, BackendError> {
        let id = work.last().map(|work| work.request_id.clone()).unwrap_or_default();
        self.reachable().await?;
        let pair = Arc::clone(self);
        let wanted = blocking(true, move || {
            let mut wanted = Wanted::default();
            for work in &work {
                work.add_to(&mut wanted);
            }
            let scope = pair.primary.backend.scope();
            wanted.records.retain(|key, _| pair.is_ours(&scope, &key.name));
            wanted
        });
        self.bring(&id, wanted.await?).await
    }

    fn is_ours(&self, primary: &Scope, name: &str) -> bool {
        self.scope.place(name).is_some() && primary.place(name).is_some()
    }

    /// An error where the mirror is not open, or left alone for a while.
    async fn reachable(&self) -> Result<(), BackendError> {
        let mirror = &self.mirror;
        mirror.backend.ready(Instant::now() + mirror.backend.times().call).await?;
        match mirror.state.breaker.state(Instant::now()) {
            BreakerState::Open { retry_in } => {
                let error = BackendError::new(ErrorKind::Retryable, "left alone after repeated failures");
                Err(error.after(retry_in))
            }
            BreakerState::Closed | BreakerState::HalfOpen => Ok(()),
        }
    }

    /// A complete list of the primary that was begun while nothing was being written to it, and after
    /// which nothing was; never an old one, and none of a primary that has anything unconfirmed.
    async fn primary_list(&self, id: &str) -> Result<Arc<List>, BackendError> {
        let state = &self.primary.state;
        for _ in 0..LISTS {
            let deadline = Instant::now() + self.primary.backend.times().list;
            let call = SafeCall::new("", id, deadline);
            let list = self.primary.mended_list(&call).await?;
            if !state.is_unconfirmed() && state.writes.is_current(list.epoch()) {
                return Ok(list);
            }
            // Somebody writes: no list is of this moment before that has ended.
            drop(state.writes.turn(Instant::now() + self.primary.backend.times().apply).await);
        }
        Err(BackendError::new(ErrorKind::Retryable, "the primary is written to faster than it is listed"))
    }

    /// Brings the mirror to what is wanted, as far as its guards and the records of others let it.
    async fn bring(self: &Arc<Self>, id: &str, wanted: Wanted) -> Result<Report, BackendError> {
        let (mirror, started) = (&self.mirror, Instant::now());
        let times = mirror.backend.times();
        let wanted = mirror.as_listed(id, started + times.call, wanted).await?;
        let Some(turn) = mirror.state.writes.turn(Instant::now() + times.apply).await else {
            let message = "an earlier batch is still being written to the mirror";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        };
        let list = mirror.confirmed_list(id, Instant::now() + times.list, &turn).await?;
        let pair = Arc::clone(self);
        let prepared = blocking(true, move || pair.prepare(&wanted, list)).await??;
        let Prepared { work, decided, mut report, list } = prepared;
        if self.ended.is_cancelled() || mirror.backend.is_closing() {
            return Err(BackendError::new(ErrorKind::Cancelled, "the mirror is not followed any more"));
        }
        let decided = if mirror.policy.guards.dry_run { decided.dry_run() } else { decided };
        let (outcomes, unknown) = if decided.write.is_empty() {
            (Vec::new(), None)
        } else {
            self.put(id, &work, &decided, list).await?
        };
        let Decided { mut settled, write, held, .. } = decided;
        settled.extend(outcomes);
        for (_, outcome) in &settled {
            report.add(outcome);
        }
        let call = SafeCall::new(format!("mirror of {}", self.link.primary), id, started);
        let account = Account { call, work, written: write, held, decided: true, started };
        mirror.account_for(account, settled).await;
        drop(turn);
        match unknown {
            Some(error) => Err(error),
            None => Ok(report),
        }
    }

    /// Plans and decides. Blocks on the store.
    fn prepare(&self, wanted: &Wanted, list: Arc<List>) -> Result<Prepared, BackendError> {
        let mirror = &self.mirror;
        let mut there = records(&list, &self.scope, &mirror.backend.scope())?;
        let plan = self.plan(wanted, &mut there)?;
        let (work, sorted) = plan.sort();
        let mut report = Report::default();
        for &unit in &sorted.conflicts {
            report.conflict(&work.keys(unit), work.all_keys(unit));
        }
        let facts = Facts { list: Some(Arc::clone(&list)) };
        let decided = mirror.judge(&work, &sorted.write, &facts, false);
        Ok(Prepared { work: Arc::new(work), decided, report, list })
    }

    fn plan(&self, wanted: &Wanted, there: &mut Records) -> Result<Plan, BackendError> {
        let (primary, mut written) = (self.primary.backend.scope(), self.mirror.state.mirrored.written());
        let ownership = self.mirror.state.ownership();
        // What the mirror can't hold is in our store, and ours.
        for entry in ownership.entries().filter(|entry| self.is_ours(&primary, &entry.key().name)) {
            if !there.contains_key(&entry.key()) {
                join(there, entry.txt().clone());
            }
        }
        if wanted.whole {
            let known: HashSet<String> =
                wanted.records.keys().chain(there.keys()).map(crate::safety::identity::key_text).collect();
            let stays = |key: &str| {
                let name = key.split(' ').next().unwrap_or(key);
                !self.is_ours(&primary, name) || known.contains(key)
            };
            written.retain(stays).map_err(|error| self.not_remembered(&error))?;
        }
        let is_ours = |key: &RecordKey| written.has(key) || ownership.get(key).is_some();
        plan(wanted, there, is_ours).ok_or_else(|| {
            BackendError::new(ErrorKind::Internal, "the mirror differs by too much for one batch")
        })
    }

    /// Writes units, after it is remembered that their records are ours. An error: nothing was written.
    async fn put(
        &self,
        id: &str,
        work: &Arc<Units>,
        decided: &Decided,
        list: Arc<List>,
    ) -> Result<(Vec<(usize, Outcome)>, Option<BackendError>), BackendError> {
        let mirror = &self.mirror;
        let permit = mirror.state.breaker.admit(Instant::now())?;
        let kept =
            mirror.kept_changes(work, decided.write.iter().map(|todo| todo.unit), decided.list.as_ref());
        let keys = |todos: &[Todo]| -> Vec<RecordKey> {
            let changes = todos.iter().flat_map(|todo| work.changes(todo.unit));
            changes
                .filter(|(_, change)| change.desired().is_some())
                .map(|(_, change)| RecordKey::of(&change.endpoint()))
                .collect()
        };
        let (safe, new) = (Arc::clone(mirror), keys(&decided.write));
        let remembered = blocking(true, move || safe.state.mirrored.written().remember(&new));
        remembered.await?.map_err(|error| self.not_remembered(&error))?;
        let marked = mirror.mark(id, work, &decided.write, &kept).await?;
        let promises = mirror.promise_mirrors();
        let held = decided.held.iter().flat_map(|(unit, _)| work.keys(*unit));
        let mut writer = Writer {
            safe: Arc::clone(mirror),
            work: Arc::clone(work),
            request_id: id.to_owned(),
            deadline: Instant::now() + mirror.backend.times().apply,
            held_names: held.map(|key| key.name).collect(),
            kept,
            marked: Some(marked),
            progress: Progress::default(),
        };
        let written = writer.write(decided.write.clone()).await;
        report(permit, mirror.name(), written.unknown.as_ref());
        if written.unknown.is_none() && !written.halves {
            mirror.confirm().await;
            Work::of(id, work, &written.outcomes, &writer.kept).give_to(promises);
        }
        self.forget(work, &written.outcomes, list).await;
        Ok((written.outcomes, written.unknown))
    }

    /// Forgets what was deleted, and what the mirror did not take: what comes to be there is not ours.
    async fn forget(&self, work: &Arc<Units>, outcomes: &[(usize, Outcome)], list: Arc<List>) {
        let mut gone = Vec::new();
        for (unit, outcome) in outcomes {
            let refused = match outcome {
                Outcome::Applied => false,
                Outcome::Quarantined { .. } => true,
                _ => continue,
            };
            for (_, change) in work.changes(*unit) {
                let key = RecordKey::of(&change.endpoint());
                let was_there = || !list.find(&key.name, &key.record_type, &key.set_identifier).is_empty();
                if (!refused && change.desired().is_none()) || (refused && !was_there()) {
                    gone.push(key);
                }
            }
        }
        if gone.is_empty() {
            return;
        }
        let safe = Arc::clone(&self.mirror);
        let forgotten = blocking(true, move || safe.state.mirrored.written().forget(&gone)).await;
        if let Ok(Err(error)) = forgotten {
            self.not_remembered(&error);
        }
    }

    fn not_remembered(&self, error: &StoreError) -> BackendError {
        tracing::error!(
            backend = self.link.primary, mirror = self.link.mirror, %error, hint = error.hint(),
            "it can't be remembered which records of the mirror are zonemux's"
        );
        BackendError::new(ErrorKind::Internal, error.to_string())
    }
}
