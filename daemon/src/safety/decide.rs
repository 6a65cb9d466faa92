//! What is to happen with each unit of a batch: nothing here writes or waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use zonemux_plugin::{ChangeId, ErrorKind, is_ownership_txt};

use super::compare::Standing;
use super::facts::Facts;
use super::guard::{Action, DeleteGuard, Held, Refusal, Rules};
use super::identity::{StateHash, UnitId};
use super::outcome::Outcome;
use super::ownership::Ownership;
use super::quarantine::{Quarantine, Verdict};
use super::units::Units;
use super::{RecordKey, SafeBackend};
use crate::backend::{BackendError, List, Scope};
use crate::config;

/// What decides.
pub(super) struct Judge<'a> {
    pub(super) work: &'a Units,
    pub(super) facts: &'a Facts,
    pub(super) rules: &'a Rules,
    pub(super) scope: &'a Scope,
    /// `None`: deletes were allowed for this once.
    pub(super) deletes: Option<DeleteGuard>,
    pub(super) held: &'a Held,
    pub(super) ownership: &'a Ownership,
    /// Whether ownership TXT may be kept in our store.
    pub(super) keeps: bool,
    /// Whether the units are asked for, and not only looked at: the quarantine remembers the former.
    pub(super) asked: bool,
    pub(super) now: SystemTime,
}

/// What a batch would delete of one zone.
#[derive(Default)]
struct Deletes {
    /// Records that nobody has let through.
    count: u64,
    /// Records that an operator has.
    granted: u64,
    /// The units of the former.
    positions: Vec<usize>,
}

/// What is decided of a batch.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// Units that are not written, and why.
    pub(super) settled: Vec<(usize, Outcome)>,
    /// Units to write, and which of their changes.
    pub(super) write: Vec<Todo>,
    /// Held units, with their zones.
    pub(super) held: Vec<(usize, String)>,
    /// What it was decided on.
    pub(super) list: Option<Arc<List>>,
}

/// A unit to write.
#[derive(Debug, Clone)]
pub(super) struct Todo {
    pub(super) unit: usize,
    /// Its changes that are not true yet, in their order.
    pub(super) changes: Vec<ChangeId>,
}

/// What a unit is called in the quarantine.
pub(super) fn unit_id(work: &Units, unit: usize) -> UnitId {
    UnitId::of(&work.keys(unit))
}

/// The state that a unit asks for.
pub(super) fn state_hash(work: &Units, unit: usize) -> StateHash {
    let mut state = StateHash::builder();
    for (_, change) in work.changes(unit) {
        match change.desired() {
            Some(desired) => state.present(&desired),
            None => state.absent(&RecordKey::of(&change.endpoint())),
        };
    }
    state.finish()
}

impl Decided {
    /// The same where nothing may be written.
    pub(super) fn dry_run(mut self) -> Self {
        let write = self.write.drain(..).map(|todo| (todo.unit, Outcome::DryRun));
        self.settled.extend(write);
        self
    }
}

impl SafeBackend {
    /// Decides units on these facts; nothing is written.
    pub(super) fn judge(&self, work: &Units, units: &[usize], facts: &Facts, allow_deletes: bool) -> Decided {
        self.judge_for(work, units, facts, allow_deletes, true)
    }

    /// The same for those who only look: not even the quarantine learns of it.
    pub(super) fn look_at(&self, work: &Units, units: &[usize], facts: &Facts) -> Decided {
        self.judge_for(work, units, facts, false, false)
    }

    fn judge_for(
        &self,
        work: &Units,
        units: &[usize],
        facts: &Facts,
        allow_deletes: bool,
        asked: bool,
    ) -> Decided {
        let (rules, scope) = (self.rules.load(), self.backend.scope());
        let (held, ownership) = (self.state.held(), self.state.ownership());
        let judge = Judge {
            work,
            facts,
            rules: &rules,
            scope: &scope,
            deletes: (!allow_deletes).then(|| self.policy.deletes()),
            held: &held,
            ownership: &ownership,
            keeps: self.policy.ownership != config::Ownership::Native,
            asked,
            now: SystemTime::now(),
        };
        judge.decide(units, &mut self.state.quarantine())
    }
}

