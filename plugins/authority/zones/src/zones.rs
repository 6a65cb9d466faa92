//! All zones of a server.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use foldhash::fast::FixedState;
use tokio::sync::watch;

use crate::key::{KeyBuf, above};
use crate::name::Name;
use crate::zone::Zone;

/// All zones at one moment: whoever holds it sees each at one serial. It never changes.
#[derive(Clone, Default)]
pub struct Table {
    /// By key. The hash is not keyed: what is put in is the operator's choice, and what a client sends is
    /// only looked up.
    zones: HashMap<Box<[u8]>, Arc<Zone>, FixedState>,
}

impl Table {
    /// The longest zone that a name is at or below.
    pub fn find(&self, name: &Name) -> Option<&Arc<Zone>> {
        self.find_key(name.key())
    }

    pub(crate) fn find_key(&self, key: &[u8]) -> Option<&Arc<Zone>> {
        if self.zones.len() == 1 {
            return self.zones.values().next().filter(|zone| key.starts_with(zone.apex.key()));
        }
        self.zones.get(key).or_else(|| self.find_above(key))
    }

    /// The longest zone that a name is below, not at.
    pub(crate) fn find_above(&self, key: &[u8]) -> Option<&Arc<Zone>> {
        let mut lengths = [0_u16; 128];
        let mut count = 0;
        for length in above(key) {
            lengths[count] = u16::try_from(length).ok()?;
            count += 1;
        }
        let found =
            lengths[..count].iter().rev().find_map(|&length| self.zones.get(&key[..usize::from(length)]));
        found.or_else(|| self.zones.get(&b""[..]).filter(|_| !key.is_empty()))
    }

    /// The zone of an apex.
    pub fn get(&self, apex: &Name) -> Option<&Arc<Zone>> {
        self.zones.get(apex.key())
    }

    /// Every zone, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Zone>> {
        self.zones.values()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.zones.values()).finish()
    }
}

/// All zones of a server. Readers take the present [`Table`], and are never held up by a change.
#[derive(Debug)]
pub struct Zones {
    table: ArcSwap<Table>,
    /// One change at a time.
    changing: Mutex<()>,
    changes: watch::Sender<u64>,
}

impl Default for Zones {
    fn default() -> Self {
        Self { table: ArcSwap::default(), changing: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Zones {
    /// No zones.
    pub fn new() -> Self {
        Self::default()
    }

    /// All zones as they are now. Cheap enough for every query; not to be held for long.
    pub fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// The longest zone that a name is at or below.
    pub fn find(&self, name: &Name) -> Option<Arc<Zone>> {
        self.table().find(name).cloned()
    }

    /// The longest zone that an uncompressed wire name is at or below.
    pub fn find_wire(&self, wire: &[u8]) -> Option<Arc<Zone>> {
        self.table().find_key(KeyBuf::from_wire(wire)?.as_slice()).cloned()
    }

    /// Puts zones in the place of those with their apex, all in one moment.
    pub fn publish(&self, zones: impl IntoIterator<Item = Arc<Zone>>) {
        self.change(|table| {
            for zone in zones {
                table.zones.insert(zone.apex().key().into(), zone);
            }
        });
    }

    /// Takes a zone away.
    pub fn remove(&self, apex: &Name) {
        self.change(|table| drop(table.zones.remove(apex.key())));
    }

    fn change(&self, change: impl FnOnce(&mut Table)) {
        // What a panic left behind is still a whole table.
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = Table::clone(&self.table.load());
        change(&mut table);
        self.table.store(Arc::new(table));
        self.changes.send_modify(|generation| *generation += 1);
    }

    /// Tells that something changed, by a number that grows. What changed is seen by comparing serials
    /// with those that are known: so nobody who is slow misses a change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
