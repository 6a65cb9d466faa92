//! What is told of a batch: to the journal, to metrics, to the log, to the quarantine and the guard.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;
use zonemux_plugin::{Change, ChangeId};

use super::call::SafeCall;
use super::decide::{Todo, state_hash, unit_id};
use super::guard::HeldUnit;
use super::outcome::{Outcome, Tally};
use super::quarantine::Refused;
use super::report::UnitReport;
use super::units::{Units, action};
use super::{RecordKey, SafeBackend};
use crate::journal::{Entry, Rdata};
use crate::store::StoreError;
use crate::telemetry::metrics::{self, ChangeOutcome};

/// Batches up to this size are logged change by change at info, larger ones at debug.
const LOGGED_ONE_BY_ONE: usize = 100;

/// A batch that was decided, and as far as need be written.
pub(super) struct Account {
    pub(super) call: SafeCall,
    pub(super) work: Arc<Units>,
    /// What was written of each unit; the rest of its changes were true already.
    pub(super) written: Vec<Todo>,
    /// Held units, with their zones.
    pub(super) held: Vec<(usize, String)>,
    /// Whether the batch was decided: else nothing is known of what it would have held.
    pub(super) decided: bool,
    pub(super) started: Instant,
}

impl SafeBackend {
    /// Tells everyone what became of a batch. Blocks on the store.
    pub(super) fn account(&self, account: &Account, outcomes: &[(usize, Outcome)]) -> Tally {
        let mut tally = Tally::default();
        for (_, outcome) in outcomes {
            tally.add(outcome);
        }
        self.journal_and_log(account, outcomes, &tally);
        if !self.policy.guards.dry_run {
            self.note_quarantine(&account.work, outcomes);
            if account.decided && account.call.by_hand.is_none() {
                self.note_held(account);
            }
        }
        if let Some(by_hand) = &account.call.by_hand {
            by_hand.note(
                outcomes
                    .iter()
                    .map(|(unit, outcome)| UnitReport::of(self.name(), &account.work, *unit, outcome)),
            );
        }
        tracing::info!(
            backend = self.name(),
            request_id = account.call.request_id,
            view = account.call.view,
            applied = tally.applied,
            unchanged = tally.unchanged,
            quarantined = tally.quarantined,
            refused = tally.refused,
            held = tally.held,
            failed = tally.failed,
            dry_run = tally.dry_run,
            took = ?account.started.elapsed(),
            "batch done"
        );
        tally
    }

    fn journal_and_log(&self, account: &Account, outcomes: &[(usize, Outcome)], tally: &Tally) {
        let now = SystemTime::now();
        let written: HashSet<ChangeId> =
            account.written.iter().flat_map(|todo| todo.changes.iter().copied()).collect();
        let one_by_one = account.work.batch.len() <= LOGGED_ONE_BY_ONE;
        let mut lines = self.journal.batch();
        let mut counts = Counts::default();
        for (unit, outcome) in outcomes {
            let reason = outcome.reason();
            for (id, change) in account.work.changes(*unit) {
                let true_already = matches!(outcome, Outcome::Applied) && !written.contains(&id);
                let kind = if true_already { ChangeOutcome::Unchanged } else { outcome.kind() };
                counts.add(id, kind);
                let endpoint = change.endpoint();
                let (before, after) = (before(change), change.desired());
                lines.push(&Entry {
                    time: now,
                    view: &account.call.view,
                    backend: self.name(),
                    request_id: &account.call.request_id,
                    action: action(id),
                    name: endpoint.dns_name(),
                    record_type: endpoint.record_type(),
                    set_identifier: endpoint.set_identifier(),
                    before: before.as_ref().map(Rdata::of),
                    after: after.as_ref().map(Rdata::of),
                    outcome: kind.as_str(),
                    reason: reason.as_deref(),
                    duration: account.started.elapsed(),
                });
                self.log_change(account, id, change, kind, reason.as_deref(), one_by_one);
            }
        }
        counts.tell(self.name());
        self.journal.write(lines);
        if tally.held > 0 {
            let reasons: HashSet<String> = outcomes
                .iter()
                .filter(|(_, outcome)| matches!(outcome, Outcome::Held(_)))
                .filter_map(|(_, outcome)| outcome.reason())
                .collect();
            let hint = match account.call.by_hand {
                None => format!("`zonemux release {}` lets them through for 24 hours", self.name()),
                Some(_) => "`zonemux apply --allow-deletes` lets them through".to_owned(),
            };
            for reason in reasons {
                tracing::warn!(
                    backend = self.name(),
                    request_id = account.call.request_id,
                    reason,
                    hint,
                    "deletes are held"
                );
            }
        }
    }

