//! Bringing the zones that are kept to what the settings say.

use std::collections::BTreeMap;
use std::sync::Arc;

use zonemux_authority_zones::{
    Changed, Draft, Name, Origin, Rrset, SerialPolicy, Soa, Store, Zone, unix_time,
};
use zonemux_plugin::dns::ZoneMap;
use zonemux_rdata::Rtype;

use crate::fixed::Fixed;
use crate::nested::{move_down, unserved};
use crate::rules::conflict;
use crate::wanted::Note;

/// What is to be written so that the zones are as the settings say, and what the operator should know of it.
pub(crate) struct BroughtUp {
    pub(crate) changed: Vec<Changed>,
    pub(crate) warnings: Vec<String>,
}

/// Brings the zones that are kept to what the settings say; else all that is in the way.
pub(crate) fn bring_up(
    store: &Store,
    fixed: &[Fixed],
    names: &ZoneMap<usize>,
    default_ttl: u32,
    policy: SerialPolicy,
) -> Result<BroughtUp, Vec<String>> {
    let mut warnings = Vec::new();
    let mut opening = Opening { drafts: Vec::new(), faults: Vec::new(), default_ttl };
    for wanted in fixed {
        let kept = store.get(&wanted.apex).cloned();
        let is_new = kept.is_none();
        let zone = kept.unwrap_or_else(|| Arc::new(Zone::new(wanted.apex.clone(), &wanted.soa, unix_time())));
        opening.drafts.push((zone.draft(), is_new));
    }
    move_down(&mut opening.drafts, names, &mut warnings);
    warnings.extend(unserved(store, fixed));
    for (index, wanted) in fixed.iter().enumerate() {
        opening.zone(index, wanted);
    }
    if !opening.faults.is_empty() {
        return Err(opening.faults);
    }
    let finished = opening
        .drafts
        .into_iter()
        .zip(fixed)
        .filter_map(|((draft, is_new), wanted)| finish(draft, is_new, &wanted.soa, policy));
    Ok(BroughtUp { changed: finished.collect(), warnings })
}

fn finish(draft: Draft, is_new: bool, soa: &Soa, policy: SerialPolicy) -> Option<Changed> {
    if !is_new {
        let serial = draft.base().next_serial(policy);
        return draft.finish(soa, serial);
    }
    // Nobody knows the zone yet: its first serial is the one with all that the settings say.
    let base = Arc::clone(draft.base());
    let serial = base.serial();
    let zone = draft.finish(soa, serial).map_or(base, |changed| changed.zone);
    Some(Changed::created(zone.without_history()))
}

struct Opening {
    drafts: Vec<(Draft, bool)>,
    faults: Vec<String>,
    default_ttl: u32,
}

impl Opening {
    fn zone(&mut self, index: usize, wanted: &Fixed) {
        let draft = &mut self.drafts[index].0;
        let there: BTreeMap<(Name, Rtype), Rrset> = draft
            .iter()
            .filter(|(_, rrset)| rrset.rtype() != Rtype::SOA)
            .map(|(name, rrset)| ((name, rrset.rtype()), rrset.clone()))
            .filter(|(_, rrset)| rrset.origin() == Origin::Fixed || Note::read(rrset.note()).default_ttl)
            .collect();
        for ((name, rtype), rrset) in there {
            if rrset.origin() == Origin::Fixed {
                if !wanted.rrsets.contains_key(&(name.clone(), rtype)) {
                    draft.remove(&name, rtype);
                }
            } else if rrset.ttl() != self.default_ttl {
                draft.put(&name, &rrset.with_ttl(self.default_ttl));
            }
        }
        for ((name, rtype), rrset) in &wanted.rrsets {
            let managed = draft
                .at(name)
                .iter()
                .any(|there| there.rtype() == *rtype && there.origin() == Origin::Managed);
            if managed {
                self.faults.push(format!(
                    "{rtype} {name} of the settings is there already, as ExternalDNS's record"
                ));
                continue;
            }
            draft.put(name, rrset);
            if let Some(reason) = conflict(draft, name, rrset) {
                self.faults.push(format!("{rtype} {name} of the settings: {reason}"));
            }
        }
    }
}
