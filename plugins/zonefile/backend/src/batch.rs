//! A batch as steps on zones, unit by unit.

use std::collections::{BTreeSet, HashSet};

use zonemux_plugin::dns::{ZoneMap, canonical};
use zonemux_plugin::{Change, ChangeId, Changes, Error, Outcome, Unit};

use crate::records::{Draft, Key, RrSet, Undo, key};
use crate::rules::{accept, conflict};
use crate::zone::Zone;

/// What one change asks for.
#[derive(Debug)]
pub(crate) struct Wish {
    id: ChangeId,
    pub(crate) zone: usize,
    pub(crate) key: Key,
    /// `None`: it shall be gone.
    pub(crate) desired: Option<RrSet>,
}

/// A unit, read once.
#[derive(Debug)]
pub(crate) struct Planned {
    unit: Unit,
    pub(crate) wishes: Vec<Wish>,
    pub(crate) fate: Fate,
}

/// What becomes of a unit.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// Nothing stands against it.
    Open,
    /// One of its changes is refused for its own sake.
    Refused(ChangeId, String),
    /// Somebody has edited what it is about; the client shall look again.
    Edited(ChangeId, String),
}

/// Reads a batch.
pub(crate) fn plan(
    zones: &[Zone],
    map: &ZoneMap<usize>,
    changes: &Changes,
    default_ttl: u32,
) -> Vec<Planned> {
    let plan = |unit: Unit| {
        let mut planned = Planned { wishes: Vec::with_capacity(unit.changes.len()), fate: Fate::Open, unit };
        for &id in &planned.unit.changes {
            let Some(change) = changes.get(id) else { continue };
            match wish(zones, map, id, change, default_ttl) {
                Ok(wish) => planned.wishes.extend(wish),
                Err(reason) => {
                    planned.fate = Fate::Refused(id, reason);
                    break;
                }
            }
        }
        planned
    };
    changes.units().into_iter().map(plan).collect()
}

fn wish(
    zones: &[Zone],
    map: &ZoneMap<usize>,
    id: ChangeId,
    change: Change<'_>,
    default_ttl: u32,
) -> Result<Option<Wish>, String> {
    let endpoint = change.endpoint();
    let (desired, name) = (change.desired(), canonical(endpoint.dns_name()));
    let Ok(name) = name else {
        // What can't be a name was never stored.
        return if desired.is_some() {
            Err(name.map_or_else(|error| error.to_string(), |_| String::new()))
        } else {
            Ok(None)
        };
    };
    let Some(&zone) = map.get(&name) else {
        return match desired {
            Some(_) => Err(format!("{name} is in none of the backend's zones")),
            None => Ok(None),
        };
    };
    let key = key(&name, endpoint.record_type());
    let desired = desired.map(|endpoint| accept(&zones[zone].name, endpoint, default_ttl)).transpose()?;
    // A zone has no sets, so one of a set was never stored.
    if desired.is_none() && !endpoint.set_identifier().is_empty() {
        return Ok(None);
    }
    Ok(Some(Wish { id, zone, key, desired }))
}

/// The zones that the units which nothing stands against have wishes for.
pub(crate) fn touched(units: &[Planned]) -> BTreeSet<usize> {
    let open = units.iter().filter(|planned| matches!(planned.fate, Fate::Open));
    open.flat_map(|planned| planned.wishes.iter().map(|wish| wish.zone)).collect()
}

/// Does the units on drafts of all zones, and says of each what becomes of it. `edited` is what
/// somebody else has written since the client last looked.
pub(crate) fn draft<'a>(zones: &'a [Zone], units: &mut [Planned], edited: &[HashSet<Key>]) -> Vec<Draft<'a>> {
    let mut drafts: Vec<Draft<'a>> = zones.iter().map(|zone| Draft::new(&zone.known.records)).collect();
    for planned in units.iter_mut().filter(|planned| matches!(planned.fate, Fate::Open)) {
        let mut undo = Vec::with_capacity(planned.wishes.len());
        let result = set(zones, &mut drafts, planned, edited, &mut undo);
        if let Err(fate) = result {
            while let Some((zone, step)) = undo.pop() {
                let draft: &mut Draft<'a> = &mut drafts[zone];
                draft.undo(step);
            }
            planned.fate = fate;
        }
    }
    drafts
}

