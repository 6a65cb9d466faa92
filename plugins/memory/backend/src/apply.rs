//! A batch, unit by unit.

use zonemux_plugin::dns::{ZoneMap, canonical};
use zonemux_plugin::{ChangeId, Changes, Outcome, Unit};

use crate::packed::{Packed, key};
use crate::records::Draft;
use crate::rules::{accept, conflict};

/// Does a batch, except for units that are refused.
pub(crate) fn apply(draft: &mut Draft<'_>, zones: &ZoneMap<()>, changes: &Changes) -> Outcome {
    let mut outcome = Outcome::applied();
    for unit in changes.units() {
        let before = draft.steps().len();
        if let Err((culprit, reason)) = apply_unit(draft, zones, changes, &unit) {
            draft.roll_back(before);
            refuse(&mut outcome, changes, &unit, culprit, &reason);
        }
    }
    outcome
}

fn apply_unit(
    draft: &mut Draft<'_>,
    zones: &ZoneMap<()>,
    changes: &Changes,
    unit: &Unit,
) -> Result<(), (ChangeId, String)> {
    let members = unit.changes.iter().filter_map(|&id| Some((id, changes.get(id)?)));
    let mut put: Vec<(ChangeId, Packed)> = Vec::with_capacity(unit.changes.len());
    for (id, change) in members {
        if let Some(desired) = change.desired() {
            let record = accept(zones, desired).map_err(|reason| (id, reason))?;
            put.push((id, record.clone()));
            draft.put(record);
        } else {
            let gone = change.endpoint();
            // A name that is not valid was never stored.
            if let Ok(name) = canonical(gone.dns_name()) {
                draft.remove(&key(&name, gone.record_type(), gone.set_identifier()));
            }
        }
    }
    // Only now is everything gone that makes room.
    for (id, record) in put {
        if let Some(reason) = conflict(draft.records(), &record) {
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
