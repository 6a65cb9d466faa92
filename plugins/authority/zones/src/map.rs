//! A sorted map that is cheap to copy: a change copies what it touches, and shares the rest.
//!
//! Entries lie in chunks of up to [`MAX`], their keys side by side, and a list says with which key each
//! chunk begins. A look-up is a binary search in that list and one in a chunk, all of it in a few cache
//! lines; in a tree of small nodes every level is a fetch from memory. A change copies the list, which
//! for a million entries takes a fraction of a millisecond and is done once for a whole batch.

use std::sync::Arc;

use crate::key::Key;

/// The most entries of a chunk.
const MAX: usize = 128;

#[derive(Debug, Clone)]
pub(crate) struct Map<V> {
    chunks: Arc<Vec<Place<V>>>,
    length: usize,
}

/// A chunk, and its first key.
#[derive(Debug, Clone)]
struct Place<V> {
    first: Key,
    chunk: Arc<Chunk<V>>,
}

/// Entries in order; never empty.
#[derive(Debug, Clone)]
struct Chunk<V> {
    keys: Vec<Key>,
    values: Vec<V>,
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self { chunks: Arc::default(), length: 0 }
    }
}

impl<V> Map<V> {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The chunk that a key belongs to: the last that does not begin behind it.
    fn chunk_of(&self, key: &[u8]) -> Option<usize> {
        self.chunks.partition_point(|place| place.first.as_slice() <= key).checked_sub(1)
    }

    /// Where the first entry at or behind a key stands: its chunk, which may be behind the last, and its
    /// place there.
    fn at_or_after(&self, key: &[u8]) -> (usize, usize) {
        let Some(chunk) = self.chunk_of(key) else { return (0, 0) };
        let keys = &self.chunks[chunk].chunk.keys;
        let at = keys.partition_point(|there| there.as_slice() < key);
        if at == keys.len() { (chunk + 1, 0) } else { (chunk, at) }
    }

    fn entry(&self, chunk: usize, at: usize) -> Option<(&Key, &V)> {
        let chunk = &self.chunks.get(chunk)?.chunk;
        Some((chunk.keys.get(at)?, &chunk.values[at]))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        let chunk = &self.chunks[self.chunk_of(key)?].chunk;
        let at = chunk.keys.binary_search_by(|there| there.as_slice().cmp(key)).ok()?;
        Some(&chunk.values[at])
    }

    /// The last key before a key that is not there, and the first behind it.
    pub(crate) fn neighbours(&self, key: &[u8]) -> (Option<&Key>, Option<&Key>) {
        let (chunk, at) = self.at_or_after(key);
        let before = if at > 0 {
            self.entry(chunk, at - 1)
        } else {
            chunk.checked_sub(1).and_then(|chunk| self.entry(chunk, self.chunks[chunk].chunk.keys.len() - 1))
        };
        (before.map(|(key, _)| key), self.entry(chunk, at).map(|(key, _)| key))
    }

    /// The entries from a key on, in order.
    pub(crate) fn iter_from(&self, key: &[u8]) -> impl Iterator<Item = (&Key, &V)> + use<'_, V> {
        let (chunk, at) = self.at_or_after(key);
        self.chunks.get(chunk..).unwrap_or_default().iter().enumerate().flat_map(move |(index, place)| {
            let skip = if index == 0 { at } else { 0 };
            place.chunk.keys[skip..].iter().zip(&place.chunk.values[skip..])
        })
    }

    /// All entries, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &V)> + use<'_, V> {
        self.iter_from(b"")
    }
}

impl<V: Clone> Map<V> {
    /// A map of entries in order, each key once; `None` where they are not.
    pub(crate) fn from_sorted(entries: impl IntoIterator<Item = (Key, V)>) -> Option<Self> {
        let mut chunks: Vec<Place<V>> = Vec::new();
        let mut chunk = Chunk { keys: Vec::with_capacity(FILL), values: Vec::with_capacity(FILL) };
        let mut length = 0;
        for (key, value) in entries {
            if chunk.keys.len() == FILL {
                let keys = Vec::with_capacity(FILL);
                let full = std::mem::replace(&mut chunk, Chunk { keys, values: Vec::with_capacity(FILL) });
                chunks.push(Place::of(full));
            }
            let last = chunk.keys.last().or_else(|| chunks.last().and_then(|place| place.chunk.keys.last()));
            if last.is_some_and(|last| *last >= key) {
                return None;
            }
            chunk.keys.push(key);
            chunk.values.push(value);
            length += 1;
        }
        if !chunk.keys.is_empty() {
            chunks.push(Place::of(chunk));
        }
        Some(Self { chunks: Arc::new(chunks), length })
    }

