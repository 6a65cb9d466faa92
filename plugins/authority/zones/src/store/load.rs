//! Reading the file: zones as they were written as a whole, then changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::format::{self, Payload, Reader};
use super::frame::{self, Found};
use crate::draft::Change;
use crate::key::Key;
use crate::name::Name;
use crate::rrset::{Node, Rrset};
use crate::soa::Soa;
use crate::zone::Zone;

/// What a file holds.
pub(super) struct Loaded {
    pub(super) zones: BTreeMap<Name, Arc<Zone>>,
    /// Up to where it is right: what follows was never acknowledged.
    pub(super) length: usize,
    /// Where the zones end and the changes begin.
    pub(super) whole: usize,
    /// How many changes there are.
    pub(super) changes: usize,
}

/// Where a file can't be right, and why.
pub(super) struct Damage {
    pub(super) offset: usize,
    pub(super) what: &'static str,
}

/// Reads all frames behind a header.
pub(super) fn load(file: &[u8], header: usize) -> Result<Loaded, Damage> {
    let mut loading = Loading::default();
    let mut loaded = Loaded { zones: BTreeMap::new(), length: header, whole: header, changes: 0 };
    let mut rest = &file[header..];
    while !rest.is_empty() {
        let offset = loaded.length;
        let damage = |what| Damage { offset, what };
        let (payload, after) = match frame::read(rest) {
            Found::Whole(payload, after) => (payload, after),
            Found::Torn => break,
            Found::Damaged(what) => return Err(damage(what)),
        };
        match format::read(payload).ok_or_else(|| damage("a frame of no known kind"))? {
            Payload::Rrsets(apex, rrsets) if !loading.ended => {
                loading.rrsets(&apex, rrsets).ok_or_else(|| damage("an RRset can't be read"))?;
            }
            Payload::End(count) if !loading.ended => {
                loaded.zones = loading.end(count).ok_or_else(|| damage("zones are not complete"))?;
                loaded.whole = file.len() - after.len();
            }
            Payload::Changes(changes) if loading.ended => {
                replay(&mut loaded.zones, changes).ok_or_else(|| damage("a change can't be read"))?;
                loaded.changes += 1;
            }
            _ => return Err(damage("a frame in the wrong place")),
        }
        loaded.length = file.len() - after.len();
        rest = after;
    }
    if !loading.ended {
        // The file takes its name only when all of this is on the disk.
        return Err(Damage { offset: loaded.length, what: "the end of the zones is missing" });
    }
    Ok(loaded)
}

/// Zones as they are read.
#[derive(Default)]
struct Loading {
    apex: Option<Name>,
    /// RRsets of the node that is being read, and of all before it.
    rrsets: Vec<Rrset>,
    key: Option<Key>,
    nodes: Vec<(Key, Node)>,
    zones: BTreeMap<Name, Arc<Zone>>,
    count: u32,
    ended: bool,
}

impl Loading {
    fn rrsets(&mut self, apex: &Name, mut reader: Reader<'_>) -> Option<()> {
        if self.apex.as_ref() != Some(apex) {
            self.zone()?;
            self.apex = Some(apex.clone());
        }
        while !reader.is_empty() {
            let (key, _, rrset) = reader.change()?;
            if self.key.as_ref() != Some(&key) {
                self.node();
                self.key = Some(key);
            }
            self.rrsets.push(rrset?);
            self.count += 1;
        }
        Some(())
    }

    fn node(&mut self) {
        if let Some(key) = self.key.take() {
            let node = match self.rrsets.len() {
                1 => self.rrsets.pop().map(Node::One),
                _ => Node::new(std::mem::take(&mut self.rrsets)),
            };
            self.nodes.extend(node.map(|node| (key, node)));
        }
    }

    fn zone(&mut self) -> Option<()> {
        self.node();
        if let Some(apex) = self.apex.take() {
            let zone = Zone::from_nodes(apex.clone(), self.nodes.drain(..))?;
            if self.zones.insert(apex, Arc::new(zone)).is_some() {
                return None;
            }
        }
        Some(())
    }

    fn end(&mut self, count: u32) -> Option<BTreeMap<Name, Arc<Zone>>> {
        self.zone()?;
        self.ended = true;
        (self.count == count).then(|| std::mem::take(&mut self.zones))
    }
}

/// Does what a batch did.
fn replay(zones: &mut BTreeMap<Name, Arc<Zone>>, mut reader: Reader<'_>) -> Option<()> {
    while !reader.is_empty() {
        let apex = reader.name()?;
        let count = reader.number()?;
        let changes: Option<Vec<Change>> = (0..count).map(|_| reader.change()).collect();
        let zone = match zones.get(&apex) {
            Some(zone) => changed(zone, changes?)?,
            None => created(apex.clone(), changes?)?,
        };
        zones.insert(apex, zone);
    }
    Some(())
}

fn changed(zone: &Arc<Zone>, changes: Vec<Change>) -> Option<Arc<Zone>> {
    let mut draft = zone.draft();
    let mut soa = None;
    for (key, rtype, rrset) in changes {
        if key.as_slice().is_empty() && rtype == zonemux_rdata::Rtype::SOA {
            soa = Some(rrset?);
        } else {
            draft.set_key(key, rtype, rrset.as_ref());
        }
    }
    let (soa, serial) = Soa::from_rrset(&soa?)?;
    Some(draft.finish(&soa, serial).map_or_else(|| Arc::clone(zone), |changed| changed.zone))
}

fn created(apex: Name, changes: Vec<Change>) -> Option<Arc<Zone>> {
    let mut nodes: BTreeMap<Key, Vec<Rrset>> = BTreeMap::new();
    for (key, _, rrset) in changes {
        nodes.entry(key).or_default().push(rrset?);
    }
    let nodes = nodes.into_iter().filter_map(|(key, rrsets)| Some((key, Node::new(rrsets)?)));
    Zone::from_nodes(apex, nodes).map(Arc::new)
}
