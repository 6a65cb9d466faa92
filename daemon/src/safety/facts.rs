//! What is known of a backend's records when a batch is decided.

use std::collections::HashMap;
use std::sync::Arc;

use zonemux_plugin::{Change, ChangeId, Endpoint};

use super::RecordKey;
use super::compare::{Standing, is_done, standing};
use super::ownership::Ownership;
use super::units::Units;
use crate::backend::List;

/// What a batch is decided on.
#[derive(Debug)]
pub(super) struct Facts {
    /// The newest complete list, if it is of this moment.
    pub(super) list: Option<Arc<List>>,
}

impl Facts {
    /// What is there under a key: listed by the backend, or kept in the store. `None`: not known.
    pub(super) fn present(&self, key: &RecordKey, ownership: &Ownership) -> Option<Vec<Endpoint>> {
        let list = self.list.as_ref()?;
        let mut found = list.find(&key.name, &key.record_type, &key.set_identifier);
        if found.is_empty() && key.record_type == "TXT" {
            found.extend(ownership.get(key).map(|entry| entry.txt().clone()));
        }
        Some(found)
    }

    /// How what is there stands to a change; `None`: not known.
    pub(super) fn standing(&self, change: &Change<'_>, ownership: &Ownership) -> Option<Standing> {
        let present = self.present(&RecordKey::of(&change.endpoint()), ownership)?;
        Some(standing(change, &present))
    }

    /// The changes of a unit that are not true yet. Without a list that is all of them.
    pub(super) fn left(&self, work: &Units, unit: usize, ownership: &Ownership) -> Vec<ChangeId> {
        let is_left = |change: &Change<'_>| {
            let present = self.present(&RecordKey::of(&change.endpoint()), ownership);
            !present.is_some_and(|present| is_done(change, &present))
        };
        work.changes(unit).filter(|(_, change)| is_left(change)).map(|(id, _)| id).collect()
    }

    /// Whether a key is that of an ownership TXT which only the list as a whole tells from a user's.
    pub(super) fn is_encrypted_ownership(&self, key: &RecordKey) -> bool {
        let list = self.list.as_ref().filter(|_| key.record_type == "TXT");
        list.is_some_and(|list| list.is_encrypted_ownership(&key.name, &key.set_identifier))
    }

    /// How many records a zone has; `None` without a list.
    pub(super) fn zone_records(&self) -> Option<HashMap<&str, u64>> {
        let list = self.list.as_ref()?;
        Some(list.zones().iter().map(|(zone, count)| (zone.as_str(), *count)).collect())
    }
}