    fn log_change(
        &self,
        account: &Account,
        id: ChangeId,
        change: Change<'_>,
        outcome: ChangeOutcome,
        reason: Option<&str>,
        one_by_one: bool,
    ) {
        let endpoint = change.endpoint();
        let (backend, request_id) = (self.name(), &*account.call.request_id);
        let (dns_name, record_type) = (endpoint.dns_name(), endpoint.record_type());
        let (action, word) = (action(id), outcome.as_str());
        macro_rules! tell {
            ($level:ident, $message:literal) => {
                tracing::$level!(
                    backend,
                    request_id,
                    action,
                    dns_name,
                    record_type,
                    outcome = word,
                    reason,
                    $message
                )
            };
        }
        match outcome {
            ChangeOutcome::Applied if one_by_one => tell!(info, "change applied"),
            ChangeOutcome::Applied | ChangeOutcome::Unchanged => tell!(debug, "change done"),
            // A mass of them is told by the batch's line; the journal has each.
            _ if !one_by_one => tell!(debug, "change not applied"),
            _ => tell!(warn, "change not applied"),
        }
    }

    /// The quarantine learns what was refused just now, and what is not any more.
    fn note_quarantine(&self, work: &Units, outcomes: &[(usize, Outcome)]) {
        let mut quarantine = self.state.quarantine();
        let (mut refused, mut applied) = (Vec::new(), Vec::new());
        for (unit, outcome) in outcomes {
            match outcome {
                Outcome::Quarantined { reason, refused_now: Some(kind) } => refused.push(Refused {
                    unit: unit_id(work, *unit),
                    hash: state_hash(work, *unit),
                    keys: work.all_keys(*unit),
                    kind: *kind,
                    reason: reason.clone(),
                }),
                Outcome::Applied | Outcome::Unchanged if !quarantine.is_empty() => {
                    applied.push(unit_id(work, *unit));
                }
                _ => {}
            }
        }
        let noted = quarantine.applied(&applied).and_then(|()| {
            if refused.is_empty() { Ok(()) } else { quarantine.refused(refused, SystemTime::now()) }
        });
        self.warn_of_store(noted, "what was refused can't be remembered; it is asked of the backend again");
        metrics::quarantined(self.name(), quarantine.reasons());
    }

    /// What this batch has held is what `release` lets through.
    fn note_held(&self, account: &Account) {
        let mut held = self.state.held();
        if held.is_empty() && account.held.is_empty() {
            return;
        }
        let units = account
            .held
            .iter()
            .map(|(unit, zone)| HeldUnit { keys: account.work.all_keys(*unit), zone: zone.clone() });
        let spoken_of: HashSet<RecordKey> = if held.is_empty() {
            HashSet::new()
        } else {
            account.work.batch.iter().map(|(_, change)| RecordKey::of(&change.endpoint())).collect()
        };
        let now = SystemTime::now();
        let noted = held.replace(&account.call.view, units, |key| spoken_of.contains(key), now);
        self.warn_of_store(noted, "what is held can't be remembered; `zonemux release` may not show it");
        metrics::guard_held(self.name(), "max_deletes", held.count(now));
    }

    fn warn_of_store(&self, result: Result<(), StoreError>, consequence: &str) {
        if let Err(error) = result {
            tracing::error!(backend = self.name(), %error, hint = error.hint(), "{consequence}");
        }
    }
}

/// What changes did to a backend's records, by action and outcome.
#[derive(Default)]
struct Counts(HashMap<(&'static str, ChangeOutcome), u64>);

impl Counts {
    fn add(&mut self, id: ChangeId, outcome: ChangeOutcome) {
        *self.0.entry((action(id), outcome)).or_default() += 1;
    }

    fn tell(self, backend: &str) {
        for ((action, outcome), count) in self.0 {
            metrics::changes(backend, action, outcome, count);
        }
    }
}

fn before(change: Change<'_>) -> Option<zonemux_plugin::EndpointRef<'_>> {
    match change {
        Change::Create(_) => None,
        Change::Update { old, .. } => old,
        Change::Delete(old) => Some(old),
    }
}
