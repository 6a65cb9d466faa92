//! What is done of a batch.

use std::collections::{HashMap, HashSet};

use zonemux_plugin::{ChangeId, Changes, Error, ErrorKind, Outcome, Result};

use crate::batch::Part;
use crate::behaviour::Behaviour;
use crate::limits::Limits;
use crate::settings::Settings;

/// Which changes of a batch are refused, and which are passed over in silence.
#[derive(Debug)]
pub(crate) struct Plan {
    refused: HashMap<ChangeId, Error>,
    left_out: HashSet<ChangeId>,
    /// Whether the batch breaks off in the middle.
    cut: bool,
    whole: bool,
}

impl Plan {
    /// The plan for a batch; an error where the batch is refused as one.
    pub(crate) fn make(now: &Settings, limits: &Limits, changes: &Changes) -> Result<Self> {
        let mut refused = HashMap::new();
        for (id, change) in changes.iter() {
            let endpoint = change.endpoint();
            let meant = now.means(&endpoint);
            if change.desired().is_some() && !limits.has_type(endpoint.record_type()) {
                let reason = format!("{} records can't be stored", endpoint.record_type());
                refused.insert(id, Error::new(ErrorKind::Unsupported, reason));
            } else if now.behaviour == Behaviour::RefuseBatch && meant {
                return Err(Error::permanent("the whole batch is refused on command"));
            } else if matches!(now.behaviour, Behaviour::Refuse | Behaviour::RefuseTxt) && meant {
                refused.insert(id, Error::permanent("refused on command"));
            }
        }
        let left_out = left_out(now, changes);
        let cut = !left_out.is_empty() || now.is_half();
        let whole = limits.is_none() && refused.is_empty() && !cut;
        Ok(Self { refused, left_out, cut, whole })
    }

    /// Whether everything is done as it was asked for.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether the batch breaks off in the middle.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// What is done.
    pub(crate) fn part(&self, changes: &Changes, limits: &Limits) -> Part {
        let wanted = |id| !self.refused.contains_key(&id) && !self.left_out.contains(&id);
        Part::of(changes, wanted, |record| limits.stored(record))
    }

    /// What is refused.
    pub(crate) fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::applied();
        for (&id, error) in &self.refused {
            outcome.fail(id, error);
        }
        outcome
    }
}

fn left_out(now: &Settings, changes: &Changes) -> HashSet<ChangeId> {
    let units = changes.units();
    if now.is_half() {
        return units.into_iter().skip(1).step_by(2).flat_map(|unit| unit.changes).collect();
    }
    if !matches!(now.behaviour, Behaviour::Half | Behaviour::HalfAbort) {
        return HashSet::new();
    }
    let is_meant = |&id: &ChangeId| changes.get(id).is_some_and(|change| now.means(&change.endpoint()));
    let cut = units.into_iter().filter(|unit| unit.changes.iter().any(is_meant));
    cut.flat_map(|unit| unit.changes.into_iter().skip(1)).collect()
}
