//! A zone at one serial.

use std::fmt;
use std::sync::Arc;

use zonemux_rdata::Rtype;

use crate::draft::Draft;
use crate::key::{Key, write_wire_below};
use crate::map::Map;
use crate::name::Name;
use crate::rrset::{Node, Origin, Rrset};
use crate::soa::{SerialPolicy, Soa};
use crate::step::{History, Step};

/// A zone at one serial, which never changes: a change makes another, and shares with it what stays.
#[derive(Clone)]
pub struct Zone {
    pub(crate) apex: Name,
    pub(crate) apex_wire: Arc<[u8]>,
    /// What stands at each name, by its key below the apex.
    pub(crate) nodes: Map<Node>,
    pub(crate) soa: Rrset,
    pub(crate) serial: u32,
    pub(crate) counts: Counts,
    pub(crate) history: History,
}

/// What is counted as records come and go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Delegations and DNAMEs: where there are none, no name needs to be looked for above another.
    pub(crate) cuts: usize,
    pub(crate) dnames: usize,
    pub(crate) records: usize,
    pub(crate) rrsets: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, key: &[u8], rrset: &Rrset) {
        self.cuts += usize::from(is_cut(key, rrset));
        self.dnames += usize::from(rrset.rtype() == Rtype::DNAME);
        self.records += rrset.len();
        self.rrsets += 1;
    }

    pub(crate) fn remove(&mut self, key: &[u8], rrset: &Rrset) {
        self.cuts -= usize::from(is_cut(key, rrset));
        self.dnames -= usize::from(rrset.rtype() == Rtype::DNAME);
        self.records -= rrset.len();
        self.rrsets -= 1;
    }
}

fn is_cut(key: &[u8], rrset: &Rrset) -> bool {
    rrset.rtype() == Rtype::DNAME || (rrset.rtype() == Rtype::NS && !key.is_empty())
}

impl Zone {
    /// A new zone that has nothing but its SOA.
    pub fn new(apex: Name, soa: &Soa, serial: u32) -> Self {
        let soa = soa.to_rrset(serial);
        let entry = (Key::new(b""), Node::One(soa.clone()));
        let nodes = Map::from_sorted([entry]).unwrap_or_default();
        let apex_wire = apex.to_wire().into();
        let mut counts = Counts::default();
        counts.add(b"", &soa);
        Self { apex, apex_wire, nodes, soa, serial, counts, history: History::default() }
    }

    /// A zone of nodes in order, with an SOA at the apex.
    pub(crate) fn from_nodes(apex: Name, entries: impl IntoIterator<Item = (Key, Node)>) -> Option<Self> {
        let mut counts = Counts::default();
        let nodes = Map::from_sorted(entries.into_iter().inspect(|(key, node)| {
            node.rrsets().iter().for_each(|rrset| counts.add(key.as_slice(), rrset));
        }))?;
        let soa = nodes.get(b"")?.get(Rtype::SOA)?.clone();
        let (_, serial) = Soa::from_rrset(&soa)?;
        let apex_wire = apex.to_wire().into();
        Some(Self { apex, apex_wire, nodes, soa, serial, counts, history: History::default() })
    }

    /// The name at the top.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The name at the top, in wire form.
    pub fn apex_wire(&self) -> &[u8] {
        &self.apex_wire
    }

    /// The SOA record.
    pub fn soa(&self) -> &Rrset {
        &self.soa
    }

    /// The serial of the SOA record.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// How many records there are, the SOA among them.
    pub fn record_count(&self) -> usize {
        self.counts.records
    }

    /// How many RRsets there are.
    pub fn rrset_count(&self) -> usize {
        self.counts.rrsets
    }

    /// The RRset of a name and type, whatever a question for it would be answered.
    pub fn get(&self, name: &Name, rtype: Rtype) -> Option<&Rrset> {
        self.nodes.get(self.below(name)?)?.get(rtype)
    }

    /// All RRsets of a name, in the order of types.
    pub fn at(&self, name: &Name) -> &[Rrset] {
        self.below(name).and_then(|key| self.nodes.get(key)).map_or(&[], Node::rrsets)
    }

    /// The key of a name below the apex.
    pub(crate) fn below<'n>(&self, name: &'n Name) -> Option<&'n [u8]> {
        name.key().strip_prefix(self.apex.key())
    }

    /// The name of a key below the apex.
    pub(crate) fn name_of(&self, key: &[u8]) -> Name {
        Name::from_key(&[self.apex.key(), key].concat())
    }

    /// Every RRset: the SOA, then all others in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (Name, &Rrset)> {
        self.rrsets().map(|(key, rrset)| (self.name_of(key.as_slice()), rrset))
    }

    /// ExternalDNS's RRsets, in canonical order, with the owner names in wire form.
    pub fn for_each_managed<E>(&self, mut each: impl FnMut(&[u8], &Rrset) -> Result<(), E>) -> Result<(), E> {
        let mut wire = Vec::with_capacity(255);
        for (key, node) in self.nodes.iter() {
            for rrset in node.rrsets().iter().filter(|rrset| rrset.origin() == Origin::Managed) {
                wire.clear();
                write_wire_below(key.as_slice(), &self.apex_wire, &mut wire);
                each(&wire, rrset)?;
            }
        }
        Ok(())
    }

    /// The zone as if it had always been so.
    #[must_use]
    pub fn without_history(&self) -> Arc<Self> {
        Arc::new(Self { history: History::default(), ..self.clone() })
    }

    fn rrsets(&self) -> impl Iterator<Item = (&Key, &Rrset)> {
        let soa = self.nodes.iter().next().map(|(key, _)| (key, &self.soa));
        let all =
            self.nodes.iter().flat_map(|(key, node)| node.rrsets().iter().map(move |rrset| (key, rrset)));
        soa.into_iter()
            .chain(all.filter(|(key, rrset)| rrset.rtype() != Rtype::SOA || !key.as_slice().is_empty()))
    }

    /// What changed from a serial to the present one, step by step; nothing where they are the same, and
    /// `None` where not all of it is known any more.
    pub fn steps_since(&self, serial: u32) -> Option<impl ExactSizeIterator<Item = &Arc<Step>> + Clone> {
        let steps = if serial == self.serial { &[] } else { self.history.since(serial)? };
        Some(steps.iter())
    }

    /// Begins a change.
    pub fn draft(self: &Arc<Self>) -> Draft {
        Draft::new(Arc::clone(self))
    }

    /// The next serial by a policy, at the present time.
    pub fn next_serial(&self, policy: SerialPolicy) -> u32 {
        policy.next(self.serial, crate::soa::unix_time())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zone")
            .field("apex", &self.apex)
            .field("serial", &self.serial)
            .field("records", &self.counts.records)
            .finish_non_exhaustive()
    }
}
