//! All records in order, and what a batch would make of them.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use crate::packed::Packed;

/// All records, in the order of their keys: lists come out the same every time.
#[derive(Debug, Default)]
pub(crate) struct Records {
    records: BTreeSet<Packed>,
    /// Bytes of all records, to know how much of a file is still of use.
    text_size: usize,
    dnames: usize,
}

impl Records {
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Packed> + Clone {
        self.records.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn text_size(&self) -> usize {
        self.text_size
    }

    pub(crate) fn put(&mut self, record: Packed) {
        self.text_size += record.text().len();
        self.dnames += usize::from(is_dname(record.key()));
        if let Some(old) = self.records.replace(record) {
            self.forget(&old);
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Some(old) = self.records.take(key) {
            self.forget(&old);
        }
    }

    fn forget(&mut self, old: &Packed) {
        self.text_size -= old.text().len();
        self.dnames -= usize::from(is_dname(old.key()));
    }
}

fn is_dname(key: &str) -> bool {
    crate::packed::parts(key).1 == "DNAME"
}

/// What shall become of one key.
#[derive(Debug)]
pub(crate) enum Wish {
    Put(Packed),
    Remove(Box<str>),
}

impl Wish {
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Put(record) => record.key(),
            Self::Remove(key) => key,
        }
    }
}

impl Ord for Wish {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key())
    }
}

impl PartialOrd for Wish {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Wish {}

impl Borrow<str> for Wish {
    fn borrow(&self) -> &str {
        self.key()
    }
}

enum Undo {
    Restore(Wish),
    Forget(Box<str>),
}

/// Records as they will be, next to those that are: nothing is changed before the file has it.
pub(crate) struct Staged<'a> {
    base: &'a Records,
    wishes: BTreeSet<Wish>,
    undo: Vec<Undo>,
    /// A DNAME was wished for.
    dname: bool,
}

impl<'a> Staged<'a> {
    pub(crate) fn new(base: &'a Records) -> Self {
        Self { base, wishes: BTreeSet::new(), undo: Vec::new(), dname: false }
    }

    pub(crate) fn wish(&mut self, wish: Wish) {
        self.dname |= is_dname(wish.key());
        let key: Box<str> = wish.key().into();
        self.undo.push(match self.wishes.replace(wish) {
            Some(before) => Undo::Restore(before),
            None => Undo::Forget(key),
        });
    }

    /// Keeps all wishes since the last call of this or of [`roll_back`](Self::roll_back).
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Forgets all wishes since the last call of this or of [`keep`](Self::keep).
    pub(crate) fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Restore(before) => drop(self.wishes.replace(before)),
                Undo::Forget(key) => drop(self.wishes.take(&*key)),
            }
        }
    }

    /// Whether there may be a DNAME at all.
    pub(crate) fn has_dnames(&self) -> bool {
        self.dname || self.base.dnames > 0
    }

    /// The first key from `start` to before `end` that will be there and fits.
    pub(crate) fn find(&self, start: &str, end: &str, fits: impl Fn(&str) -> bool) -> Option<&str> {
        if start >= end {
            return None;
        }
        let range = (Bound::Included(start), Bound::Excluded(end));
        let stays = |key: &str| !self.wishes.contains(key);
        let present = self.base.records.range::<str, _>(range).map(Packed::key);
        let wished =
            self.wishes.range::<str, _>(range).filter(|wish| matches!(wish, Wish::Put(_))).map(Wish::key);
        let mut fitting = present.filter(|key| stays(key)).chain(wished).filter(|key| fits(key));
        fitting.next()
    }

    /// What has to be done: wishes that are not true already.
    pub(crate) fn into_wishes(self) -> Vec<Wish> {
        let present = &self.base.records;
        let differs = |wish: &Wish| match wish {
            Wish::Put(record) => present.get(record.key()).is_none_or(|there| there.text() != record.text()),
            Wish::Remove(key) => present.contains(&**key),
        };
        self.wishes.into_iter().filter(differs).collect()
    }
}

impl Records {
    /// Makes wishes true.
    pub(crate) fn fulfil(&mut self, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Put(record) => self.put(record),
                Wish::Remove(key) => self.remove(&key),
            }
        }
    }
}
