//! Addresses of names in an answer.

use std::sync::Arc;

use zonemux_rdata::Rtype;

use super::Search;
use crate::answer::{Answer, Entry, WireName};
use crate::key::{KeyBuf, above};
use crate::rrset::Rrset;
use crate::zone::Zone;

/// Of how many names of an RRset addresses are given: as many as the root has servers.
const MAX_NAMES: usize = 13;

/// Where in the RDATA of a type the name stands of which an address will be asked next.
fn name_at(rtype: Rtype) -> Option<usize> {
    match rtype {
        Rtype::NS => Some(0),
        Rtype::MX | Rtype::SVCB | Rtype::HTTPS => Some(2),
        Rtype::SRV => Some(6),
        _ => None,
    }
}

/// The name that a record points at. SVCB's is followed by parameters.
fn target(rtype: Rtype, rdata: &[u8]) -> Option<&[u8]> {
    let rest = rdata.get(name_at(rtype)?..)?;
    let name = rest.get(..zonemux_rdata::name_length(rest)?)?;
    // The root says that there is none.
    (name.len() > 1).then_some(name)
}

/// Adds addresses for the RRsets of the answer section.
pub(super) fn add(search: &mut Search<'_>) {
    if name_at(search.rtype).is_none() {
        return;
    }
    // A reference of that life time: the table outlives the answer.
    let table = search.table;
    let mut found = Vec::new();
    for entry in &search.answer.answer {
        if entry.rtype != search.rtype {
            continue;
        }
        let crate::answer::Data::Zone(rrset) = entry.data else { continue };
        for target in rrset.rdatas().take(MAX_NAMES).filter_map(|rdata| target(rrset.rtype(), rdata)) {
            let Some(key) = KeyBuf::from_wire(target) else { continue };
            let Some(zone) = table.find_key(key.as_slice()) else { continue };
            let below = &key.as_slice()[zone.apex.key().len()..];
            if !is_occluded(zone, below) {
                found.push((zone, below.to_vec(), target));
            }
        }
    }
    for (zone, below, target) in found {
        addresses(&mut search.answer, zone, &below, target, false);
    }
}

/// Adds addresses of the servers of a delegation that stand in its zone.
pub(super) fn glue<'a>(answer: &mut Answer<'a>, zone: &'a Arc<Zone>, cut: &[u8], servers: &'a Rrset) {
    for target in servers.rdatas().take(MAX_NAMES).filter_map(|rdata| target(Rtype::NS, rdata)) {
        let Some(key) = KeyBuf::from_wire(target) else { continue };
        let Some(below) = key.as_slice().strip_prefix(zone.apex.key()) else { continue };
        addresses(answer, zone, below, target, below.starts_with(cut));
    }
}

/// Whether a name is at or below a delegation, or below a DNAME.
fn is_occluded(zone: &Zone, below: &[u8]) -> bool {
    zone.counts.cuts > 0
        && above(below).chain([below.len()]).filter(|&end| end > 0).any(|end| {
            let node = zone.nodes.get(&below[..end]);
            node.is_some_and(|node| {
                node.get(Rtype::NS).is_some() || (end < below.len() && node.get(Rtype::DNAME).is_some())
            })
        })
}

fn addresses<'a>(
    answer: &mut Answer<'a>,
    zone: &'a Arc<Zone>,
    below: &[u8],
    owner: &'a [u8],
    required: bool,
) {
    let Some(node) = zone.nodes.get(below) else { return };
    for rtype in [Rtype::A, Rtype::AAAA] {
        let Some(rrset) = node.get(rtype) else { continue };
        let same = |entry: &Entry<'_>| entry.rtype == rtype && entry.owner.eq_ignore_ascii_case(owner);
        if answer.additional.iter().chain(&answer.answer).any(same) {
            continue;
        }
        let entry = Entry::new(WireName::Borrowed(owner), rrset);
        answer.additional.push(Entry { required, ..entry });
    }
}
