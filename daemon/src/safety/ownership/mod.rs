//! Virtual ownership: the TXT registry's records, kept here where the backend can't hold them.

mod document;
mod entry;
mod import;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::identity::key_text;
use super::key::RecordKey;
use crate::store::{Store, StoreError, StoreKey, Table};
use crate::wire::{EncodedList, ListEncoder};

pub use document::{Document, DocumentFault};
pub use entry::{OwnershipEntry, is_heritage, is_readable_ownership, owned_record};
pub use import::{ImportAnswer, Imported, OwnershipConflict, OwnershipTables, export, import};

/// The ownership TXT of one backend that are kept here. They outlive the daemon.
///
/// An entry goes only when its TXT is deleted. One whose record somebody else has taken away stays,
/// unlisted, until the record is back or the client deletes it.
#[derive(Debug)]
pub struct Ownership {
    /// By the key of the TXT.
    table: Table<OwnershipEntry>,
}

impl Ownership {
    /// Reads what is kept for a backend.
    pub fn open(store: &Arc<dyn Store>, backend: &str) -> Result<Self, StoreError> {
        Ok(Self { table: Table::open(Arc::clone(store), StoreKey::new(backend, "ownership"))? })
    }

    /// The entry of a TXT.
    pub fn get(&self, txt: &RecordKey) -> Option<&OwnershipEntry> {
        self.table.get(&key_text(txt))
    }

    /// Sets (`Some`) and removes (`None`) the entries of TXT in one durable step. After an error all is
    /// as it was.
    pub fn commit(
        &mut self,
        changes: impl IntoIterator<Item = (RecordKey, Option<OwnershipEntry>)>,
    ) -> Result<(), StoreError> {
        let unchanged = |key: &str, entry: &Option<OwnershipEntry>| {
            entry.is_some() && self.table.get(key) == entry.as_ref()
        };
        let changes = changes.into_iter().map(|(key, entry)| (key_text(&key), entry));
        let changes: Vec<_> = changes.filter(|(key, entry)| !unchanged(key, entry)).collect();
        self.table.commit(changes)
    }

    /// The TXT that are to be listed beside what the backend lists: those whose record is there, and
    /// those of which it is not known whose they are; but not those that the backend lists itself. In the
    /// order of their names.
    pub fn listed(
        &self,
        is_there: impl Fn(&RecordKey) -> bool,
        is_native: impl Fn(&RecordKey) -> bool,
    ) -> EncodedList {
        let listed = self.entries().filter(|entry| entry.record().is_none_or(&is_there));
        let listed = listed.filter(|entry| !is_native(&entry.key()));
        ListEncoder::encode(listed.map(OwnershipEntry::txt))
    }

    /// All entries, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = &OwnershipEntry> {
        self.table.iter().map(|(_, entry)| entry)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
