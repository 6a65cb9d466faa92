//! A batch, unit by unit.

use zonemux_plugin::dns::{ZoneMap, canonical};
use zonemux_plugin::{Change, ChangeId, Changes, Outcome, Unit};

use crate::packed::{Packed, Packer, key};
use crate::records::Draft;
use crate::rules::{accept, conflict};

/// Does a batch, except for units that are refused.
pub(crate) fn apply(draft: &mut Draft<'_>, zones: &ZoneMap<()>, changes: &Changes) -> Outcome {
    let mut batch = Batch::prepare(zones, changes);
    let mut units = changes.units();
    // A large batch comes in random order, and would find nothing of the records in the processor's
    // caches. Units don't depend on each other, so neighbours are done one after the other.
    units.sort_by_cached_key(|unit| unit.changes.first().map(|&id| (step(id), batch.get(id).place)));
    let mut outcome = Outcome::applied();
    for unit in units {
        let before = draft.steps().len();
        if let Err((culprit, reason)) = batch.apply_unit(draft, &unit) {
            draft.roll_back(before);
            refuse(&mut outcome, changes, &unit, culprit, &reason);
        }
    }
    outcome
}

/// A batch, read once in the order in which it was sent.
struct Batch {
    deletes: usize,
    updates: usize,
    changes: Vec<Prepared>,
}

/// A change that was checked by itself.
struct Prepared {
    wish: Wish,
    /// The start of its name, by which neighbours are told.
    place: [u8; 16],
}

enum Wish {
    Put(Packed),
    Remove(String),
    Refused(String),
    /// Its name is not valid, so it was never stored.
    Nothing,
}

impl Batch {
    fn prepare(zones: &ZoneMap<()>, changes: &Changes) -> Self {
        let mut packer = Packer::default();
        let prepare = |(_, change): (ChangeId, Change<'_>)| {
            let endpoint = change.endpoint();
            let wish = if change.desired().is_some() {
                accept(zones, endpoint, &mut packer).map_or_else(Wish::Refused, Wish::Put)
            } else if let Ok(name) = canonical(endpoint.dns_name()) {
                Wish::Remove(key(&name, endpoint.record_type(), endpoint.set_identifier()))
            } else {
                Wish::Nothing
            };
            let mut place = [0; 16];
            for (to, from) in place.iter_mut().zip(endpoint.dns_name().bytes()) {
                *to = from.to_ascii_lowercase();
            }
            Prepared { wish, place }
        };
        let mut prepared = Vec::with_capacity(changes.len());
        prepared.extend(changes.iter().map(prepare));
        Self { deletes: changes.delete().len(), updates: changes.update().len(), changes: prepared }
    }

    /// Where a change stands in the order of [`Changes::iter`].
    fn position(&self, id: ChangeId) -> usize {
        match id {
            ChangeId::Delete(index) => index,
            ChangeId::Update(index) => self.deletes + index,
            ChangeId::Create(index) => self.deletes + self.updates + index,
        }
    }

    fn get(&self, id: ChangeId) -> &Prepared {
        &self.changes[self.position(id)]
    }

    fn apply_unit(&mut self, draft: &mut Draft<'_>, unit: &Unit) -> Result<(), (ChangeId, String)> {
        for &id in &unit.changes {
            let position = self.position(id);
            match &mut self.changes[position].wish {
                Wish::Put(record) => draft.put(record.clone()),
                Wish::Remove(key) => draft.remove(key),
                Wish::Refused(reason) => return Err((id, std::mem::take(reason))),
                Wish::Nothing => {}
            }
        }
        // Only now is everything gone that makes room.
        for &id in &unit.changes {
            if let Wish::Put(record) = &self.get(id).wish
                && let Some(reason) = conflict(draft.records(), record)
            {
                return Err((id, reason));
            }
        }
        Ok(())
    }
}

/// Deletes, updates, creates.
fn step(id: ChangeId) -> u8 {
    match id {
        ChangeId::Delete(_) => 0,
        ChangeId::Update(_) => 1,
        ChangeId::Create(_) => 2,
    }
}

fn refuse(outcome: &mut Outcome, changes: &Changes, unit: &Unit, culprit: ChangeId, reason: &str) {
    for &id in &unit.changes {
        if id == culprit {
            outcome.refuse(id, reason);
        } else if let Some(change) = changes.get(culprit) {
            let endpoint = change.endpoint();
            let (record_type, name) = (endpoint.record_type(), endpoint.dns_name());
            outcome.refuse(id, format!("left undone together with {record_type} {name}: {reason}"));
        }
    }
}
