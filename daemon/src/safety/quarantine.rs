//! Records that a backend refuses for their own sake, set aside until they change or their time comes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use zonemux_plugin::ErrorKind;

use super::asked::{Fate, LastAsked, moment, seconds};
use super::identity::{StateHash, UnitId};
use super::key::RecordKey;
use crate::store::{Store, StoreError, StoreKey, Table};
use crate::telemetry::words::beginning;

/// The longest time between two tries, unless the configured one is longer.
const LONGEST_RETRY: Duration = Duration::from_secs(6 * 60 * 60);
/// How many units are kept: beyond that something other than the records is wrong.
const MOST: usize = 100_000;
/// The most bytes of a reason that are kept; some servers answer with a page.
const LONGEST_REASON: usize = 1000;
/// By how many seconds clocks go back of themselves.
const UNSTEADY: u64 = 2;

/// What is to be done with a unit that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Ask the backend.
    Try,
    /// Leave it out: the backend refused just this, and its time has not come.
    Skip {
        /// Why it was refused, in the backend's words.
        reason: String,
        /// When it is tried again.
        retry_at: SystemTime,
    },
}

/// A unit that a backend has just refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The unit.
    pub unit: UnitId,
    /// The state that was wished for it.
    pub hash: StateHash,
    /// Its records, then their ownership TXT.
    pub keys: Vec<RecordKey>,
    /// Of what kind the error was.
    pub kind: ErrorKind,
    /// Why, in the backend's words.
    pub reason: String,
}

/// A unit in quarantine. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// Its records, then their ownership TXT.
    pub keys: Vec<RecordKey>,
    /// The state that was wished for it.
    pub hash: StateHash,
    /// The word for the kind of error.
    pub kind: String,
    /// Why it was refused, in the backend's words.
    pub reason: String,
    /// How often it was refused in this state.
    pub count: u64,
    /// When it was first refused.
    pub first: u64,
    /// When it was last refused.
    pub last: u64,
    /// When it is tried again.
    pub retry_at: u64,
    /// When ExternalDNS last asked for it, to within an hour.
    pub asked: u64,
}

/// The quarantine of one backend. It outlives the daemon.
#[derive(Debug)]
pub struct Quarantine {
    table: Table<QuarantineEntry>,
    retry: Duration,
    /// How many units are kept.
    most: usize,
    asked: LastAsked,
    /// Units that are tried whatever their time says: the clock was set back, and it can't be known.
    due: HashSet<String>,
    /// The latest time that was seen.
    latest: u64,
}

impl Quarantine {
    /// Reads a backend's quarantine. A unit is tried again after `retry`, then after twice as long each
    /// time, up to 6 hours.
    pub fn open(store: &Arc<dyn Store>, backend: &str, retry: Duration) -> Result<Self, StoreError> {
        Ok(Self {
            table: Table::open(Arc::clone(store), StoreKey::new(backend, "quarantine"))?,
            retry,
            most: MOST,
            asked: LastAsked::default(),
            due: HashSet::new(),
            latest: 0,
        })
    }

    /// Changes the first waiting time, for what is refused from now on.
    pub fn set_retry(&mut self, retry: Duration) {
        self.retry = retry;
    }

    /// Whether a unit in that state is to be tried. A changed one always is.
    ///
    /// It also notes that the unit was asked for, in memory; [`expire`](Self::expire) stores that.
    pub fn verdict(&mut self, unit: &UnitId, hash: &StateHash, now: SystemTime) -> Verdict {
        if self.table.is_empty() {
            return Verdict::Try;
        }
        let now = self.watch_clock(seconds(now));
        if self.table.contains(unit.as_str()) {
            self.asked.note(unit.as_str(), now);
        }
        self.judge(unit, hash, now)
    }

    /// The same for those who only look: it does not count as asking.
    pub fn look(&self, unit: &UnitId, hash: &StateHash, now: SystemTime) -> Verdict {
        self.judge(unit, hash, seconds(now))
    }

    fn judge(&self, unit: &UnitId, hash: &StateHash, now: u64) -> Verdict {
        let Some(entry) = self.table.get(unit.as_str()) else { return Verdict::Try };
        if entry.hash != *hash
            || self.due.contains(unit.as_str())
            || !(entry.last..entry.retry_at).contains(&now)
        {
            return Verdict::Try;
        }
        Verdict::Skip { reason: entry.reason.clone(), retry_at: moment(entry.retry_at) }
    }

