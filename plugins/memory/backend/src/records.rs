//! All records in order, and a batch's way back from half-done.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Bound;

use crate::packed::{Packed, parts};

/// All records, in the order of their keys: lists come out the same every time.
#[derive(Debug, Default)]
pub(crate) struct Records {
    by_key: BTreeSet<Packed>,
    /// Bytes of all records, to know how much of a file is still of use.
    text_size: usize,
    dnames: usize,
    /// How many CNAMEs there are at names of a hash: nearly every record is put where there is none,
    /// and need not look for one.
    cnames: HashMap<u64, usize>,
}

impl Records {
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Packed> + Clone {
        self.by_key.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(crate) fn text_size(&self) -> usize {
        self.text_size
    }

    pub(crate) fn has_dnames(&self) -> bool {
        self.dnames > 0
    }

    /// Whether there may be a CNAME at a name; to be looked for, as hashes may collide.
    pub(crate) fn may_have_cname(&self, name_part: &str) -> bool {
        !self.cnames.is_empty() && self.cnames.contains_key(&hash(name_part))
    }

    /// Puts a record in the place of what has its key.
    pub(crate) fn put(&mut self, record: Packed) -> Option<Packed> {
        self.text_size += record.text().len();
        match parts(record.key()) {
            (_, "DNAME", _) => self.dnames += 1,
            (name, "CNAME", _) => *self.cnames.entry(hash(name)).or_default() += 1,
            _ => {}
        }
        let old = self.by_key.replace(record);
        self.forget(old)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Packed> {
        let old = self.by_key.take(key);
        self.forget(old)
    }

    fn forget(&mut self, old: Option<Packed>) -> Option<Packed> {
        if let Some(old) = &old {
            self.text_size -= old.text().len();
            match parts(old.key()) {
                (_, "DNAME", _) => self.dnames -= 1,
                (name, "CNAME", _) => {
                    if let Entry::Occupied(mut count) = self.cnames.entry(hash(name)) {
                        *count.get_mut() -= 1;
                        if *count.get() == 0 {
                            count.remove();
                        }
                    }
                }
                _ => {}
            }
        }
        old
    }

    /// The first key from `start` to before `end` that fits.
    pub(crate) fn find(&self, start: &str, end: &str, fits: impl Fn(&str) -> bool) -> Option<&str> {
        let range = (Bound::Included(start), Bound::Excluded(end));
        self.by_key.range::<str, _>(range).map(Packed::key).find(|key| fits(key))
    }
}

fn hash(name_part: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name_part.hash(&mut hasher);
    hasher.finish()
}

/// One thing that was done to the records.
#[derive(Debug)]
pub(crate) enum Step {
    /// A record was put, in the place of another where there was one.
    Put { record: Packed, old: Option<Packed> },
    /// A record was removed.
    Removed(Packed),
}

/// Changes records, and goes all the way back unless it is told to [keep](Self::keep) what was done.
pub(crate) struct Draft<'a> {
    records: &'a mut Records,
    steps: Vec<Step>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(records: &'a mut Records) -> Self {
        Self { records, steps: Vec::new() }
    }

    pub(crate) fn records(&self) -> &Records {
        self.records
    }

    /// What was done, in order; nothing for what was true already.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    pub(crate) fn put(&mut self, record: Packed) {
        let old = self.records.put(record.clone());
        if old.as_ref().is_none_or(|old| old.text() != record.text()) {
            self.steps.push(Step::Put { record, old });
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.steps.extend(self.records.remove(key).map(Step::Removed));
    }

    /// Leaves everything as it is now.
    pub(crate) fn keep(mut self) {
        self.steps.clear();
    }

    /// Goes back to where only so many steps were done.
    pub(crate) fn roll_back(&mut self, steps: usize) {
        while self.steps.len() > steps {
            match self.steps.pop() {
                Some(Step::Put { old: Some(old), .. } | Step::Removed(old)) => {
                    self.records.put(old);
                }
                Some(Step::Put { record, old: None }) => {
                    self.records.remove(record.key());
                }
                None => return,
            }
        }
    }
}

impl Drop for Draft<'_> {
    /// Also after a panic: records that are not in the file must not be listed.
    fn drop(&mut self) {
        self.roll_back(0);
    }
}