    pub(crate) fn insert(&mut self, key: Key, value: V) -> Option<V> {
        let chunks = Arc::make_mut(&mut self.chunks);
        let index = chunks.partition_point(|place| place.first <= key).saturating_sub(1);
        let Some(place) = chunks.get_mut(index) else {
            chunks.push(Place::of(Chunk { keys: vec![key], values: vec![value] }));
            self.length += 1;
            return None;
        };
        let chunk = Arc::make_mut(&mut place.chunk);
        match chunk.keys.binary_search(&key) {
            Ok(at) => Some(std::mem::replace(&mut chunk.values[at], value)),
            Err(at) => {
                if at == 0 {
                    place.first = key.clone();
                }
                chunk.keys.insert(at, key);
                chunk.values.insert(at, value);
                if chunk.keys.len() > MAX {
                    let half = chunk.keys.len() / 2;
                    let right =
                        Chunk { keys: chunk.keys.split_off(half), values: chunk.values.split_off(half) };
                    chunks.insert(index + 1, Place::of(right));
                }
                self.length += 1;
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let index = self.chunk_of(key)?;
        // Nothing is copied for what is not there.
        let at = self.chunks[index].chunk.keys.binary_search_by(|there| there.as_slice().cmp(key)).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let place = &mut chunks[index];
        let chunk = Arc::make_mut(&mut place.chunk);
        chunk.keys.remove(at);
        let value = chunk.values.remove(at);
        self.length -= 1;
        match chunk.keys.first() {
            None => drop(chunks.remove(index)),
            Some(first) => {
                if at == 0 {
                    place.first = first.clone();
                }
                join(chunks, index);
                if index > 0 {
                    join(chunks, index - 1);
                }
            }
        }
        Some(value)
    }
}

/// How full the chunks of a new map are, so that there is room for more.
const FILL: usize = MAX * 3 / 4;

/// Joins a chunk of few entries with the one behind it, so that a zone that shrinks does not end as a
/// list of single entries.
fn join<V: Clone>(chunks: &mut Vec<Place<V>>, index: usize) {
    let length = |index: usize| chunks.get(index).map(|place| place.chunk.keys.len());
    let (Some(one), Some(other)) = (length(index), length(index + 1)) else { return };
    if one + other > MAX / 2 {
        return;
    }
    let right = chunks.remove(index + 1).chunk;
    let left = Arc::make_mut(&mut chunks[index].chunk);
    left.keys.extend(right.keys.iter().cloned());
    left.values.extend(right.values.iter().cloned());
}

impl<V> Place<V> {
    fn of(chunk: Chunk<V>) -> Self {
        Self { first: chunk.keys[0].clone(), chunk: Arc::new(chunk) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u16) -> Key {
        Key::new(&number.to_be_bytes())
    }

    fn agrees(map: &Map<u32>, model: &BTreeMap<u16, u32>, probes: &[u16]) {
        assert_eq!(map.len(), model.len());
        let pairs = |(number, value): (&u16, &u32)| (key(*number), *value);
        let all = map.iter().map(|(key, value)| (key.clone(), *value));
        assert!(all.eq(model.iter().map(pairs)));
        for &probe in probes {
            assert_eq!(map.get(key(probe).as_slice()), model.get(&probe));
            let from = map.iter_from(key(probe).as_slice()).map(|(key, value)| (key.clone(), *value));
            assert!(from.eq(model.range(probe..).map(pairs)));
            let (before, behind) = map.neighbours(key(probe).as_slice());
            assert_eq!(before, model.range(..probe).next_back().map(|(&number, _)| key(number)).as_ref());
            assert_eq!(behind, model.range(probe..).next().map(|(&number, _)| key(number)).as_ref());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn it_does_as_a_tree_map_and_copies_stay_as_they_were(
            first in proptest::collection::btree_map(0..2000_u16, any::<u32>(), 0..800),
            steps in proptest::collection::vec((0..2000_u16, any::<Option<u32>>()), 0..800),
            probes in proptest::collection::vec(0..2001_u16, 8),
        ) {
            let mut model = first;
            let sorted = model.iter().map(|(&number, &value)| (key(number), value));
            let mut map = Map::from_sorted(sorted).unwrap();
            let (kept, kept_model) = (map.clone(), model.clone());
            for (number, value) in steps {
                match value {
                    Some(value) => assert_eq!(map.insert(key(number), value), model.insert(number, value)),
                    None => assert_eq!(map.remove(key(number).as_slice()), model.remove(&number)),
                }
            }
            agrees(&map, &model, &probes);
            agrees(&kept, &kept_model, &probes);
            for &number in kept_model.keys().chain(&model.keys().copied().collect::<Vec<_>>()) {
                map.remove(key(number).as_slice());
            }
            agrees(&map, &BTreeMap::new(), &probes);
        }
    }

    #[test]
    fn chunks_stay_within_their_bounds() {
        let mut map = Map::default();
        for number in 0..10_000_u16 {
            map.insert(key(number.wrapping_mul(40_503)), 0);
        }
        assert!(map.chunks.iter().all(|place| (1..=MAX).contains(&place.chunk.keys.len())));
        assert!(map.chunks.len() < 2 * 10_000 / (MAX / 2), "{}", map.chunks.len());
        let keys: Vec<Key> = map.iter().map(|(key, _)| key.clone()).collect();
        for (index, key) in keys.iter().enumerate() {
            if index % 50 != 0 {
                map.remove(key.as_slice());
            }
        }
        assert_eq!(map.len(), 200);
        assert!(map.chunks.len() < 20, "{}", map.chunks.len());
    }

    #[test]
    fn what_is_not_sorted_makes_no_map() {
        assert!(Map::from_sorted([(key(2), ()), (key(1), ())]).is_none());
        assert!(Map::from_sorted([(key(1), ()), (key(1), ())]).is_none());
        assert_eq!(Map::<()>::from_sorted([]).unwrap().len(), 0);
    }
}