    /// Sets units aside that a backend has refused, or counts that it refused them again.
    pub fn refused(
        &mut self,
        units: impl IntoIterator<Item = Refused>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let now = self.watch_clock(seconds(now));
        let mut changes = BTreeMap::new();
        for refused in units {
            let known = self.table.get(refused.unit.as_str()).filter(|known| known.hash == refused.hash);
            let (count, first, wait) = match known {
                Some(known) => {
                    let longest = LONGEST_RETRY.max(self.retry).as_secs();
                    let doubled = known.retry_at.saturating_sub(known.last).saturating_mul(2);
                    let wait = doubled.clamp(self.retry.as_secs(), longest);
                    (known.count.saturating_add(1), known.first.min(now), wait)
                }
                None => (1, now, self.retry.as_secs()),
            };
            let entry = QuarantineEntry {
                keys: refused.keys,
                hash: refused.hash,
                kind: refused.kind.as_str().to_owned(),
                reason: shortened(refused.reason),
                count,
                first,
                last: now,
                retry_at: now.saturating_add(wait),
                asked: now,
            };
            changes.insert(refused.unit.as_str().to_owned(), Some(entry));
        }
        let refused: Vec<String> = changes.keys().cloned().collect();
        let dropped = self.make_room(&mut changes);
        self.table.commit(changes)?;
        for unit in refused {
            self.due.remove(&unit);
            self.asked.note(&unit, now);
        }
        if dropped > 0 {
            tracing::warn!(
                dropped,
                most = self.most,
                "too many records in quarantine, the oldest are dropped"
            );
        }
        Ok(())
    }

    /// Units that were applied, or are already true: they leave.
    pub fn applied<'a>(&mut self, units: impl IntoIterator<Item = &'a UnitId>) -> Result<(), StoreError> {
        if self.table.is_empty() {
            return Ok(());
        }
        let gone: Vec<String> = units
            .into_iter()
            .filter(|unit| self.table.contains(unit.as_str()))
            .map(|unit| unit.as_str().to_owned())
            .collect();
        self.remove(gone)
    }

    /// Drops the units of which a fresh, complete list shows that they are as they were wished to be: the
    /// wished state has the [hash](StateHash) of the entry.
    pub fn seen_applied(&mut self, is_applied: impl Fn(&QuarantineEntry) -> bool) -> Result<(), StoreError> {
        let gone = self.table.iter().filter(|(_, entry)| is_applied(entry));
        let gone: Vec<String> = gone.map(|(unit, _)| unit.to_owned()).collect();
        self.remove(gone)
    }

    /// Forgets what nobody asked for in 24 hours. Call it now and then.
    pub fn expire(&mut self, now: SystemTime) -> Result<(), StoreError> {
        let now = self.watch_clock(seconds(now));
        let (mut gone, mut changes) = (Vec::new(), Vec::new());
        for (unit, entry) in self.table.iter() {
            match self.asked.fate(unit, entry.asked, now) {
                Fate::Keep => {}
                Fate::Store(asked) => {
                    changes.push((unit.to_owned(), Some(QuarantineEntry { asked, ..entry.clone() })));
                }
                Fate::Drop => gone.push(unit.to_owned()),
            }
        }
        self.table.commit(changes)?;
        self.remove(gone)
    }

    /// All units in quarantine, by name.
    pub fn entries(&self) -> impl Iterator<Item = &QuarantineEntry> {
        self.table.iter().map(|(_, entry)| entry)
    }

    /// How many units there are of each kind of error, for the metric `quarantined_records`. Every word
    /// that there is comes, so that a count that falls to 0 is seen.
    pub fn reasons(&self) -> BTreeMap<&'static str, u64> {
        let words = (1..=7).map(|code| ErrorKind::from_code(code).as_str());
        let mut counts: BTreeMap<&'static str, u64> = words.map(|word| (word, 0)).collect();
        for entry in self.entries() {
            let known = counts.iter_mut().find(|(word, _)| entry.kind == **word);
            // A word of a newer version.
            match known {
                Some((_, count)) => *count += 1,
                None => *counts.entry(ErrorKind::Internal.as_str()).or_default() += 1,
            }
        }
        counts
    }

    /// How many units there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    fn remove(&mut self, units: Vec<String>) -> Result<(), StoreError> {
        self.table.commit(units.iter().map(|unit| (unit.clone(), None)))?;
        for unit in units {
            self.asked.forget(&unit);
            self.due.remove(&unit);
        }
        Ok(())
    }

    /// Where the clock was set back while we watched, the time until a retry can't be known any more:
    /// all are due, at the cost of one request each.
    fn watch_clock(&mut self, now: u64) -> u64 {
        if now + UNSTEADY < self.latest {
            self.due.extend(self.table.iter().map(|(unit, _)| unit.to_owned()));
            self.latest = now;
        }
        self.latest = self.latest.max(now);
        now
    }

    /// Removes as many of the oldest as are too many after these changes, and says how many.
    fn make_room(&mut self, changes: &mut BTreeMap<String, Option<QuarantineEntry>>) -> usize {
        let mut dropped = 0;
        while changes.len() > self.most {
            changes.pop_last();
            dropped += 1;
        }
        let others = self.table.iter().filter(|(unit, _)| !changes.contains_key(*unit));
        let mut others: Vec<(u64, &str)> = others.map(|(unit, entry)| (entry.last, unit)).collect();
        let too_many = (others.len() + changes.len()).saturating_sub(self.most);
        if too_many == 0 {
            return dropped;
        }
        others.sort_unstable();
        for (_, unit) in others.into_iter().take(too_many) {
            self.asked.forget(unit);
            self.due.remove(unit);
            changes.insert(unit.to_owned(), None);
        }
        dropped + too_many
    }
}

fn shortened(mut reason: String) -> String {
    if reason.len() > LONGEST_REASON {
        reason.truncate(beginning(&reason, LONGEST_REASON).len());
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod tests;
