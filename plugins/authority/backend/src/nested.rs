//! Zones below others: whose records are whose when a zone comes or goes.

use std::collections::HashSet;

use zonemux_authority_zones::{Draft, Name, Origin, Rrset, Store};
use zonemux_plugin::dns::{ZoneMap, canonical};
use zonemux_rdata::Rtype;

use crate::fixed::Fixed;
use crate::rules::conflict;

/// Moves the records of a zone that got a zone below it into that one. They were answered until now: where the zone
/// below has others from an earlier time, those give way.
pub(crate) fn move_down(drafts: &mut [(Draft, bool)], names: &ZoneMap<usize>, warnings: &mut Vec<String>) {
    let mut arrived: HashSet<(usize, Name, Rtype)> = HashSet::new();
    for (from, to, name, rrset) in misplaced(drafts, names) {
        let rtype = rrset.rtype();
        drafts[from].0.remove(&name, rtype);
        let draft = &mut drafts[to].0;
        let mark = draft.mark();
        let mut given_way: Vec<Rtype> = Vec::new();
        let earlier: Vec<(Rtype, bool)> = draft
            .at(&name)
            .iter()
            .filter(|there| there.origin() == Origin::Managed)
            .filter(|there| !arrived.contains(&(to, name.clone(), there.rtype())))
            .map(|there| (there.rtype(), there.rtype() == rtype && !there.rdatas().eq(rrset.rdatas())))
            .collect();
        given_way.extend(earlier.iter().filter(|(_, differs)| *differs).map(|(rtype, _)| *rtype));
        draft.put(&name, &rrset);
        let mut reason = conflict(draft, &name, &rrset);
        if reason.is_some() {
            let others = earlier.iter().map(|(rtype, _)| *rtype).filter(|other| *other != rtype);
            for other in others {
                draft.remove(&name, other);
                given_way.push(other);
            }
            reason = conflict(draft, &name, &rrset);
        }
        if let Some(reason) = reason {
            draft.roll_back(mark);
            warnings.push(format!(
                "{rtype} {name} did not fit into the zone that is now its own, and is dropped: {reason}"
            ));
            continue;
        }
        for rtype in given_way {
            let zone = draft.base().apex();
            warnings.push(format!(
                "{rtype} {name} of the zone {zone}, from when that was served before, gives way to what is answered today"
            ));
        }
        arrived.insert((to, name, rtype));
    }
}

/// What there is to say of zones that are kept and no longer served, and whose names a served zone has now.
pub(crate) fn unserved(store: &Store, fixed: &[Fixed]) -> Vec<String> {
    let is_served = |apex: &Name| fixed.iter().any(|served| served.apex == *apex);
    let mut said = Vec::new();
    for zone in store.zones().filter(|zone| !is_served(zone.apex())) {
        let apex = zone.apex();
        let above = fixed.iter().map(|served| &served.apex).find(|served| apex.is_at_or_below(served));
        let records = zone.iter().filter(|(_, rrset)| rrset.origin() == Origin::Managed).count();
        if let Some(above) = above.filter(|_| records > 0) {
            said.push(format!(
                "the zone {apex} is kept and not served: its {records} records are neither listed nor answered, also not by \
                 {above}, until it is one of `zones` again"
            ));
        }
    }
    said
}

/// ExternalDNS's records that stand in a zone though a longer one is theirs: from where to where.
fn misplaced(drafts: &[(Draft, bool)], names: &ZoneMap<usize>) -> Vec<(usize, usize, Name, Rrset)> {
    let mut moved = Vec::new();
    for (index, (draft, _)) in drafts.iter().enumerate() {
        let apex = draft.base().apex();
        let nested = drafts.iter().map(|(other, _)| other.base().apex());
        for below in nested.filter(|other| *other != apex && other.is_at_or_below(apex)) {
            let inside = draft
                .iter()
                .filter(|(name, rrset)| rrset.origin() == Origin::Managed && name.is_at_or_below(below));
            for (name, rrset) in inside {
                let text = name.to_string();
                // A delegation and its key stay above.
                let of_parent = name == *below && matches!(rrset.rtype(), Rtype::NS | Rtype::DS);
                let longest = canonical(&text).ok().and_then(|text| names.get(&text).copied());
                if let Some(to) = longest
                    && to != index
                    && !of_parent
                    && drafts[to].0.base().apex() == below
                {
                    moved.push((index, to, name, rrset.clone()));
                }
            }
        }
    }
    moved
}
