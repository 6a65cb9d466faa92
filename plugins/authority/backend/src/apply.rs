//! A batch, unit by unit.

use std::collections::BTreeMap;
use std::sync::Arc;

use zonemux_authority_zones::{Draft, Name, Zone};
use zonemux_plugin::dns::ZoneMap;
use zonemux_plugin::{ChangeId, Changes, Outcome, Unit};
use zonemux_rdata::Rtype;

use crate::rules::{conflict, protected};
use crate::wanted::{Wanted, accept, place};

/// Zones as a batch changes them.
pub(crate) struct Batch<'a> {
    names: &'a ZoneMap<usize>,
    /// The zones as they are, by the numbers that `names` has.
    zones: &'a [Arc<Zone>],
    default_ttl: u32,
    drafts: BTreeMap<usize, Draft>,
    /// Where the drafts stood before the unit.
    marks: BTreeMap<usize, usize>,
}

/// What to do for a change.
enum Wish {
    Put(Wanted),
    Remove(usize, Name, Rtype),
    /// What it names was never stored.
    Nothing,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(names: &'a ZoneMap<usize>, zones: &'a [Arc<Zone>], default_ttl: u32) -> Self {
        Self { names, zones, default_ttl, drafts: BTreeMap::new(), marks: BTreeMap::new() }
    }

    /// Does a batch, except for units that are refused.
    pub(crate) fn apply(&mut self, changes: &Changes) -> Outcome {
        let mut outcome = Outcome::applied();
        for unit in changes.units() {
            self.marks.clear();
            if let Err((culprit, reason)) = self.apply_unit(changes, &unit) {
                for (zone, mark) in &self.marks {
                    if let Some(draft) = self.drafts.get_mut(zone) {
                        draft.roll_back(*mark);
                    }
                }
                refuse(&mut outcome, changes, &unit, culprit, &reason);
            }
        }
        outcome
    }

    /// What the batch made of the zones that it touched.
    pub(crate) fn into_drafts(self) -> BTreeMap<usize, Draft> {
        self.drafts
    }

    fn draft(&mut self, zone: usize) -> &mut Draft {
        let zones = self.zones;
        let draft = self.drafts.entry(zone).or_insert_with(|| zones[zone].draft());
        self.marks.entry(zone).or_insert_with(|| draft.mark());
        draft
    }

    fn apply_unit(&mut self, changes: &Changes, unit: &Unit) -> Result<(), (ChangeId, String)> {
        let mut put = Vec::new();
        for &id in &unit.changes {
            match self.wish(changes, id).map_err(|reason| (id, reason))? {
                Wish::Put(wanted) => {
                    let draft = self.draft(wanted.zone);
                    if let Some(reason) = protected(draft, &wanted.name, wanted.rrset.rtype()) {
                        return Err((id, reason));
                    }
                    draft.put(&wanted.name, &wanted.rrset);
                    put.push((id, wanted));
                }
                Wish::Remove(zone, name, rtype) => {
                    let draft = self.draft(zone);
                    if let Some(reason) = protected(draft, &name, rtype) {
                        return Err((id, reason));
                    }
                    draft.remove(&name, rtype);
                }
                Wish::Nothing => {}
            }
        }
        // Only now is everything gone that makes room.
        for (id, wanted) in put {
            if let Some(reason) = conflict(self.draft(wanted.zone), &wanted.name, &wanted.rrset) {
                return Err((id, reason));
            }
        }
        Ok(())
    }

    fn wish(&self, changes: &Changes, id: ChangeId) -> Result<Wish, String> {
        let Some(change) = changes.get(id) else { return Ok(Wish::Nothing) };
        if let Some(desired) = change.desired() {
            return accept(self.names, desired, self.default_ttl).map(Wish::Put);
        }
        let gone = place(self.names, change.endpoint());
        Ok(gone.map_or(Wish::Nothing, |(zone, name, rtype)| Wish::Remove(zone, name, rtype)))
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