fn set(
    zones: &[Zone],
    drafts: &mut [Draft<'_>],
    planned: &Planned,
    edited: &[HashSet<Key>],
    undo: &mut Vec<(usize, Undo)>,
) -> Result<(), Fate> {
    for wish in &planned.wishes {
        let (zone, draft) = (&zones[wish.zone], &mut drafts[wish.zone]);
        let present = draft.get(&wish.key);
        if let Some(foreign) = zone.known.foreigns.get(&wish.key)
            && (wish.desired.is_some() || present.is_none())
        {
            // Asked for as it is, nothing is to be done.
            if wish.desired.as_ref().is_some_and(|desired| is_same(desired, &foreign.set))
                && present.is_none()
            {
                continue;
            }
            let (set, origin) = (&foreign.set, &foreign.origin);
            let reason =
                format!("the {} of {} is not a client's: it is from {origin}", set.record_type, set.name);
            return Err(Fate::Refused(wish.id, reason));
        }
        if present == wish.desired.as_ref() {
            continue;
        }
        if edited[wish.zone].contains(&wish.key) {
            let reason = format!("somebody else has edited it in `{}` meanwhile", zone.managed.display());
            return Err(Fate::Edited(wish.id, reason));
        }
        undo.push((wish.zone, draft.set((wish.key.clone(), wish.desired.clone()))));
    }
    // Only now is everything gone that makes room.
    for wish in &planned.wishes {
        let Some(desired) = &wish.desired else { continue };
        let foreigns = &zones[wish.zone].known.foreigns;
        if !foreigns.contains_key(&wish.key)
            && let Some(reason) = conflict(&drafts[wish.zone], foreigns, desired)
        {
            return Err(Fate::Refused(wish.id, reason));
        }
    }
    Ok(())
}

fn is_same(one: &RrSet, other: &RrSet) -> bool {
    one.targets == other.targets && one.ttl == other.ttl
}

/// Refuses the unit that asks for an RRset, for that one's sake.
pub(crate) fn refuse(units: &mut [Planned], zone: usize, key: &Key, reason: &str) {
    let asks = |wish: &Wish| wish.zone == zone && wish.key == *key && wish.desired.is_some();
    let open = units.iter_mut().filter(|planned| matches!(planned.fate, Fate::Open));
    for planned in open.filter(|planned| planned.wishes.iter().any(asks)) {
        planned.refuse(Some(key), reason.to_owned());
    }
}

/// The draft of one zone with some of the units only.
pub(crate) fn draft_of<'a>(zone: &'a Zone, index: usize, units: &[Planned], some: &[usize]) -> Draft<'a> {
    let mut draft = Draft::new(&zone.known.records);
    for wish in some.iter().flat_map(|&unit| &units[unit].wishes).filter(|wish| wish.zone == index) {
        if !zone.known.foreigns.contains_key(&wish.key) || wish.desired.is_none() {
            draft.set((wish.key.clone(), wish.desired.clone()));
        }
    }
    draft
}

impl Planned {
    /// Refuses the unit for the sake of the change of an RRset, or of its first change.
    pub(crate) fn refuse(&mut self, key: Option<&Key>, reason: String) {
        let culprit = self.wishes.iter().find(|wish| key == Some(&wish.key) && wish.desired.is_some());
        let culprit = culprit.or_else(|| self.wishes.iter().find(|wish| wish.desired.is_some()));
        let id = culprit.map(|wish| wish.id).or_else(|| self.unit.changes.first().copied());
        if let Some(id) = id {
            self.fate = Fate::Refused(id, reason);
        }
    }
}

/// What became of a batch. `failed` are zones of which nothing was written, by their positions.
pub(crate) fn outcome(changes: &Changes, units: &[Planned], failed: &[Option<Error>]) -> Outcome {
    let mut outcome = Outcome::applied();
    let what = |id: ChangeId| {
        let endpoint = changes.get(id).map(|change| change.endpoint());
        endpoint.map_or_else(String::new, |it| format!("{} {}", it.record_type(), it.dns_name()))
    };
    for planned in units {
        match &planned.fate {
            Fate::Refused(culprit, reason) => {
                for &id in &planned.unit.changes {
                    if id == *culprit {
                        outcome.refuse(id, reason.as_str());
                    } else {
                        outcome.refuse(id, format!("left undone together with {}: {reason}", what(*culprit)));
                    }
                }
            }
            Fate::Edited(culprit, reason) => {
                for &id in &planned.unit.changes {
                    let reason = if id == *culprit {
                        reason.clone()
                    } else {
                        format!("left undone together with {}: {reason}", what(*culprit))
                    };
                    outcome.fail(id, &Error::retryable(reason));
                }
            }
            Fate::Open => {
                // All of a unit is asked for again where a part of it was not done.
                let error = planned.wishes.iter().find_map(|wish| failed[wish.zone].as_ref());
                if let Some(error) = error {
                    planned.unit.changes.iter().for_each(|&id| outcome.fail(id, error));
                }
            }
        }
    }
    outcome
}
