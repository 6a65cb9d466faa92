//! The RRsets of a zone in as little memory as they take: one after the other in large pieces, with a hash
//! table of their places.

use std::fmt;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use zonemux_rdata::Rtype;

/// The octets of a piece; what is larger has one of its own.
const PIECE: usize = 256 * 1024;
/// Length, type, TTL, count of records, length of the owner.
const HEAD: usize = 4 + 2 + 4 + 2 + 1;
/// Set in the length of what was removed.
const REMOVED: u32 = 1 << 31;
/// What may lie removed before all is packed anew.
const WASTE: usize = 64 * 1024;

/// Where an RRset lies: the piece, and the octet in it.
#[derive(Clone, Copy)]
struct At(u32, u32);

/// RRsets by owner and type.
#[derive(Default)]
pub(crate) struct Store {
    pieces: Vec<Vec<u8>>,
    /// By owner alone, so that all types at a name are found.
    table: HashTable<At>,
    hasher: RandomState,
    live: usize,
    removed: usize,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("sets", &self.len()).field("octets", &self.live).finish_non_exhaustive()
    }
}

/// An RRset in a store.
#[derive(Clone, Copy)]
pub(crate) struct Set<'s> {
    pub(crate) name: &'s [u8],
    pub(crate) rtype: Rtype,
    /// Seconds.
    pub(crate) ttl: u32,
    count: u16,
    /// Each behind its length.
    rdatas: &'s [u8],
}

impl<'s> Set<'s> {
    /// How many records there are; none in what says that there is nothing.
    pub(crate) fn len(&self) -> usize {
        self.count.into()
    }

    pub(crate) fn rdatas(&self) -> impl Iterator<Item = &'s [u8]> + Clone + use<'s> {
        pieces(self.rdatas)
    }

    pub(crate) fn to_rdatas(self) -> Vec<Vec<u8>> {
        self.rdatas().map(<[u8]>::to_vec).collect()
    }

    fn read(piece: &'s [u8], at: usize) -> (Self, bool, usize) {
        let number = |at: usize| u16::from_be_bytes([piece[at], piece[at + 1]]);
        let long = |at: usize| u32::from_be_bytes([piece[at], piece[at + 1], piece[at + 2], piece[at + 3]]);
        let length = long(at);
        let end = at + (length & !REMOVED) as usize;
        let name = at + HEAD;
        let rdatas = name + usize::from(piece[name - 1]);
        let set = Self {
            name: &piece[name..rdatas],
            rtype: Rtype(number(at + 4)),
            ttl: long(at + 6),
            count: number(at + 10),
            rdatas: &piece[rdatas..end],
        };
        (set, length & REMOVED != 0, end)
    }
}

fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (rdata, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        rest = after;
        Some(rdata)
    })
}

