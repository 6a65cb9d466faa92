//! The zone that a name belongs to.

use std::fmt;
use std::hash::BuildHasher as _;
use std::mem;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::name::suffixes;

/// Values by zone: a name finds the longest zone that it is at or below.
///
/// ```
/// use zonemux_plugin::dns::ZoneMap;
/// let mut zones = ZoneMap::new();
/// zones.insert("example.org", "public");
/// zones.insert("lan.example.org", "inside");
/// assert_eq!(zones.get("www.lan.example.org"), Some(&"inside"));
/// assert_eq!(zones.get("www.example.org"), Some(&"public"));
/// assert_eq!(zones.get("notexample.org"), None);
/// ```
#[derive(Clone)]
pub struct ZoneMap<T> {
    /// The names of all zones. Looking one up costs what it takes to fetch it from memory, so they lie
    /// close together: ten thousand fit into a processor's second cache, with their table.
    text: String,
    table: HashTable<Zone<T>>,
    root: Option<T>,
    /// Which lengths of zone there are, by bit: most suffixes of a name need not be hashed at all.
    lengths: [u64; 4],
}

/// A zone in [`ZoneMap::text`].
#[derive(Clone)]
struct Zone<T> {
    start: u32,
    length: u32,
    value: T,
}

impl<T> Zone<T> {
    fn name<'a>(&self, text: &'a str) -> &'a str {
        let start = self.start as usize;
        &text[start..start + self.length as usize]
    }
}

impl<T: PartialEq> PartialEq for ZoneMap<T> {
    /// The same zones with the same values, in whatever order they were added.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|pair| other.find(pair.0) == Some(pair))
    }
}

impl<T: Eq> Eq for ZoneMap<T> {}

impl<T> Default for ZoneMap<T> {
    fn default() -> Self {
        Self { text: String::new(), table: HashTable::new(), root: None, lengths: [0; 4] }
    }
}

impl<T: fmt::Debug> fmt::Debug for ZoneMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T> ZoneMap<T> {
    /// No zones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a zone, [canonical](super::canonical); the root is `.`. Returns what it had before.
    ///
    /// # Panics
    ///
    /// When the names of all zones take more than 4 GiB.
    pub fn insert(&mut self, zone: &str, value: T) -> Option<T> {
        if zone == "." {
            return self.root.replace(value);
        }
        let (word, bit) = position(zone.len());
        self.lengths[word] |= bit;
        let text = &self.text;
        let same = |known: &Zone<T>| known.name(text) == zone;
        match self.table.entry(hash(zone), same, |known| hash(known.name(text))) {
            Entry::Occupied(known) => Some(mem::replace(&mut known.into_mut().value, value)),
            Entry::Vacant(place) => {
                let fits = "less than 4 GiB of zones";
                let start = u32::try_from(text.len()).expect(fits);
                let length = u32::try_from(zone.len()).expect(fits);
                place.insert(Zone { start, length, value });
                self.text.push_str(zone);
                None
            }
        }
    }

    /// The value of the longest zone that a canonical name is at or below. Allocates nothing.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.find(name).map(|(_, value)| value)
    }

    /// The longest zone that a canonical name is at or below, and its value.
    pub fn find<'a>(&'a self, name: &str) -> Option<(&'a str, &'a T)> {
        // Without a branch for each byte, for the compiler to look at sixteen at once.
        let escapes = name.bytes().fold(0, |any, byte| any | u8::from(byte == b'\\'));
        let found = if name.len() < 64 && escapes == 0 {
            self.find_plain(name)
        } else {
            let has_length = |suffix: &&str| {
                let (word, bit) = position(suffix.len());
                self.lengths[word] & bit != 0
            };
            suffixes(name).filter(has_length).find_map(|suffix| self.exactly(suffix))
        };
        found.or_else(|| self.root.as_ref().map(|value| (".", value)))
    }

    /// [`find`](Self::find) for a name of fewer than 64 octets without an escape, as nearly all are:
    /// every dot of it ends a label, so it is enough to look where a zone of some length would begin.
    fn find_plain(&self, name: &str) -> Option<(&str, &T)> {
        // All that are at most as long as the name.
        let mut lengths = self.lengths[0] & (u64::MAX >> (63 - name.len()));
        while lengths != 0 {
            let longest = lengths.ilog2();
            lengths ^= 1 << longest;
            let start = name.len() - longest as usize;
            if (start == 0 || name.as_bytes()[start - 1] == b'.')
                && let Some(found) = self.exactly(&name[start..])
            {
                return Some(found);
            }
        }
        None
    }

    fn exactly(&self, zone: &str) -> Option<(&str, &T)> {
        let found = self.table.find(hash(zone), |known| known.name(&self.text) == zone)?;
        Some((found.name(&self.text), &found.value))
    }

    /// Each zone with its value, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        let root = self.root.iter().map(|value| (".", value));
        self.table.iter().map(|zone| (zone.name(&self.text), &zone.value)).chain(root)
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.table.len() + usize::from(self.root.is_some())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<Z: AsRef<str>, T> FromIterator<(Z, T)> for ZoneMap<T> {
    fn from_iter<I: IntoIterator<Item = (Z, T)>>(zones: I) -> Self {
        let mut map = Self::new();
        for (zone, value) in zones {
            map.insert(zone.as_ref(), value);
        }
        map
    }
}

/// Fast and not keyed: what is put in is the operator's choice, and what a client sends is only looked
/// up.
fn hash(zone: &str) -> u64 {
    FixedState::default().hash_one(zone)
}

/// Where the bit of a length stands. Escapes make some names longer than 255: they share bits.
fn position(length: usize) -> (usize, u64) {
    ((length / 64) % 4, 1 << (length % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::{canonical, is_at_or_below};

    #[test]
    fn a_zone_replaced_gives_back_its_value() {
        let mut zones = ZoneMap::new();
        assert!(zones.is_empty());
        for zone in ["example.org", "."] {
            assert_eq!(zones.insert(zone, 1), None);
            assert_eq!(zones.insert(zone, 2), Some(1));
        }
        assert_eq!(zones.len(), 2);
        assert_eq!(zones.find("x.example.org"), Some(("example.org", &2)));
        assert_eq!(zones.find("x.example.net"), Some((".", &2)));
        assert_eq!(zones.iter().count(), 2);
    }

    #[test]
    fn an_escaped_dot_is_no_boundary() {
        let zones = ZoneMap::from_iter([("example.org", ())]);
        assert_eq!(zones.get(r"a\.example.org"), None);
        assert_eq!(zones.get(r"a\\.example.org"), Some(&()));
    }

    proptest! {
        #[test]
        fn the_longest_zone_wins(
            zones in proptest::collection::vec("([ab]\\.){0,3}[ab]|\\.", 0..8),
            name in "([ab]\\.|[ab]\\\\\\.){0,5}([ab]{40}\\.)?([ab]\\.){0,3}[ab]",
        ) {
            let name = canonical(&name).unwrap();
            let map: ZoneMap<usize> = zones.iter().enumerate().map(|(index, zone)| (zone, index)).collect();
            let longest = zones
                .iter()
                .filter(|zone| is_at_or_below(&name, zone))
                .max_by_key(|zone| if *zone == "." { 0 } else { zone.len() });
            let expected = longest.and_then(|longest| zones.iter().rposition(|zone| zone == longest));
            prop_assert_eq!(map.get(&name).copied(), expected);
        }
    }
}
