//! Which records of a mirror are ours: the keys that zonemux wrote there.

use std::sync::Arc;

use crate::safety::identity::key_text;
use crate::safety::key::RecordKey;
use crate::store::{Store, StoreError, StoreErrorKind, StoreKey, Table};

const WHAT: &str = "mirror-written";
/// How many keys are remembered: twenty times the largest zone that zonemux is measured with.
const MOST: usize = 2_000_000;

/// The keys of one mirror. They outlive the daemon, and are known before the record is written: what is
/// on a mirror and not here was put there by somebody else.
#[derive(Debug)]
pub(super) struct Written {
    /// A row is there or not; its value says nothing.
    table: Table<bool>,
    mirror: String,
    most: usize,
}

impl Written {
    /// Reads the keys of a mirror. Blocks.
    pub(super) fn open(store: &Arc<dyn Store>, mirror: &str) -> Result<Self, StoreError> {
        let table = Table::open(Arc::clone(store), StoreKey::new(mirror, WHAT))?;
        Ok(Self { table, mirror: mirror.to_owned(), most: MOST })
    }

    /// Whether zonemux wrote there under this key.
    pub(super) fn has(&self, key: &RecordKey) -> bool {
        !self.table.is_empty() && self.table.contains(&key_text(key))
    }

    /// Remembers keys, in one durable step. Blocks.
    ///
    /// # Errors
    ///
    /// When they can't be stored, or there are too many: then none of them is remembered, and none may
    /// be written.
    pub(super) fn remember<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k RecordKey>,
    ) -> Result<(), StoreError> {
        let mut new: Vec<String> = keys.into_iter().map(key_text).collect();
        new.retain(|key| !self.table.contains(key));
        new.sort_unstable();
        new.dedup();
        if self.table.len() + new.len() > self.most {
            let place = format!("the mirror `{}`", self.mirror);
            let reason = format!("zonemux remembers at most {} records of it", self.most);
            return Err(StoreError::value(StoreErrorKind::Other, place, reason));
        }
        self.table.commit(new.into_iter().map(|key| (key, Some(true))))
    }

    /// Forgets keys under which there is nothing of ours any more. Blocks.
    pub(super) fn forget<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k RecordKey>,
    ) -> Result<(), StoreError> {
        self.table.commit(keys.into_iter().map(|key| (key_text(key), None)))
    }

    /// Forgets all that is in a scope and that `stays` does not name: records that somebody else took
    /// away, and that are not wanted any more. Blocks.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&str) -> bool) -> Result<(), StoreError> {
        let gone: Vec<String> =
            self.table.iter().map(|(key, _)| key).filter(|key| !stays(key)).map(str::to_owned).collect();
        self.table.commit(gone.into_iter().map(|key| (key, None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;

    fn key(name: &str) -> RecordKey {
        RecordKey { name: name.into(), record_type: "A".into(), set_identifier: String::new() }
    }

    #[test]
    fn what_was_written_is_known_after_a_restart() {
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let mut written = Written::open(&store, "standby").unwrap();
        written.remember(&[key("a.example.org"), key("b.example.org")]).unwrap();
        written.forget(&[key("a.example.org")]).unwrap();
        let written = Written::open(&store, "standby").unwrap();
        assert!(!written.has(&key("a.example.org")) && written.has(&key("b.example.org")));
        assert!(!Written::open(&store, "other").unwrap().has(&key("b.example.org")));
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let mut written = Written { most: 2, ..Written::open(&store, "standby").unwrap() };
        written.remember(&[key("a.example.org"), key("b.example.org")]).unwrap();
        written.remember(&[key("a.example.org")]).unwrap();
        let error = written.remember(&[key("c.example.org")]).unwrap_err();
        assert!(error.to_string().contains("at most 2 records"), "{error}");
        assert!(!written.has(&key("c.example.org")));
        written.retain(|key| key != "a.example.org A").unwrap();
        written.remember(&[key("c.example.org")]).unwrap();
    }
}
