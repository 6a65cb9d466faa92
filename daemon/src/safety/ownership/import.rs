//! Taking over the entries of a document, and giving them out.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Document, Ownership, OwnershipEntry};
use crate::safety::key::RecordKey;
use crate::store::StoreError;

/// Where the tables of backends are found: in a running daemon, or in the state directory.
pub trait OwnershipTables {
    /// The backends that there are.
    fn backends(&self) -> Vec<String>;

    /// Runs something with a backend's table, alone; not at all where there is no such backend. May block.
    fn with(&self, backend: &str, run: &mut dyn FnMut(&mut Ownership));
}

/// An entry that is there and has another owner than the one in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipConflict {
    /// The backend.
    pub backend: String,
    /// The TXT.
    pub txt: RecordKey,
    /// The owner that the entry here names.
    pub here: Option<String>,
    /// The owner that the document names.
    pub imported: Option<String>,
}

impl fmt::Display for OwnershipConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = |owner: &Option<String>| owner.clone().unwrap_or_else(|| "nobody".to_owned());
        write!(
            f,
            "{} of backend {} belongs to {} here, and to {} in the document",
            self.txt,
            self.backend,
            owner(&self.here),
            owner(&self.imported)
        )
    }
}

/// How many entries of a backend were taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Imported {
    /// They were not there.
    pub added: usize,
    /// They were there with another text or for another record.
    pub replaced: usize,
    /// They were there as they are.
    pub unchanged: usize,
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ImportAnswer {
    /// Everything is stored.
    Done {
        /// By backend.
        backends: BTreeMap<String, Imported>,
    },
    /// Nothing was stored: the document is not right, or is not for these backends.
    Faults {
        /// Each with its place.
        faults: Vec<String>,
    },
    /// Nothing was stored: entries here have other owners.
    Conflicts {
        /// Each of them.
        conflicts: Vec<OwnershipConflict>,
    },
    /// The store failed. What is named in `backends` is stored; to import again does no harm.
    Failed {
        /// By backend.
        backends: BTreeMap<String, Imported>,
        /// Why it failed.
        error: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

/// The entries of one backend, or of all; `None` where there is no such backend. Backends without any
/// entry are left out, unless they were asked for.
pub fn export(tables: &dyn OwnershipTables, backend: Option<&str>) -> Option<Document> {
    let mut document = Document::default();
    let all = tables.backends();
    if backend.is_some_and(|backend| !all.iter().any(|known| known == backend)) {
        return None;
    }
    for name in all.into_iter().filter(|name| backend.is_none_or(|backend| backend == name)) {
        tables.with(&name, &mut |table| {
            if backend.is_some() || !table.is_empty() {
                document.backends.insert(name.clone(), table.entries().cloned().collect());
            }
        });
    }
    Some(document)
}

/// Takes over the entries of a document: it is checked as a whole before anything is stored.
///
/// Entries that are here and not in the document stay. Those that are in both take the document's text;
/// if that names another owner it is a conflict, and nothing is stored unless `force` says so.
pub fn import(tables: &dyn OwnershipTables, text: &[u8], force: bool) -> ImportAnswer {
    let document = match Document::read(text) {
        Ok(document) => document,
        Err(faults) => {
            return ImportAnswer::Faults { faults: faults.iter().map(ToString::to_string).collect() };
        }
    };
    let known = tables.backends();
    let unknown = document.backends.keys().filter(|backend| !known.contains(backend));
    let faults: Vec<String> = unknown
        .map(|backend| format!("`backends.{backend}`: there is no backend of this name here"))
        .collect();
    if !faults.is_empty() {
        return ImportAnswer::Faults { faults };
    }
    let mut conflicts = Vec::new();
    if !force {
        for (backend, entries) in &document.backends {
            tables.with(backend, &mut |table| conflicts.extend(table.conflicts(backend, entries)));
        }
        if !conflicts.is_empty() {
            return ImportAnswer::Conflicts { conflicts };
        }
    }
    let mut done = BTreeMap::new();
    let mut failed: Option<StoreError> = None;
    for (backend, entries) in &document.backends {
        tables.with(backend, &mut |table| match table.take_over(entries) {
            Ok(imported) => {
                done.insert(backend.clone(), imported);
            }
            Err(error) => failed = Some(error),
        });
        if let Some(error) = failed {
            let hint = error.hint().map(str::to_owned);
            return ImportAnswer::Failed { backends: done, error: error.to_string(), hint };
        }
    }
    ImportAnswer::Done { backends: done }
}

impl Ownership {
    fn conflicts(&self, backend: &str, entries: &[OwnershipEntry]) -> Vec<OwnershipConflict> {
        let other_owner = |entry: &OwnershipEntry| {
            let here = self.get(&entry.key()).filter(|here| here.owner() != entry.owner())?;
            Some(OwnershipConflict {
                backend: backend.to_owned(),
                txt: entry.key(),
                here: here.owner().map(str::to_owned),
                imported: entry.owner().map(str::to_owned),
            })
        };
        entries.iter().filter_map(other_owner).collect()
    }

    fn take_over(&mut self, entries: &[OwnershipEntry]) -> Result<Imported, StoreError> {
        let mut imported = Imported::default();
        for entry in entries {
            *match self.get(&entry.key()) {
                None => &mut imported.added,
                Some(here) if here == entry => &mut imported.unchanged,
                Some(_) => &mut imported.replaced,
            } += 1;
        }
        self.commit(entries.iter().map(|entry| (entry.key(), Some(entry.clone()))))?;
        Ok(imported)
    }
}
