//! What the deletion guard holds, and what an operator has let through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::safety::asked::{DAY, Fate, LastAsked, moment, seconds};
use crate::safety::identity::{UnitId, key_text};
use crate::safety::key::RecordKey;
use crate::store::{Store, StoreError, StoreKey, Table};

/// How far a clock may be set back before a grant counts as void, in seconds: as much as clocks are
/// corrected in the course of a day.
const CORRECTION: u64 = 5 * 60;

/// How long a held unit counts as asked for after it was, in seconds: fifteen loops of an ExternalDNS with
/// its default interval (1 min), or three of a slow one (5 min). What nobody asks for any more does not
/// go unnoticed by itself: a plan that wants nothing is never sent.
pub const LATELY: u64 = 15 * 60;

/// A unit that waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldUnit {
    /// Its records, then their ownership TXT.
    pub keys: Vec<RecordKey>,
    /// The zone whose limit holds it.
    pub zone: String,
}

/// A held unit as `status` and `release` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldEntry {
    /// The view that asked for it.
    pub view: String,
    /// The zone whose limit holds it.
    pub zone: String,
    /// Its records, then their ownership TXT.
    pub keys: Vec<RecordKey>,
    /// When it was first held, in seconds since 1970.
    pub since: u64,
    /// When it was last asked for, in seconds since 1970.
    #[serde(default)]
    pub asked: u64,
    /// Whether it was let through since, and waits only for ExternalDNS to ask again.
    pub granted: bool,
}

/// What is held of one backend, and what was granted. Both outlive the daemon.
///
/// A unit is held until
/// - the view asks for something about one of its records again, and nothing of it is held any more: it was
///   let through, or the record is wanted after all;
/// - the next batch of the same plan leaves it out. ExternalDNS plans anew in each loop and sends all that
///   it still wants; a batch that speaks of a record which was held with others is the next of that plan;
/// - a complete list has none of its records: whatever is to be deleted is gone;
/// - nobody has asked for it for 24 hours.
///
/// A batch that speaks of none of them says nothing about them: several clients may share a view, and what
/// one of them has held must not vanish from `release` because another one creates a record. The price is
/// that a client which wants none of its deletes any more, and sends nothing or other changes alone, can't
/// be told from one that waits. Such units no longer [count](Self::count) after [`LATELY`], and can be
/// released for as long as they are listed: ExternalDNS's TXT cache may keep it from asking for hours.
#[derive(Debug)]
pub struct Held {
    units: Table<HeldRow>,
    grants: Table<Grant>,
    asked: LastAsked,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct HeldRow {
    view: String,
    zone: String,
    keys: Vec<RecordKey>,
    since: u64,
    asked: u64,
    /// Units of a view that were held in one batch have one number.
    #[serde(default)]
    plan: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    key: RecordKey,
    since: u64,
}

impl Grant {
    /// For a day by the clock as it is now; void where that is before the grant.
    fn holds(&self, now: u64) -> bool {
        now + CORRECTION >= self.since && now.saturating_sub(self.since) < DAY
    }
}

impl Held {
    /// Reads what was held of a backend, and granted, when the daemon ended.
    pub fn open(store: &Arc<dyn Store>, backend: &str) -> Result<Self, StoreError> {
        Ok(Self {
            units: Table::open(Arc::clone(store), StoreKey::new(backend, "held"))?,
            grants: Table::open(Arc::clone(store), StoreKey::new(backend, "grants"))?,
            asked: LastAsked::default(),
        })
    }

    /// What a view's newest batch has held; `speaks_of` says which records the batch says anything about.
    /// Units that were held before are treated as the [type](Self) says; those that stay keep the time since
    /// when they are held.
    ///
    /// A batch that holds the same as the one before costs no write.
    pub fn replace(
        &mut self,
        view: &str,
        units: impl IntoIterator<Item = HeldUnit>,
        speaks_of: impl Fn(&RecordKey) -> bool,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let now = seconds(now);
        let prefix = format!("{view}/");
        let of_view = || self.units.iter().filter(|(row, _)| row.starts_with(&prefix));
        // One plan, or several that have become one.
        let plans: BTreeSet<u64> = of_view()
            .filter(|(_, known)| known.keys.iter().any(&speaks_of))
            .map(|(_, known)| known.plan)
            .collect();
        let next = || self.units.iter().map(|(_, known)| known.plan + 1).max().unwrap_or_default();
        let plan = plans.first().copied().unwrap_or_else(next);
        let mut changes: BTreeMap<String, Option<HeldRow>> = of_view()
            .filter(|(_, known)| plans.contains(&known.plan))
            .map(|(row, _)| (row.to_owned(), None))
            .collect();
        for unit in units {
            let row = format!("{prefix}{}", UnitId::of(&unit.keys));
            self.asked.note(&row, now);
            match self.units.get(&row) {
                Some(known) if known.keys == unit.keys && known.zone == unit.zone && known.plan == plan => {
                    changes.remove(&row);
                }
                known => {
                    let since = known.map_or(now, |known| known.since);
                    let HeldUnit { keys, zone } = unit;
                    let new = HeldRow { view: view.to_owned(), zone, keys, since, asked: now, plan };
                    changes.insert(row, Some(new));
                }
            }
        }
        self.commit(changes)
    }

