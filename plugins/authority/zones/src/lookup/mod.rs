//! What a question is answered with, by the rules of RFC 1034 (section 4.3.2), 4592, 6672 and 8482.

mod additional;
mod dname;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use zonemux_rdata::Rtype;

use crate::answer::{Answer, Entry, Rcode, Section, WireName};
use crate::key::{Key, KeyBuf, WILDCARD, above, common, labels};
use crate::rrset::{Node, Rrset};
use crate::soa::minimum;
use crate::zone::Zone;
use crate::zones::Table;

/// How many aliases are followed in one answer. A longer chain is answered with its start, and asked for
/// on from there.
const MAX_ALIASES: usize = 16;

/// Answers a question of class IN. The name is in wire form, uncompressed, in any case.
///
/// `None` where the name is in no zone, or is not a name: such a question is refused. Aliases are
/// followed within the zone and into others of the table; the response code is that of the last name
/// (RFC 6604, section 3), the authority that of the first (RFC 1034, section 6.2.7).
///
/// A question for ANY gets one RRset, the smallest (RFC 8482, section 4.1): a true answer, which can be
/// kept, and of no use to who wants a large one sent to somebody else.
pub fn lookup<'a>(table: &'a Table, name: &'a [u8], rtype: Rtype) -> Option<Answer<'a>> {
    let key = KeyBuf::from_wire(name)?;
    let zone = zone_for(table, key.as_slice(), rtype)?;
    let mut search = Search {
        table,
        rtype,
        there: None,
        answer: Answer {
            rcode: Rcode::NoError,
            authoritative: true,
            account: name,
            answer: Section::new(),
            authority: Section::new(),
            additional: Section::new(),
        },
    };
    let mut alias = search.step(zone, &key, WireName::Borrowed(name));
    if let Some(labels) = search.there {
        search.answer.account = &name[start_of_last(name, labels)..];
    }
    let mut followed = 0;
    while let Some(target) = alias {
        followed += 1;
        if followed > MAX_ALIASES || search.is_owner(&target) {
            break;
        }
        let Some(key) = KeyBuf::from_wire(&target) else { break };
        // Where the chain leaves our zones, whoever asked goes on elsewhere.
        let Some(zone) = zone_for(table, key.as_slice(), rtype) else { break };
        alias = search.step(zone, &key, target);
    }
    additional::add(&mut search);
    Some(search.answer)
}

/// The zone that answers a question. A DS record is the parent's (RFC 4035, section 3.1.4.1), where it
/// is here and delegates the name.
fn zone_for<'a>(table: &'a Table, key: &[u8], rtype: Rtype) -> Option<&'a Arc<Zone>> {
    let zone = table.find_key(key)?;
    if rtype == Rtype::DS && zone.apex.key() == key {
        let parent = table.find_above(key);
        let delegates = |parent: &&Arc<Zone>| {
            let below = &key[parent.apex.key().len()..];
            above(below)
                .chain([below.len()])
                .any(|end| parent.nodes.get(&below[..end]).is_some_and(|node| node.get(Rtype::NS).is_some()))
        };
        return parent.filter(delegates).or(Some(zone));
    }
    Some(zone)
}

struct Search<'a> {
    table: &'a Table,
    rtype: Rtype,
    /// How many labels the name has that stood for another.
    there: Option<usize>,
    answer: Answer<'a>,
}

/// What an alias leads to.
type Target<'a> = Option<WireName<'a>>;

