//! A change of a zone, which can be taken back in part or as a whole.

use std::sync::Arc;

use zonemux_rdata::Rtype;

use crate::key::{Key, write_wire_below};
use crate::map::Map;
use crate::name::Name;
use crate::rrset::{Node, Rrset};
use crate::soa::Soa;
use crate::step::{Step, StepRecords};
use crate::zone::{Counts, Zone};

/// A zone that is being changed. Nobody sees it before it is [finished](Self::finish).
#[derive(Debug)]
pub struct Draft {
    base: Arc<Zone>,
    nodes: Map<Node>,
    counts: Counts,
    log: Vec<Done>,
}

/// One thing that was done.
#[derive(Debug)]
struct Done {
    key: Key,
    rtype: Rtype,
    old: Option<Rrset>,
}

/// An RRset as a change leaves it; `None`: there is none.
pub(crate) type Change = (Key, Rtype, Option<Rrset>);

/// A finished change.
#[derive(Debug)]
pub struct Changed {
    /// The zone after it.
    pub zone: Arc<Zone>,
    /// What was changed, for the journal: by key and type, the SOA among them.
    pub(crate) changes: Vec<Change>,
}

impl Draft {
    pub(crate) fn new(base: Arc<Zone>) -> Self {
        let (nodes, counts) = (base.nodes.clone(), base.counts);
        Self { base, nodes, counts, log: Vec::new() }
    }

    /// The zone as it was.
    pub fn base(&self) -> &Arc<Zone> {
        &self.base
    }

    /// All RRsets that a name has now, in the order of types.
    pub fn at(&self, name: &Name) -> &[Rrset] {
        self.base.below(name).and_then(|key| self.nodes.get(key)).map_or(&[], Node::rrsets)
    }

    /// Whether there is a DNAME anywhere in the zone.
    pub fn has_dnames(&self) -> bool {
        self.counts.dnames > 0
    }

    /// Every RRset below a name, that of the name itself left out, in canonical order.
    pub fn below<'d>(&'d self, name: &Name) -> impl Iterator<Item = &'d Rrset> + use<'d> {
        let key = Key::new(self.base.below(name).unwrap_or(b"\xff"));
        let from = self.nodes.iter_from(key.as_slice());
        let below = from
            .take_while(move |(there, _)| there.as_slice().starts_with(key.as_slice()))
            .skip(usize::from(self.base.below(name).is_some_and(|key| self.nodes.get(key).is_some())));
        below.flat_map(|(_, node)| node.rrsets())
    }

    /// Puts an RRset in the place of what its name has of its type. A name that is not in the zone
    /// changes nothing, nor does an RRset that is there already.
    pub fn put(&mut self, name: &Name, rrset: &Rrset) {
        self.set(name, rrset.rtype(), Some(rrset));
    }

    /// Removes the RRset of a name and type.
    pub fn remove(&mut self, name: &Name, rtype: Rtype) {
        self.set(name, rtype, None);
    }

    fn set(&mut self, name: &Name, rtype: Rtype, rrset: Option<&Rrset>) {
        if let Some(key) = self.base.below(name) {
            self.set_key(Key::new(key), rtype, rrset);
        }
    }

    pub(crate) fn set_key(&mut self, key: Key, rtype: Rtype, rrset: Option<&Rrset>) {
        let node = self.nodes.get(key.as_slice());
        let old = node.and_then(|node| node.get(rtype)).cloned();
        if old.as_ref() == rrset {
            return;
        }
        let node = match node {
            Some(node) => node.with(rtype, rrset.cloned()),
            None => rrset.cloned().map(Node::One),
        };
        match node {
            Some(node) => drop(self.nodes.insert(key.clone(), node)),
            None => drop(self.nodes.remove(key.as_slice())),
        }
        if let Some(old) = &old {
            self.counts.remove(key.as_slice(), old);
        }
        if let Some(rrset) = rrset {
            self.counts.add(key.as_slice(), rrset);
        }
        self.log.push(Done { key, rtype, old });
    }

    /// How much was done, for [`roll_back`](Self::roll_back).
    pub fn mark(&self) -> usize {
        self.log.len()
    }

    /// Takes back all that was done since a mark.
    pub fn roll_back(&mut self, mark: usize) {
        while self.log.len() > mark {
            if let Some(done) = self.log.pop() {
                self.set_key(done.key, done.rtype, done.old.as_ref());
                // What takes back is not done.
                self.log.pop();
            }
        }
    }

    /// Makes a zone of it with another SOA; `None` where nothing is changed.
    pub fn finish(mut self, soa: &Soa, serial: u32) -> Option<Changed> {
        let mut changes = self.net();
        let new_soa = soa.to_rrset(serial);
        // But for its serial, the SOA is the same.
        if changes.is_empty() && soa.to_rrset(self.base.serial) == self.base.soa {
            return None;
        }
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for (key, rtype, now) in &changes {
            let old = self.base.nodes.get(key.as_slice()).and_then(|node| node.get(*rtype));
            let gone =
                old.and_then(|old| now.as_ref().map_or_else(|| Some(old.clone()), |now| old.without(now)));
            let new =
                now.as_ref().and_then(|now| old.map_or_else(|| Some(now.clone()), |old| now.without(old)));
            if gone.is_none() && new.is_none() {
                // Only what DNS does not show differs.
                continue;
            }
            let mut wire = Vec::with_capacity(key.as_slice().len() + self.base.apex_wire.len());
            write_wire_below(key.as_slice(), &self.base.apex_wire, &mut wire);
            let owner: Arc<[u8]> = wire.into();
            removed.extend(gone.map(|rrset| StepRecords { owner: Arc::clone(&owner), rrset }));
            added.extend(new.map(|rrset| StepRecords { owner, rrset }));
        }
        let apex = Key::new(b"");
        self.set_key(apex.clone(), Rtype::SOA, Some(&new_soa));
        changes.push((apex, Rtype::SOA, Some(new_soa.clone())));
        let base = &self.base;
        let (old_soa, from) = (base.soa.clone(), base.serial);
        let step = Step { old_soa, from, new_soa: new_soa.clone(), to: serial, removed, added };
        let zone = Zone {
            apex: base.apex.clone(),
            apex_wire: Arc::clone(&base.apex_wire),
            nodes: self.nodes,
            soa: new_soa,
            serial,
            counts: self.counts,
            history: base.history.with(Arc::new(step), self.counts.records),
        };
        Some(Changed { zone: Arc::new(zone), changes })
    }

    /// What is different from the zone as it was, by key and type; the SOA left out.
    fn net(&mut self) -> Vec<Change> {
        let mut touched: Vec<(Key, Rtype)> = std::mem::take(&mut self.log)
            .into_iter()
            .map(|done| (done.key, done.rtype))
            .filter(|(key, rtype)| *rtype != Rtype::SOA || !key.as_slice().is_empty())
            .collect();
        touched.sort_unstable();
        touched.dedup();
        let rrset = |nodes: &Map<Node>, (key, rtype): &(Key, Rtype)| {
            nodes.get(key.as_slice()).and_then(|node| node.get(*rtype)).cloned()
        };
        let with_state = touched.into_iter().map(|place| (rrset(&self.nodes, &place), place));
        let base = &self.base.nodes;
        with_state
            .filter(|(now, place)| *now != rrset(base, place))
            .map(|(now, (key, rtype))| (key, rtype, now))
            .collect()
    }
}
