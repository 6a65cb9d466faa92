//! What each view was last shown of a backend: changes are planned on it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::store::{Store, StoreError, StoreKey, Table};

const WHAT: &str = "shown-stale";

/// What a view was last shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// A list of the backend's own, begun under this number of writes.
    Fresh(u64),
    /// A list during which something was written: it may show a unit half. Its changes wait as well.
    Unclear,
    /// A snapshot. Its changes wait until a fresh list was shown, also after a restart.
    Stale,
}

/// What each view was last shown of one backend.
#[derive(Debug)]
pub(super) struct ShownLists {
    /// `None`: unclear.
    fresh: HashMap<String, Option<u64>>,
    /// Durable: a client that planned on an old list may send its changes after a restart of ours.
    stale: Table<()>,
}

impl ShownLists {
    pub(super) fn open(store: Arc<dyn Store>, backend: &str) -> Result<Self, StoreError> {
        let stale = Table::open(store, StoreKey::new(backend, WHAT))?;
        Ok(Self { fresh: HashMap::new(), stale })
    }

    /// What a view was last shown; `None` where it was shown nothing since the start.
    pub(super) fn get(&self, view: &str) -> Option<Shown> {
        if self.stale.contains(view) {
            return Some(Shown::Stale);
        }
        self.fresh.get(view).map(|epoch| epoch.map_or(Shown::Unclear, Shown::Fresh))
    }

    /// Whether [`show`](Self::show) writes to the store.
    pub(super) fn is_change(&self, view: &str, shown: Shown) -> bool {
        self.stale.contains(view) != (shown == Shown::Stale)
    }

    /// Remembers what a view is about to be shown. After an error it is as before, and nothing may be
    /// shown.
    pub(super) fn show(&mut self, view: &str, shown: Shown) -> Result<(), StoreError> {
        match shown {
            Shown::Fresh(_) | Shown::Unclear => {
                self.stale.commit([(view.to_owned(), None)])?;
                let epoch = if let Shown::Fresh(epoch) = shown { Some(epoch) } else { None };
                self.fresh.insert(view.to_owned(), epoch);
            }
            Shown::Stale => {
                self.stale.commit([(view.to_owned(), Some(()))])?;
                self.fresh.remove(view);
            }
        }
        Ok(())
    }
}
