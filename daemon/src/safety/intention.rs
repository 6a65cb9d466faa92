//! What an apply set out to do, stored before its first write: the mark that a backend's state is not
//! confirmed, and, where a unit is not written in one step, what is needed to finish or undo it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zonemux_plugin::{Change, ChangeId};

use super::units::Units;
use crate::backend::Batch;
use crate::store::{Store, StoreError, StoreErrorKind, StoreKey};
use crate::wire::{self, Changes, ListEncoder};

const WHAT: &str = "unconfirmed";
const FORMAT: u32 = 1;

/// The line before the endpoints.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    /// The request that asked for it.
    request_id: String,
    /// The units, each as its changes.
    units: Vec<Vec<StoredChange>>,
}

/// What a change is, the position of what was, that of what shall be.
type StoredChange = (Kind, Option<u32>, Option<u32>);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Create,
    Update,
    Delete,
}

/// An apply whose end is not known.
#[derive(Debug)]
pub(super) struct Intention {
    /// The request that asked for it.
    pub(super) request_id: String,
    /// Its changes.
    pub(super) batch: Batch,
    /// The units that may be half done, by positions in the batch.
    pub(super) units: Vec<Vec<ChangeId>>,
}

/// The mark of one backend.
#[derive(Debug)]
pub(super) struct Mark {
    store: Arc<dyn Store>,
    key: StoreKey,
    /// What [`keep`](Self::keep) could not store: it says more than the store does.
    unstored: Mutex<Option<Vec<Bytes>>>,
}

impl Mark {
    pub(super) fn of(store: Arc<dyn Store>, backend: &str) -> Self {
        Self { store, key: StoreKey::new(backend, WHAT), unstored: Mutex::default() }
    }

    /// Sets the mark, durably; `units` are those that may be left half done. After an error it is as it
    /// was, and nothing may be written.
    pub(super) fn set<'u>(
        &self,
        request_id: &str,
        work: &Units,
        units: impl Iterator<Item = &'u [ChangeId]>,
    ) -> Result<(), StoreError> {
        let mark = self.encode(request_id, work, units)?;
        self.replace(&mark)
    }

    /// The same in the middle of an apply: units may be half done already, so that after an error they are
    /// at least remembered for as long as the process lives.
    pub(super) fn keep<'u>(
        &self,
        request_id: &str,
        work: &Units,
        units: impl Iterator<Item = &'u [ChangeId]>,
    ) -> Result<(), StoreError> {
        let mark = self.encode(request_id, work, units)?;
        self.replace(&mark).inspect_err(|_| *self.unstored() = Some(mark))
    }

    /// Whether the store has all that is to be remembered.
    pub(super) fn is_stored(&self) -> bool {
        self.unstored().is_none()
    }

    fn replace(&self, mark: &[Bytes]) -> Result<(), StoreError> {
        let parts: Vec<&[u8]> = mark.iter().map(|part| &part[..]).collect();
        self.store.replace(&self.key, &parts)?;
        *self.unstored() = None;
        Ok(())
    }

    fn unstored(&self) -> MutexGuard<'_, Option<Vec<Bytes>>> {
        self.unstored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn encode<'u>(
        &self,
        request_id: &str,
        work: &Units,
        units: impl Iterator<Item = &'u [ChangeId]>,
    ) -> Result<Vec<Bytes>, StoreError> {
        let mut encoder = ListEncoder::new();
        let mut push = |endpoint| {
            let position = u32::try_from(encoder.len()).ok();
            encoder.push(&endpoint);
            position
        };
        let mut stored = Vec::new();
        for unit in units {
            let mut changes = Vec::with_capacity(unit.len());
            for change in unit.iter().filter_map(|&id| work.change(id)) {
                changes.push(match change {
                    Change::Create(new) => (Kind::Create, None, push(new)),
                    Change::Update { old, new } => (Kind::Update, old.and_then(&mut push), push(new)),
                    Change::Delete(old) => (Kind::Delete, push(old), None),
                });
            }
            stored.push(changes);
        }
        let header = Header { format: FORMAT, request_id: request_id.to_owned(), units: stored };
        let mut head = serde_json::to_vec(&header).map_err(|error| self.unreadable(&error))?;
        head.extend_from_slice(b"\n[");
        let list = encoder.finish();
        let parts = std::iter::once(Bytes::from(head)).chain(list.chunks);
        Ok(parts.chain([Bytes::from_static(b"]\n")]).collect())
    }

    /// Removes the mark: the backend's state is known.
    pub(super) fn clear(&self) -> Result<(), StoreError> {
        self.store.remove(&self.key)?;
        *self.unstored() = None;
        Ok(())
    }

    /// Whether there is a mark.
    pub(super) fn is_set(&self) -> Result<bool, StoreError> {
        Ok(self.store.read(&self.key)?.is_some())
    }

    /// What was left behind; `None` where nothing was.
    pub(super) fn read(&self) -> Result<Option<Intention>, StoreError> {
        let unstored = self.unstored().clone();
        let text = match unstored {
            Some(mark) => {
                // There may be room by now; if not, it is mended from what is remembered.
                if let Err(error) = self.replace(&mark) {
                    tracing::warn!(%error, hint = error.hint(), "units that are half done still can't be stored");
                }
                mark.concat()
            }
            None => match self.store.read(&self.key)? {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        let line = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        let header: Header =
            serde_json::from_slice(&text[..line]).map_err(|error| self.unreadable(&error))?;
        let endpoints = wire::endpoints(&text[line..]).map_err(|error| self.unreadable(&error))?;
        let (mut create, mut update, mut delete) = (Vec::new(), Vec::new(), Vec::new());
        let mut units = Vec::with_capacity(header.units.len());
        for stored in header.units {
            let mut unit = Vec::with_capacity(stored.len());
            for change in stored {
                match change {
                    (Kind::Create, _, Some(new)) => {
                        unit.push(ChangeId::Create(create.len()));
                        create.push(new);
                    }
                    (Kind::Update, old, Some(new)) => {
                        unit.push(ChangeId::Update(update.len()));
                        update.push((old, new));
                    }
                    (Kind::Delete, Some(old), _) => {
                        unit.push(ChangeId::Delete(delete.len()));
                        delete.push(old);
                    }
                    _ => return Err(self.unreadable(&"a change without its endpoint")),
                }
            }
            units.push(unit);
        }
        let last = u32::try_from(endpoints.len()).unwrap_or(u32::MAX);
        let updates = update.iter().flat_map(|&(old, new)| old.into_iter().chain([new]));
        if create.iter().chain(&delete).copied().chain(updates).any(|position| position >= last) {
            return Err(self.unreadable(&"a change without its endpoint"));
        }
        let batch = Batch::all(Arc::new(Changes { endpoints, create, update, delete }));
        Ok(Some(Intention { request_id: header.request_id, batch, units }))
    }

    fn unreadable(&self, why: &dyn fmt::Display) -> StoreError {
        StoreError::value(StoreErrorKind::Damaged, self.key.to_string(), why.to_string())
    }
}
