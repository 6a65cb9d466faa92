//! The zone that a name belongs to.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};
use std::iter;
use std::mem;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::name::{NameError, canonical, suffixes};
use super::plain;

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
    length: u16,
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
                let length = u16::try_from(zone.len()).expect("a name of at most 255 octets");
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
        if let Some(dots) = plain::dots(name) {
            return self.find_plain(name, dots);
        }
        let has_length = |suffix: &&str| {
            let (word, bit) = position(suffix.len());
            self.lengths[word] & bit != 0
        };
        let found = suffixes(name).filter(has_length).find_map(|suffix| self.exactly(suffix));
        found.or_else(|| self.above_all())
    }

    /// A name in [canonical](super::canonical) form, and the value of the longest zone that it is at or below.
    ///
    /// # Errors
    ///
    /// Where it is no domain name.
    pub fn place<'a, 'n>(&'a self, name: &'n str) -> Result<(Cow<'n, str>, Option<&'a T>), NameError> {
        // One look at the text says both, of nearly all names.
        if let Some(dots) = plain::dots(name) {
            return Ok((Cow::Borrowed(name), self.find_plain(name, dots).map(|(_, value)| value)));
        }
        let name = canonical(name)?;
        let value = self.get(&name);
        Ok((name, value))
    }

    fn find_plain(&self, name: &str, dots: u64) -> Option<(&str, &T)> {
        self.candidates(name, dots).find_map(|suffix| self.exactly(suffix)).or_else(|| self.above_all())
    }

    fn above_all(&self) -> Option<(&str, &T)> {
        self.root.as_ref().map(|value| (".", value))
    }

    /// What [`get`](Self::get) gives for the [canonical](super::canonical) form of each of many names,
    /// in their order; for batches of thousands. A look-up is mostly waiting for memory: here each step
    /// is taken for a block of names, so that they wait at the same time.
    pub fn get_each<'a>(
        &'a self,
        names: &[&str],
        mut found: impl FnMut(usize, Result<Option<&'a T>, NameError>),
    ) {
        let text = self.text.as_bytes();
        let mut suffixes: [(&[u8], u64); BLOCK] = [(b"", 0); BLOCK];
        let mut zones: [Option<(&[u8], &T)>; BLOCK] = [None; BLOCK];
        let mut likely = [false; BLOCK];
        for (block, names) in names.chunks(BLOCK).enumerate() {
            for (suffix, name) in suffixes.iter_mut().zip(names) {
                let first = plain::dots(name).and_then(|dots| self.candidates(name, dots).next());
                *suffix = first.map_or((b"", 0), |suffix| (suffix.as_bytes(), hash(suffix)));
            }
            for (zone, (_, hash)) in zones.iter_mut().zip(&suffixes[..names.len()]) {
                // The first that has a part of the hash, which is the right one nearly always.
                let known = self.table.find(*hash, |_| true);
                *zone =
                    known.map(|known| (&text[known.start as usize..][..known.length as usize], &known.value));
            }
            for ((likely, zone), (suffix, _)) in likely.iter_mut().zip(&zones).zip(&suffixes[..names.len()]) {
                *likely = zone.is_some_and(|(zone, _)| zone.first() == suffix.first());
            }
            for (index, name) in names.iter().enumerate() {
                let value = match zones[index] {
                    Some((zone, value)) if likely[index] && zone == suffixes[index].0 => Ok(Some(value)),
                    _ => self.place(name).map(|(_, value)| value),
                };
                found(block * BLOCK + index, value);
            }
        }
    }

    /// The parts of a [plain](plain::dots) name that a zone may be, by their lengths, the longest first.
    /// Every dot ends a label there, so it is enough to look where a zone of some length would begin.
    fn candidates<'n>(&self, name: &'n str, dots: u64) -> impl Iterator<Item = &'n str> {
        let (length, lengths) = (name.len(), self.lengths[0]);
        let whole = (lengths >> length & 1 == 1).then_some(name);
        // A zone of that length begins behind the octet of that bit.
        let before = lengths.reverse_bits() >> (64 - length);
        let mut starts = dots & before;
        let below = iter::from_fn(move || {
            let start = (starts != 0).then(|| starts.trailing_zeros() as usize + 1)?;
            starts &= starts - 1;
            Some(&name[start..])
        });
        whole.into_iter().chain(below)
    }

    fn exactly(&self, zone: &str) -> Option<(&str, &T)> {
        if self.table.len() == 1 {
            // Most backends have one zone: telling whether it is this one takes no hash.
            let only = self.table.iter().next().filter(|_| self.text == zone)?;
            return Some((&self.text, &only.value));
        }
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

/// How many names are looked up at the same time: as many as a processor can wait for, and no more than
/// stay in its first cache.
const BLOCK: usize = 32;

/// Fast and not keyed: what is put in is the operator's choice, and what a client sends is only looked
/// up.
fn hash(zone: &str) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(zone.as_bytes());
    hasher.finish()
}

/// Where the bit of a length stands. Escapes make some names longer than 255: they share bits.
fn position(length: usize) -> (usize, u64) {
    ((length / 64) % 4, 1 << (length % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dns::is_at_or_below;

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
            let written = format!("{}.", name.to_ascii_uppercase());
            prop_assert_eq!(map.place(&written).unwrap(), (name.clone(), map.get(&name)));
            prop_assert_eq!(map.place(&name).unwrap(), (name.clone(), map.get(&name)));
            // Beyond one block, and each among others.
            let names: Vec<&str> = (0..70).map(|index| if index % 3 == 0 { &*name } else { "b.a" }).collect();
            let mut each = Vec::new();
            map.get_each(&names, |index, found| each.push((index, found.unwrap())));
            let one_by_one: Vec<_> = names.iter().map(|name| map.get(name)).enumerate().collect();
            prop_assert_eq!(each, one_by_one);
        }
    }
}
