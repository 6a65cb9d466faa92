//! One backend's part of a batch as units: what is decided, written and accounted for as a whole.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::LazyLock;

use zonemux_plugin::__private::group;
use zonemux_plugin::{Change, ChangeId, EndpointRef, Unit, is_ownership_txt};

use super::RecordKey;
use crate::backend::Batch;

/// A batch and its units.
#[derive(Debug)]
pub(super) struct Units {
    pub(super) batch: Batch,
    units: Vec<Unit>,
}

/// What a change asks for, as a number: equal ones ask for the same. Of this process only.
pub(super) type Fingerprint = u64;

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Units {
    /// Groups a batch. Takes some hundred milliseconds for a million changes.
    pub(super) fn of(batch: Batch) -> Self {
        let units = group(batch.iter().map(|(id, change)| (id, change.endpoint())));
        Self { batch, units }
    }

    /// How many units there are.
    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    /// The changes of a unit by their positions in the batch, in the order in which they are to be done.
    pub(super) fn ids(&self, unit: usize) -> &[ChangeId] {
        &self.units[unit].changes
    }

    /// The changes of a unit.
    pub(super) fn changes(&self, unit: usize) -> impl Iterator<Item = (ChangeId, Change<'_>)> + Clone {
        self.ids(unit).iter().filter_map(|&id| Some((id, self.batch.get(id)?)))
    }

    /// One change of the batch.
    pub(super) fn change(&self, id: ChangeId) -> Option<Change<'_>> {
        self.batch.get(id)
    }

    /// What names a unit: the keys of its records; of ownership TXT only where there is nothing else.
    pub(super) fn keys(&self, unit: usize) -> Vec<RecordKey> {
        let keys = |owning: bool| {
            let changes = self.changes(unit).map(|(_, change)| change.endpoint());
            changes
                .filter(move |endpoint| is_ownership_txt(endpoint) == owning)
                .map(|endpoint| RecordKey::of(&endpoint))
        };
        let mut records: Vec<RecordKey> = keys(false).collect();
        if records.is_empty() {
            records = keys(true).collect();
        }
        records.sort_unstable();
        records.dedup();
        records
    }

    /// The keys of all records of a unit, its ownership TXT last.
    pub(super) fn all_keys(&self, unit: usize) -> Vec<RecordKey> {
        let mut keys = self.keys(unit);
        for (_, change) in self.changes(unit) {
            let key = RecordKey::of(&change.endpoint());
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The records of a unit that go and that nothing replaces at their name.
    pub(super) fn pure_deletes(&self, unit: usize) -> impl Iterator<Item = EndpointRef<'_>> {
        let changes = self.changes(unit);
        let written: HashSet<&str> = changes
            .clone()
            .filter(|(_, change)| {
                !matches!(change, Change::Delete(_)) && !is_ownership_txt(&change.endpoint())
            })
            .map(|(_, change)| change.endpoint().dns_name())
            .collect();
        changes.filter_map(move |(_, change)| match change {
            Change::Delete(old) if !is_ownership_txt(&old) && !written.contains(old.dns_name()) => Some(old),
            _ => None,
        })
    }

    /// What a change asks for.
    pub(super) fn fingerprint(&self, id: ChangeId) -> Fingerprint {
        let mut hasher = HASHER.build_hasher();
        if let Some(change) = self.batch.get(id) {
            let endpoint = change.endpoint();
            RecordKey::of(&endpoint).hash(&mut hasher);
            let desired = change.desired();
            desired.is_some().hash(&mut hasher);
            if let Some(desired) = desired {
                desired.record_ttl().hash(&mut hasher);
                let mut targets: Vec<&str> = desired.targets().collect();
                targets.sort_unstable();
                targets.hash(&mut hasher);
                let mut properties: Vec<_> = desired.provider_specific().collect();
                properties.sort_unstable();
                properties.hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

/// The word for a change.
pub(super) fn action(change: ChangeId) -> &'static str {
    match change {
        ChangeId::Create(_) => "create",
        ChangeId::Update(_) => "update",
        ChangeId::Delete(_) => "delete",
    }
}
