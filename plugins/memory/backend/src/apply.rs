//! A batch, unit by unit.

use zonemux_plugin::dns::{ZoneMap, canonical};
use zonemux_plugin::{ChangeId, Changes, Outcome, Unit};

use crate::packed::key;
use crate::records::{Records, Staged, Wish};
use crate::rules::{accept, conflict};

/// Finds out what a batch changes, and what of it is refused. Changes nothing.
pub(crate) fn stage(records: &Records, zones: &ZoneMap<()>, changes: &Changes) -> (Vec<Wish>, Outcome) {
    let mut staged = Staged::new(records);
    let mut outcome = Outcome::applied();
    for unit in changes.units() {
        match stage_unit(&mut staged, zones, changes, &unit) {
            Ok(()) => staged.keep(),
            Err((culprit, reason)) => {
                staged.roll_back();
                refuse(&mut outcome, changes, &unit, culprit, &reason);
            }
        }
    }
    (staged.into_wishes(), outcome)
}

fn stage_unit(
    staged: &mut Staged<'_>,
    zones: &ZoneMap<()>,
    changes: &Changes,
    unit: &Unit,
) -> Result<(), (ChangeId, String)> {
    let members = unit.changes.iter().filter_map(|&id| Some((id, changes.get(id)?)));
    let mut put = Vec::with_capacity(unit.changes.len());
    for (id, change) in members {
        if let Some(desired) = change.desired() {
            let record = accept(zones, desired).map_err(|reason| (id, reason))?;
            put.push((id, record.key().to_owned(), desired.dns_name()));
            staged.wish(Wish::Put(record));
        } else {
            let gone = change.endpoint();
            // A name that is not valid was never stored.
            if let Ok(name) = canonical(gone.dns_name()) {
                let key = key(&name, gone.record_type(), gone.set_identifier());
                staged.wish(Wish::Remove(key.into()));
            }
        }
    }
    for (id, key, name) in put {
        if let Some(reason) = conflict(staged, &key, name) {
            return Err((id, reason));
        }
    }
    Ok(())
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