impl Judge<'_> {
    /// Decides the units; the quarantine learns that they were asked for, if they are.
    pub(super) fn decide(&self, units: &[usize], quarantine: &mut Quarantine) -> Decided {
        let mut decided = Decided { list: self.facts.list.clone(), ..Decided::default() };
        for &unit in units {
            match self.alone(unit, quarantine) {
                Ok(todo) => decided.write.push(todo),
                Err(outcome) => decided.settled.push((unit, outcome)),
            }
        }
        self.hold(&mut decided);
        decided
    }

    /// What can be said of a unit without looking at the others.
    fn alone(&self, unit: usize, quarantine: &mut Quarantine) -> Result<Todo, Outcome> {
        if let Some(refusal) = self.refusal(unit) {
            return Err(Outcome::Refused(refusal));
        }
        if let Some(moved) = self.moved(unit) {
            let message = format!("{moved} belongs to another backend beside this one");
            return Err(Outcome::Failed(BackendError::new(ErrorKind::Retryable, message)));
        }
        let changes = self.facts.left(self.work, unit, self.ownership);
        if changes.is_empty() {
            return Err(Outcome::Unchanged);
        }
        if let Some(foreign) = self.foreign(unit) {
            let message = format!("{foreign} has changed since it was listed");
            return Err(Outcome::Failed(BackendError::new(ErrorKind::Retryable, message)));
        }
        if !quarantine.is_empty() {
            let (id, hash) = (unit_id(self.work, unit), state_hash(self.work, unit));
            let verdict = if self.asked {
                quarantine.verdict(&id, &hash, self.now)
            } else {
                quarantine.look(&id, &hash, self.now)
            };
            if let Verdict::Skip { reason, .. } = verdict {
                return Err(Outcome::Quarantined { reason, refused_now: None });
            }
        }
        Ok(Todo { unit, changes })
    }

    fn refusal(&self, unit: usize) -> Option<Refusal> {
        self.work.changes(unit).find_map(|(_, change)| {
            let action = Action::of(&change);
            let endpoint = change.endpoint();
            self.rules.refusal(action, &endpoint).or_else(|| {
                // Only ownership TXT come here with names outside the zones, beside their records.
                let outside = !self.keeps && self.scope.place(endpoint.dns_name()).is_none();
                outside.then_some(Refusal::Outside)
            })
        })
    }

    /// The first record of a unit that is not the backend's own. The scope is the backend's, not a
    /// generation's: a batch that an earlier generation has routed here may have waited for its turn while a
    /// reload gave its names to a neighbour. No list of this backend has them any more, so that nothing could
    /// count their deletes, and what were written would be shown to nobody.
    fn moved(&self, unit: usize) -> Option<RecordKey> {
        let mut records = self.work.changes(unit).map(|(_, change)| change.endpoint());
        let moved = records
            .find(|endpoint| !is_ownership_txt(endpoint) && self.scope.place(endpoint.dns_name()).is_none());
        moved.map(|endpoint| RecordKey::of(&endpoint))
    }

    /// The first record of a unit that is neither as the unit wants it nor as it was planned on.
    fn foreign(&self, unit: usize) -> Option<RecordKey> {
        // The registry may encrypt an ownership TXT, differently each time; its record is what counts.
        let mut changes = self.work.changes(unit).map(|(_, change)| change);
        changes
            .by_ref()
            .filter(|change| !is_ownership_txt(&change.endpoint()))
            .find(|change| self.facts.standing(change, self.ownership) == Some(Standing::Foreign))
            .map(|change| RecordKey::of(&change.endpoint()))
    }

    /// Holds the deletes of each zone that the batch would delete too much of.
    fn hold(&self, decided: &mut Decided) {
        let Some(guard) = self.deletes.filter(|guard| guard.limit_without_list().is_some()) else { return };
        let mut by_zone: HashMap<&str, Deletes> = HashMap::new();
        for (position, todo) in decided.write.iter().enumerate() {
            for old in self.work.pure_deletes(todo.unit) {
                let Some((_, zone)) = self.scope.place(old.dns_name()) else { continue };
                let key = RecordKey::of(&old);
                let deletes = by_zone.entry(&self.scope.zones()[zone]).or_default();
                // Not counted, but held where its record may be.
                let counted = u64::from(!self.facts.is_encrypted_ownership(&key));
                if self.held.is_granted(&key, self.now) {
                    deletes.granted += counted;
                    continue;
                }
                deletes.count += counted;
                if deletes.positions.last() != Some(&position) {
                    deletes.positions.push(position);
                }
            }
        }
        let records = self.facts.zone_records();
        let mut held: HashMap<usize, (String, String)> = HashMap::new();
        for (zone, Deletes { count, granted, positions }) in by_zone {
            let there = records.as_ref().map(|records| records.get(zone).copied().unwrap_or_default());
            let limit =
                there.map_or_else(|| guard.limit_without_list(), |there| guard.limit_beside(there, granted));
            let Some(limit) = limit.filter(|limit| count > *limit) else { continue };
            let beside = match granted {
                0 => String::new(),
                granted => format!(" beside {granted} that were released"),
            };
            let reason = match there {
                Some(there) => {
                    format!("{count} of {there} records of {zone} would be deleted{beside}, {limit} may be")
                }
                None => format!("{count} records of {zone} would be deleted, and there is no complete list"),
            };
            for position in positions {
                held.entry(position).or_insert_with(|| (reason.clone(), zone.to_owned()));
            }
        }
        if held.is_empty() {
            return;
        }
        let write = std::mem::take(&mut decided.write);
        for (position, todo) in write.into_iter().enumerate() {
            match held.remove(&position) {
                None => decided.write.push(todo),
                Some((reason, zone)) => {
                    decided.held.push((todo.unit, zone));
                    decided.settled.push((todo.unit, Outcome::Held(reason)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
