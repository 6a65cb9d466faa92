//! The zone that a name belongs to.

use std::collections::HashMap;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneMap<T> {
    zones: HashMap<Box<str>, T>,
    root: Option<T>,
    /// Which lengths of zone there are, by bit: most suffixes of a name need not be hashed at all.
    lengths: [u64; 4],
}

impl<T> Default for ZoneMap<T> {
    fn default() -> Self {
        Self { zones: HashMap::new(), root: None, lengths: [0; 4] }
    }
}

impl<T> ZoneMap<T> {
    /// No zones.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a zone, [canonical](super::canonical); the root is `.`. Returns what it had before.
    pub fn insert(&mut self, zone: &str, value: T) -> Option<T> {
        if zone == "." {
            return self.root.replace(value);
        }
        let (word, bit) = position(zone.len());
        self.lengths[word] |= bit;
        self.zones.insert(zone.into(), value)
    }

    /// The value of the longest zone that a canonical name is at or below. Allocates nothing.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.find(name).map(|(_, value)| value)
    }

    /// The longest zone that a canonical name is at or below, and its value.
    pub fn find<'a>(&'a self, name: &str) -> Option<(&'a str, &'a T)> {
        suffixes(name)
            .filter(|suffix| {
                let (word, bit) = position(suffix.len());
                self.lengths[word] & bit != 0
            })
            .find_map(|suffix| self.zones.get_key_value(suffix))
            .map(|(zone, value)| (&**zone, value))
            .or_else(|| self.root.as_ref().map(|value| (".", value)))
    }

    /// Each zone with its value, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        let root = self.root.iter().map(|value| (".", value));
        self.zones.iter().map(|(zone, value)| (&**zone, value)).chain(root)
    }

    /// How many zones there are.
    pub fn len(&self) -> usize {
        self.zones.len() + usize::from(self.root.is_some())
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
            name in "([ab]\\.|[ab]\\\\\\.){0,5}[ab]",
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