impl Store {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    fn read(&self, at: At) -> Set<'_> {
        Set::read(&self.pieces[at.0 as usize], at.1 as usize).0
    }

    pub(crate) fn get(&self, name: &[u8], rtype: Rtype) -> Option<Set<'_>> {
        let same = |at: &At| {
            let set = self.read(*at);
            set.rtype == rtype && set.name == name
        };
        self.table.find(self.hasher.hash_one(name), same).map(|at| self.read(*at))
    }

    /// All RRsets of a name.
    pub(crate) fn at<'s>(&'s self, name: &'s [u8]) -> impl Iterator<Item = Set<'s>> {
        let found = self.table.iter_hash(self.hasher.hash_one(name)).map(|at| self.read(*at));
        found.filter(move |set| set.name == name)
    }

    /// All RRsets, in the order in which they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Set<'_>> + Clone {
        self.pieces.iter().flat_map(|piece| {
            let mut next = 0;
            std::iter::from_fn(move || {
                while next < piece.len() {
                    let (set, is_removed, end) = Set::read(piece, next);
                    next = end;
                    if !is_removed {
                        return Some(set);
                    }
                }
                None
            })
        })
    }

    /// Puts an RRset in the place of what has its name and type. No records say that there is nothing.
    pub(crate) fn put<R: AsRef<[u8]>>(&mut self, name: &[u8], rtype: Rtype, ttl: u32, rdatas: &[R]) {
        self.remove(name, rtype);
        let size: usize = rdatas.iter().map(|rdata| 2 + rdata.as_ref().len()).sum();
        let size = HEAD + name.len() + size;
        if self.pieces.last().is_none_or(|piece| piece.capacity() - piece.len() < size) {
            self.pieces.push(Vec::with_capacity(size.max(PIECE)));
        }
        let index = self.pieces.len() - 1;
        let piece = &mut self.pieces[index];
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let at = At(number(index), number(piece.len()));
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
        piece.extend(number(size).to_be_bytes());
        piece.extend(rtype.0.to_be_bytes());
        piece.extend(ttl.to_be_bytes());
        piece.extend(short(rdatas.len()));
        // A name has at most 255 octets.
        piece.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        piece.extend_from_slice(name);
        for rdata in rdatas {
            piece.extend(short(rdata.as_ref().len()));
            piece.extend_from_slice(rdata.as_ref());
        }
        self.live += size;
        self.enter(name, at);
    }

    fn enter(&mut self, name: &[u8], at: At) {
        let (pieces, hasher) = (&self.pieces, &self.hasher);
        let hash = |at: &At| hasher.hash_one(Set::read(&pieces[at.0 as usize], at.1 as usize).0.name);
        self.table.insert_unique(hasher.hash_one(name), at, hash);
    }

    /// Removes an RRset, and says whether it was there.
    pub(crate) fn remove(&mut self, name: &[u8], rtype: Rtype) -> bool {
        let pieces = &self.pieces;
        let same = |at: &At| {
            let set = Set::read(&pieces[at.0 as usize], at.1 as usize).0;
            set.rtype == rtype && set.name == name
        };
        let Ok(found) = self.table.find_entry(self.hasher.hash_one(name), same) else { return false };
        let (At(piece, start), _) = found.remove();
        let piece = &mut self.pieces[piece as usize];
        let start = start as usize;
        let size = Set::read(piece, start).2 - start;
        piece[start] |= REMOVED.to_be_bytes()[0];
        self.live -= size;
        self.removed += size;
        if self.removed > self.live + WASTE {
            self.pack();
        }
        true
    }

    /// Copies what is left, so that what was removed takes no room.
    fn pack(&mut self) {
        let old = std::mem::take(self);
        for set in old.iter() {
            let rdatas: Vec<&[u8]> = set.rdatas().collect();
            self.put(set.name, set.rtype, set.ttl, &rdatas);
        }
    }

    /// Adds a record; `false` where it is there already. The lowest TTL is that of all (RFC 2181, section 5.2).
    pub(crate) fn add(&mut self, name: &[u8], rtype: Rtype, ttl: u32, rdata: &[u8]) -> bool {
        let Some(set) = self.get(name, rtype) else {
            self.put(name, rtype, ttl, &[rdata]);
            return true;
        };
        let mut rdatas = set.to_rdatas();
        let Err(at) = rdatas.binary_search_by(|other| other.as_slice().cmp(rdata)) else { return false };
        rdatas.insert(at, rdata.to_vec());
        let ttl = ttl.min(set.ttl);
        self.put(name, rtype, ttl, &rdatas);
        true
    }

    /// Takes a record away; `false` where it is not there.
    pub(crate) fn take(&mut self, name: &[u8], rtype: Rtype, rdata: &[u8]) -> bool {
        let Some(set) = self.get(name, rtype) else { return false };
        let (mut rdatas, ttl) = (set.to_rdatas(), set.ttl);
        let Some(at) = rdatas.iter().position(|other| other == rdata) else { return false };
        rdatas.remove(at);
        if rdatas.is_empty() {
            self.remove(name, rtype);
        } else {
            self.put(name, rtype, ttl, &rdatas);
        }
        true
    }

    /// The octets that it takes, but for the table.
    #[cfg(test)]
    fn octets(&self) -> usize {
        self.pieces.iter().map(Vec::capacity).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Add(u8, u16, u8),
        Take(u8, u16, u8),
        Remove(u8, u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..4_u8, 1..3_u16, 0..4_u8).prop_map(|(name, rtype, rdata)| Step::Add(name, rtype, rdata)),
            2 => (0..4_u8, 1..3_u16, 0..4_u8).prop_map(|(name, rtype, rdata)| Step::Take(name, rtype, rdata)),
            1 => (0..4_u8, 1..3_u16).prop_map(|(name, rtype)| Step::Remove(name, rtype)),
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_would(steps in proptest::collection::vec(step(), 0..60)) {
            let mut store = Store::default();
            let mut model: BTreeMap<(Vec<u8>, u16), BTreeSet<Vec<u8>>> = BTreeMap::new();
            // Records of some size, so that what is removed is packed away in between.
            let name = |number: u8| vec![1, b'a' + number, 0];
            let rdata = |number: u8| vec![number; 9000];
            for step in steps {
                match step {
                    Step::Add(owner, rtype, number) => {
                        let is_new = model.entry((name(owner), rtype)).or_default().insert(rdata(number));
                        prop_assert_eq!(store.add(&name(owner), Rtype(rtype), 60, &rdata(number)), is_new);
                    }
                    Step::Take(owner, rtype, number) => {
                        let key = (name(owner), rtype);
                        let was = model.get_mut(&key).is_some_and(|set| set.remove(&rdata(number)));
                        if model.get(&key).is_some_and(BTreeSet::is_empty) {
                            model.remove(&key);
                        }
                        prop_assert_eq!(store.take(&name(owner), Rtype(rtype), &rdata(number)), was);
                    }
                    Step::Remove(owner, rtype) => {
                        let was = model.remove(&(name(owner), rtype)).is_some();
                        prop_assert_eq!(store.remove(&name(owner), Rtype(rtype)), was);
                    }
                }
                let listed: BTreeMap<_, BTreeSet<_>> = store
                    .iter()
                    .map(|set| ((set.name.to_vec(), set.rtype.0), set.to_rdatas().into_iter().collect()))
                    .collect();
                prop_assert_eq!(&listed, &model);
                prop_assert_eq!(store.len(), model.len());
                for (owner, rtype) in model.keys() {
                    prop_assert!(store.get(owner, Rtype(*rtype)).is_some());
                    let types = store.at(owner).count();
                    prop_assert_eq!(types, model.keys().filter(|(other, _)| other == owner).count());
                }
            }
        }
    }

    #[test]
    fn what_is_removed_is_packed_away() {
        let mut store = Store::default();
        let name = |number: u32| [&[4][..], &number.to_be_bytes(), &[0]].concat();
        for round in 0..20_u32 {
            for number in 0..5000 {
                store.put(&name(number), Rtype::A, round, &[[192, 0, 2, 1]]);
            }
        }
        assert_eq!(store.len(), 5000);
        assert!(store.octets() < 3 * PIECE, "{}", store.octets());
        assert!(store.iter().all(|set| set.ttl == 19));
    }
}
