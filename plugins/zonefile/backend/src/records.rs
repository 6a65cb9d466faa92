//! The RRsets of a zone in canonical order, and a batch's changes on top of them.

use std::collections::BTreeMap;
use std::ops::Bound;

use zonemux_master_file::name;

/// Names an RRset: octets in the canonical order of names, then the type.
pub(crate) type Key = Box<[u8]>;

/// One RRset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RrSet {
    /// Its owner, canonical.
    pub(crate) name: Box<str>,
    /// The owner as it was asked for, where that is Unicode.
    pub(crate) shown: Option<Box<str>>,
    pub(crate) record_type: Box<str>,
    /// Seconds.
    pub(crate) ttl: u32,
    /// Canonical, each once, sorted.
    pub(crate) targets: Vec<Box<str>>,
}

impl RrSet {
    pub(crate) fn key(&self) -> Key {
        key(&self.name, &self.record_type)
    }
}

/// The key of an RRset of that name and type.
pub(crate) fn key(name: &str, record_type: &str) -> Key {
    let mut key = Vec::with_capacity(name.len() + record_type.len() + 2);
    name::sort_key(name, &mut key);
    key.push(0);
    key.extend(record_type.as_bytes());
    key.into_boxed_slice()
}

/// What all keys of a name begin with.
pub(crate) fn name_part(key: &[u8]) -> &[u8] {
    // Labels end with 0 and are never empty, so the first empty one is where the type begins.
    let end = key.windows(2).position(|pair| pair == [0, 0]).map_or(1, |at| at + 2);
    &key[..end.min(key.len())]
}

/// The RRsets of a zone.
pub(crate) type Records = BTreeMap<Key, RrSet>;

/// What a step of a draft replaced.
#[derive(Debug)]
pub(crate) struct Undo {
    key: Key,
    old: Before,
}

#[derive(Debug)]
enum Before {
    /// It was as in the records below.
    Unchanged,
    Changed(Option<RrSet>),
}

/// What shall be there of an RRset: `None` for nothing.
pub(crate) type Step = (Key, Option<RrSet>);

/// Records with changes on top; the records themselves are only read.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    base: &'a Records,
    changes: BTreeMap<Key, Option<RrSet>>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(base: &'a Records) -> Self {
        Self { base, changes: BTreeMap::new() }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&RrSet> {
        match self.changes.get(key) {
            Some(change) => change.as_ref(),
            None => self.base.get(key),
        }
    }

    /// Sets what shall be there, and returns what undoes it.
    pub(crate) fn set(&mut self, (key, desired): Step) -> Undo {
        if self.base.get(&key) == desired.as_ref() {
            let old = self.changes.remove(&key).map_or(Before::Unchanged, Before::Changed);
            return Undo { key, old };
        }
        let old = self.changes.insert(key.clone(), desired).map_or(Before::Unchanged, Before::Changed);
        Undo { key, old }
    }

    /// Undoes one [`set`](Self::set); the last one first.
    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo.old {
            Before::Changed(old) => drop(self.changes.insert(undo.key, old)),
            Before::Unchanged => drop(self.changes.remove(&undo.key)),
        }
    }

    /// What differs from the records below.
    pub(crate) fn changes(&self) -> &BTreeMap<Key, Option<RrSet>> {
        &self.changes
    }

    pub(crate) fn into_changes(self) -> BTreeMap<Key, Option<RrSet>> {
        self.changes
    }

    /// All RRsets in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &RrSet> {
        merged(self.base, &self.changes)
    }

    /// The first RRset whose key begins with a prefix and that fits.
    pub(crate) fn find(&self, prefix: &[u8], fits: impl Fn(&RrSet) -> bool) -> Option<&RrSet> {
        let range = (Bound::Included(prefix), Bound::Unbounded);
        let within = |key: &&Key| key.starts_with(prefix);
        let changed = self.changes.range::<[u8], _>(range).take_while(|(key, _)| within(key));
        if let Some(found) = changed.filter_map(|(_, change)| change.as_ref()).find(|set| fits(set)) {
            return Some(found);
        }
        let below = self.base.range::<[u8], _>(range).take_while(|(key, _)| within(key));
        below.filter(|(key, _)| !self.changes.contains_key(*key)).map(|(_, set)| set).find(|set| fits(set))
    }
}

