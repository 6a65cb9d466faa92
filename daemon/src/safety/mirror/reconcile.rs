//! What is to be done so that a mirror has what its primary has: nothing here writes or waits.

use std::collections::{BTreeMap, HashMap};

use zonemux_plugin::{ChangeId, Endpoint, dns};

use crate::backend::Batch;
use crate::safety::RecordKey;
use crate::safety::compare::is_as_desired;
use crate::safety::undo::Builder;
use crate::safety::units::Units;

/// Records by what names them.
pub(super) type Records = BTreeMap<RecordKey, Endpoint>;

/// What a mirror shall have.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// By key; `None`: nothing shall be there.
    pub(super) records: BTreeMap<RecordKey, Option<Endpoint>>,
    /// Whether that is all that shall be there: the primary's complete list, and not some changes.
    pub(super) whole: bool,
}

/// How a mirror stands to what it shall have.
#[derive(Debug)]
pub(super) struct Plan {
    /// What differs, and what is somebody else's beside it.
    batch: Batch,
    stances: HashMap<ChangeId, Stance>,
}

/// Units of a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sorted {
    /// To be written.
    pub(super) write: Vec<usize>,
    /// Left alone: a record of theirs is somebody else's, or can't stand beside one.
    pub(super) conflicts: Vec<usize>,
}

/// What is to become of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stance {
    /// It differs, and is ours or not there.
    Write,
    /// It is as it shall be, and not ours.
    Theirs,
    /// It differs, and is not ours.
    Foreign,
}

/// Adds a record to others; several with one key are one RRset.
pub(super) fn join(records: &mut Records, endpoint: Endpoint) {
    let key = RecordKey::of(&endpoint);
    match records.get_mut(&key) {
        Some(known) => known.targets.extend(endpoint.targets),
        None => drop(records.insert(key, endpoint)),
    }
}

/// Compares what is wanted with what is there. `ours` knows the keys that zonemux wrote there. `None`
/// where there is too much of it for one batch (4 GiB of text).
pub(super) fn plan(wanted: &Wanted, there: &Records, ours: impl Fn(&RecordKey) -> bool) -> Option<Plan> {
    let mut plan =
        Building { there, ours, changes: Builder::default(), stances: HashMap::new(), count: [0; 3] };
    for (key, record) in &wanted.records {
        plan.record(key, record.as_ref())?;
    }
    if wanted.whole {
        for key in there.keys().filter(|key| !wanted.records.contains_key(*key)) {
            plan.record(key, None)?;
        }
    }
    Some(Plan { batch: plan.changes.finish(), stances: plan.stances })
}

impl Plan {
    /// Joins what stands or falls together, and sorts it: a record of ours and the ownership TXT beside
    /// it are written together or not at all. Somebody else's record with our TXT would be theirs to
    /// lose: ExternalDNS would take it for its own.
    pub(super) fn sort(self) -> (Units, Sorted) {
        let units = Units::of(self.batch);
        let mut sorted = Sorted::default();
        for unit in 0..units.len() {
            let has = |stance| units.ids(unit).iter().any(|id| self.stances.get(id) == Some(&stance));
            match (has(Stance::Write), has(Stance::Theirs), has(Stance::Foreign)) {
                (_, _, true) | (true, true, _) => sorted.conflicts.push(unit),
                (true, false, false) => sorted.write.push(unit),
                (false, _, false) => {}
            }
        }
        (units, sorted)
    }
}

struct Building<'a, F> {
    there: &'a Records,
    ours: F,
    changes: Builder,
    stances: HashMap<ChangeId, Stance>,
    /// Creates, updates, deletes so far.
    count: [usize; 3],
}

impl<F: Fn(&RecordKey) -> bool> Building<'_, F> {
    fn record(&mut self, key: &RecordKey, wanted: Option<&Endpoint>) -> Option<()> {
        match (wanted, self.there.get(key)) {
            (None, None) => {}
            (None, Some(old)) => {
                if (self.ours)(key) {
                    self.changes.delete(old)?;
                    self.note(ChangeId::Delete, 2, Stance::Write);
                }
            }
            (Some(new), None) => {
                let stance = if self.has_no_room(key) { Stance::Foreign } else { Stance::Write };
                self.changes.create(new)?;
                self.note(ChangeId::Create, 0, stance);
            }
            (Some(new), Some(old)) => {
                let stance = match (is_as_desired(old, new), (self.ours)(key)) {
                    (true, true) => return Some(()),
                    (true, false) => Stance::Theirs,
                    (false, true) => Stance::Write,
                    (false, false) => Stance::Foreign,
                };
                self.changes.update(Some(old), new)?;
                self.note(ChangeId::Update, 1, stance);
            }
        }
        Some(())
    }

    fn note(&mut self, id: impl Fn(usize) -> ChangeId, list: usize, stance: Stance) {
        self.stances.insert(id(self.count[list]), stance);
        self.count[list] += 1;
    }

    /// Whether somebody else's record at that name leaves no room for this one: servers make it by
    /// taking the other away.
    fn has_no_room(&self, key: &RecordKey) -> bool {
        let first =
            RecordKey { name: key.name.clone(), record_type: String::new(), set_identifier: String::new() };
        let at_name =
            self.there.range(first..).map(|(other, _)| other).take_while(|other| other.name == key.name);
        let mut in_the_way = at_name.filter(|other| {
            if other.record_type == key.record_type {
                // A simple RRset, and one of several that are told apart.
                return other.set_identifier.is_empty() != key.set_identifier.is_empty();
            }
            !dns::may_stand_together(&other.record_type, &key.record_type)
        });
        in_the_way.any(|other| !(self.ours)(other))
    }
}