impl<'a> Search<'a> {
    /// Looks up one name in its zone, and says where an alias leads to.
    fn step(&mut self, zone: &'a Arc<Zone>, key: &KeyBuf, name: WireName<'a>) -> Target<'a> {
        let below = &key.as_slice()[zone.apex.key().len()..];
        if zone.counts.cuts > 0 {
            for end in std::iter::once(0).chain(above(below)).filter(|&end| end < below.len()) {
                let Some(node) = zone.nodes.get(&below[..end]) else { continue };
                if end > 0
                    && let Some(servers) = node.get(Rtype::NS)
                {
                    self.refer(zone, &below[..end], servers, &name);
                    return None;
                }
                if let Some(dname) = node.get(Rtype::DNAME) {
                    self.there = Some(labels(zone.apex.key()) + labels(&below[..end]));
                    return self.rewrite(&below[end..], dname, &name);
                }
            }
        }
        if let Some(node) = zone.nodes.get(below) {
            if !below.is_empty()
                && self.rtype != Rtype::DS
                && let Some(servers) = node.get(Rtype::NS)
            {
                self.refer(zone, below, servers, &name);
                return None;
            }
            return self.found(zone, node, name);
        }
        // Names above those that have records exist, too (RFC 4592, section 2.2.2): what is next in order
        // tells whether this is one, and what is above it that exists.
        let (before, behind) = zone.nodes.neighbours(below);
        let (before, behind) = (before.map_or(&b""[..], |key| key.as_slice()), behind.map(Key::as_slice));
        if behind.is_some_and(|behind| behind.starts_with(below)) {
            self.nothing(zone);
            return None;
        }
        let encloser = common(before, below).max(behind.map_or(0, |behind| common(behind, below)));
        self.synthesise(zone, &below[..encloser], name)
    }

    /// What a wildcard gives (RFC 4592, section 3.3), if there is one right below the closest encloser.
    fn synthesise(&mut self, zone: &'a Arc<Zone>, encloser: &[u8], name: WireName<'a>) -> Target<'a> {
        self.there = Some(labels(zone.apex.key()) + labels(encloser));
        let mut buffer = [0; 514];
        let length = encloser.len() + WILDCARD.len();
        buffer[..encloser.len()].copy_from_slice(encloser);
        buffer[encloser.len()..length].copy_from_slice(WILDCARD);
        let wildcard = &buffer[..length];
        if let Some(node) = zone.nodes.get(wildcard) {
            return self.found(zone, node, name);
        }
        let (_, behind) = zone.nodes.neighbours(wildcard);
        if behind.is_none_or(|behind| !behind.as_slice().starts_with(wildcard)) {
            self.answer.rcode = Rcode::NxDomain;
        }
        self.nothing(zone);
        None
    }

    /// Answers from what stands at a name.
    fn found(&mut self, zone: &'a Arc<Zone>, node: &'a Node, name: WireName<'a>) -> Target<'a> {
        if self.rtype == Rtype::ANY {
            let smallest = node.rrsets().iter().min_by_key(|rrset| rrset.rdata_size() + 12 * rrset.len());
            if let Some(rrset) = smallest {
                self.give(name, rrset);
            }
            return None;
        }
        if let Some(rrset) = node.get(self.rtype) {
            self.give(name, rrset);
            return None;
        }
        if let Some(alias) = node.get(Rtype::CNAME) {
            self.answer.answer.push(Entry::new(name, alias));
            return alias.rdatas().next().map(WireName::Borrowed);
        }
        self.nothing(zone);
        None
    }

    /// Answers with what was asked for. A DNAME may be there already, as what led to where it stands.
    fn give(&mut self, name: WireName<'a>, rrset: &'a Rrset) {
        let is_this =
            |entry: &Entry<'_>| entry.rtype == rrset.rtype() && entry.owner.eq_ignore_ascii_case(&name);
        if !self.answer.answer.iter().any(is_this) {
            self.answer.answer.push(Entry::new(name, rrset));
        }
    }

    /// Says with the SOA that nothing is there, and for how long that may be kept (RFC 2308, section 5).
    fn nothing(&mut self, zone: &'a Arc<Zone>) {
        let mut soa = Entry::new(WireName::Borrowed(zone.apex_wire()), zone.soa());
        soa.ttl = soa.ttl.min(minimum(zone.soa()).unwrap_or_default());
        self.answer.authority.push(soa);
    }

    /// Names the servers of a zone below.
    fn refer(&mut self, zone: &'a Arc<Zone>, cut: &[u8], servers: &'a Rrset, name: &WireName<'a>) {
        if self.answer.answer.is_empty() {
            self.answer.authoritative = false;
        }
        let count = labels(zone.apex.key()) + labels(cut);
        self.there = Some(count);
        let start = start_of_last(name, count);
        let owner = match name {
            WireName::Borrowed(wire) => WireName::Borrowed(&wire[start..]),
            WireName::Made(wire) => WireName::Made(wire[start..].into()),
        };
        self.answer.authority.push(Entry::new(owner, servers));
        additional::glue(&mut self.answer, zone, cut, servers);
    }

    /// Whether a name was looked up before: then the chain is a loop.
    fn is_owner(&self, name: &WireName<'_>) -> bool {
        // Not so one at which a DNAME stands that a name below it went by.
        let is_it = |entry: &Entry<'_>| entry.rtype == Rtype::CNAME && entry.owner.eq_ignore_ascii_case(name);
        self.answer.answer.iter().any(is_it)
    }
}

/// Where the last labels of a name begin.
fn start_of_last(name: &[u8], count: usize) -> usize {
    let starts = || {
        let next = |&at: &usize| Some(at + 1 + usize::from(name[at]));
        std::iter::successors(Some(0), next).take_while(|&at| name[at] > 0)
    };
    let skip = starts().count().saturating_sub(count);
    starts().nth(skip).unwrap_or(name.len() - 1)
}