/// Records as changes make them, in order.
pub(crate) fn merged<'a>(
    base: &'a Records,
    changes: &'a BTreeMap<Key, Option<RrSet>>,
) -> impl Iterator<Item = &'a RrSet> {
    let (mut base, mut changes) = (base.iter().peekable(), changes.iter().peekable());
    std::iter::from_fn(move || {
        loop {
            let changed_next = match (base.peek(), changes.peek()) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some((below, _)), Some((above, _))) => {
                    if below == above {
                        base.next();
                        true
                    } else {
                        above < below
                    }
                }
            };
            if !changed_next {
                return base.next().map(|(_, set)| set);
            }
            if let Some((_, Some(set))) = changes.next() {
                return Some(set);
            }
        }
    })
}

/// Puts changes into records.
pub(crate) fn settle(records: &mut Records, changes: BTreeMap<Key, Option<RrSet>>) {
    for (key, change) in changes {
        match change {
            Some(set) => drop(records.insert(key, set)),
            None => drop(records.remove(&key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(name: &str, record_type: &str, ttl: u32) -> RrSet {
        RrSet {
            name: name.into(),
            shown: None,
            record_type: record_type.into(),
            ttl,
            targets: vec!["192.0.2.1".into()],
        }
    }

    #[test]
    fn keys_of_a_name_have_one_beginning() {
        let keys = [key("a.org", "A"), key("a.org", "TXT"), key("b.a.org", "A"), key("aa.org", "A")];
        assert!(keys.is_sorted());
        assert_eq!(name_part(&keys[0]), name_part(&keys[1]));
        assert!(!keys[2].starts_with(name_part(&keys[0])));
        assert!(!keys[3].starts_with(name_part(&keys[0])));
        assert_eq!(name_part(&key(".", "NS")), [0]);
        assert_ne!(name_part(&key(r"\000.org", "A")), name_part(&key("org", "A")));
    }

    fn some_set() -> impl Strategy<Value = (String, &'static str, Option<u32>)> {
        ("([ab]\\.){0,2}org", prop_oneof![Just("A"), Just("TXT")], proptest::option::of(0..3_u32))
    }

    proptest! {
        #[test]
        fn a_draft_is_what_settling_makes_of_it(
            base in proptest::collection::vec(some_set(), 0..6),
            steps in proptest::collection::vec(some_set(), 0..6),
            undone in 0..6_usize,
        ) {
            let mut records = Records::new();
            for (name, record_type, ttl) in base {
                records.insert(key(&name, record_type), set(&name, record_type, ttl.unwrap_or(9)));
            }
            let mut model = records.clone();
            let mut draft = Draft::new(&records);
            let mut undo = Vec::new();
            for (index, (name, record_type, ttl)) in steps.iter().enumerate() {
                let (key, desired) = (key(name, record_type), ttl.map(|ttl| set(name, record_type, ttl)));
                if index < undone {
                    settle(&mut model, [(key.clone(), desired.clone())].into());
                }
                undo.push(draft.set((key, desired)));
            }
            while undo.len() > undone {
                draft.undo(undo.pop().unwrap());
            }
            prop_assert_eq!(draft.iter().collect::<Vec<_>>(), model.values().collect::<Vec<_>>());
            for (key, set) in &model {
                prop_assert_eq!(draft.get(key), Some(set));
                prop_assert_eq!(draft.find(key, |_| true), Some(set));
            }
            let changes = draft.into_changes();
            settle(&mut records, changes);
            prop_assert_eq!(records, model);
        }
    }
}