    /// Forgets units of which a complete list has no record any more.
    pub fn forget_gone(&mut self, is_there: impl Fn(&RecordKey) -> bool) -> Result<(), StoreError> {
        let gone = self.units.iter().filter(|(_, held)| !held.keys.iter().any(&is_there));
        let gone: Vec<_> = gone.map(|(row, _)| (row.to_owned(), None)).collect();
        self.commit(gone)
    }

    fn commit(
        &mut self,
        changes: impl IntoIterator<Item = (String, Option<HeldRow>)>,
    ) -> Result<(), StoreError> {
        let changes: Vec<_> = changes.into_iter().collect();
        let gone = changes.iter().filter(|(_, held)| held.is_none());
        let gone: Vec<String> = gone.map(|(row, _)| row.clone()).collect();
        self.units.commit(changes)?;
        for row in &gone {
            self.asked.forget(row);
        }
        Ok(())
    }

    /// Whether an operator has let the deletion of this record through.
    pub fn is_granted(&self, key: &RecordKey, now: SystemTime) -> bool {
        self.grants.get(&key_text(key)).is_some_and(|grant| grant.holds(seconds(now)))
    }

    /// Grants the keys of all that is held at this moment, for 24 hours, and says which. It applies
    /// nothing: the deletes pass when ExternalDNS asks for them again, if it still does.
    pub fn release(&mut self, now: SystemTime) -> Result<Vec<RecordKey>, StoreError> {
        let keys = self.release_preview();
        let since = seconds(now);
        self.grants.commit(keys.iter().map(|key| {
            let grant = Grant { key: key.clone(), since };
            (key_text(key), Some(grant))
        }))?;
        Ok(keys)
    }

    /// The keys that [`release`](Self::release) would grant.
    pub fn release_preview(&self) -> Vec<RecordKey> {
        let keys: BTreeSet<&RecordKey> = self.units.iter().flat_map(|(_, row)| &row.keys).collect();
        keys.into_iter().cloned().collect()
    }

    /// Forgets what nobody asked for in 24 hours, and grants that have ended. Call it now and then.
    pub fn expire(&mut self, now: SystemTime) -> Result<(), StoreError> {
        let now = seconds(now);
        let mut changes = Vec::new();
        for (row, held) in self.units.iter() {
            match self.asked.fate(row, held.asked, now) {
                Fate::Keep => {}
                Fate::Store(asked) => changes.push((row.to_owned(), Some(HeldRow { asked, ..held.clone() }))),
                Fate::Drop => changes.push((row.to_owned(), None)),
            }
        }
        self.commit(changes)?;
        let ended = self.grants.iter().filter(|(_, grant)| !grant.holds(now));
        let ended: Vec<_> = ended.map(|(row, _)| (row.to_owned(), None)).collect();
        self.grants.commit(ended)
    }

    /// How many units are held and were asked for [lately](LATELY), for the metric `guard_held`. After a
    /// restart some count only when they are asked for again.
    pub fn count(&self, now: SystemTime) -> usize {
        let now = seconds(now);
        let asked = self.units.iter().map(|(row, held)| self.asked.of(row, held.asked));
        asked.filter(|asked| now.saturating_sub(*asked) < LATELY).count()
    }

    /// How many units are held, those that nobody has asked for lately included.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Everything that is held, by view and unit.
    pub fn entries(&self, now: SystemTime) -> impl Iterator<Item = HeldEntry> {
        self.units.iter().map(move |(name, row)| HeldEntry {
            view: row.view.clone(),
            zone: row.zone.clone(),
            keys: row.keys.clone(),
            since: row.since,
            asked: self.asked.of(name, row.asked),
            granted: row.keys.iter().all(|key| self.is_granted(key, now)),
        })
    }

    /// When the first of the grants that hold now ends.
    pub fn granted_until(&self, now: SystemTime) -> Option<SystemTime> {
        let now = seconds(now);
        let holding = self.grants.iter().filter(|(_, grant)| grant.holds(now));
        holding.map(|(_, grant)| grant.since + DAY).min().map(moment)
    }
}

#[cfg(test)]
mod tests;
