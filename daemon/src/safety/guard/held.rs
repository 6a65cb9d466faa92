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
    /// Whether it was let through since, and waits only for ExternalDNS to ask again.
    pub granted: bool,
}

/// What is held of one backend, and what was granted. Both outlive the daemon.
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

    /// What a view's newest batch has held. Units of that view that were held before, and are not in
    /// it, are no longer asked for and go; those that stay keep the time since when they are held.
    ///
    /// A batch that holds the same as the one before costs no write.
    pub fn replace(
        &mut self,
        view: &str,
        units: impl IntoIterator<Item = HeldUnit>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let now = seconds(now);
        let prefix = format!("{view}/");
        let of_view = self.units.iter().map(|(row, _)| row).filter(|row| row.starts_with(&prefix));
        let mut changes: BTreeMap<String, Option<HeldRow>> =
            of_view.map(|row| (row.to_owned(), None)).collect();
        for unit in units {
            let row = format!("{prefix}{}", UnitId::of(&unit.keys));
            self.asked.note(&row, now);
            match self.units.get(&row) {
                Some(known) if known.keys == unit.keys && known.zone == unit.zone => {
                    changes.remove(&row);
                }
                known => {
                    let since = known.map_or(now, |known| known.since);
                    let HeldUnit { keys, zone } = unit;
                    let new = HeldRow { view: view.to_owned(), zone, keys, since, asked: now };
                    changes.insert(row, Some(new));
                }
            }
        }
        let gone: Vec<String> =
            changes.iter().filter(|(_, new)| new.is_none()).map(|(row, _)| row.clone()).collect();
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
        for (row, _) in changes.iter().filter(|(_, held)| held.is_none()) {
            self.asked.forget(row);
        }
        self.units.commit(changes)?;
        let ended = self.grants.iter().filter(|(_, grant)| !grant.holds(now));
        let ended: Vec<_> = ended.map(|(row, _)| (row.to_owned(), None)).collect();
        self.grants.commit(ended)
    }

    /// How many units are held, for the metric `guard_held`.
    pub fn count(&self) -> usize {
        self.units.len()
    }

    /// Everything that is held, by view and unit.
    pub fn entries(&self, now: SystemTime) -> impl Iterator<Item = HeldEntry> {
        self.units.iter().map(move |(_, row)| HeldEntry {
            view: row.view.clone(),
            zone: row.zone.clone(),
            keys: row.keys.clone(),
            since: row.since,
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::memory::Memory;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        moment(1_800_000_000)
    }

    fn key(name: &str) -> RecordKey {
        RecordKey {
            name: format!("{name}.example.org"),
            record_type: "A".into(),
            set_identifier: String::new(),
        }
    }

    fn unit(name: &str) -> HeldUnit {
        HeldUnit { keys: vec![key(name), key(&format!("a-{name}"))], zone: "example.org".into() }
    }

    struct Fixture {
        memory: Arc<Memory>,
        held: Held,
    }

    impl Fixture {
        fn new() -> Self {
            let memory = Arc::new(Memory::default());
            let store: Arc<dyn Store> = memory.clone();
            let held = Held::open(&store, "lan").unwrap();
            Self { memory, held }
        }

        fn restart(&mut self) {
            let store: Arc<dyn Store> = self.memory.clone();
            self.held = Held::open(&store, "lan").unwrap();
        }

        fn size(&self) -> usize {
            let size = |what| self.memory.value(&StoreKey::new("lan", what)).map_or(0, |value| value.len());
            size("held") + size("grants")
        }

        fn names(&self) -> Vec<String> {
            self.held.entries(now()).map(|entry| entry.keys[0].to_string()).collect()
        }
    }

    #[test]
    fn what_a_view_no_longer_asks_for_goes_and_what_stays_keeps_its_time() {
        let mut fixture = Fixture::new();
        let held = &mut fixture.held;
        held.replace("default", [unit("x"), unit("y")], now()).unwrap();
        held.replace("internal", [unit("z")], now()).unwrap();
        held.replace("default", [unit("y"), unit("w")], now() + HOUR).unwrap();
        fixture.restart();
        let entries: Vec<_> = fixture
            .held
            .entries(now())
            .map(|entry| (entry.view, entry.keys[0].name.clone(), entry.since - seconds(now())))
            .collect();
        let expected = [("default", "w", 3600), ("default", "y", 0), ("internal", "z", 0)];
        let expected = expected.map(|(view, name, since)| (view.to_owned(), key(name).name, since));
        assert_eq!(entries, expected);
        assert_eq!(fixture.held.count(), 3);
    }

    #[test]
    fn a_loop_that_holds_the_same_again_writes_nothing() {
        let mut fixture = Fixture::new();
        fixture.held.replace("default", [unit("x")], now()).unwrap();
        let size = fixture.size();
        for minute in 1..50_u32 {
            let now = now() + HOUR * minute / 60;
            fixture.held.replace("default", [unit("x")], now).unwrap();
            fixture.held.expire(now).unwrap();
        }
        assert_eq!(fixture.size(), size);
    }

    #[test]
    fn a_release_lets_through_what_is_held_and_nothing_that_is_held_later() {
        let mut fixture = Fixture::new();
        fixture.held.replace("default", [unit("x"), unit("y")], now()).unwrap();
        assert!(!fixture.held.is_granted(&key("x"), now()));
        let preview = fixture.held.release_preview();
        assert!(!fixture.held.is_granted(&key("x"), now()), "a preview grants nothing");
        let granted = fixture.held.release(now()).unwrap();
        assert_eq!(granted, preview);
        assert_eq!(granted, [key("a-x"), key("a-y"), key("x"), key("y")]);
        fixture.held.replace("default", [unit("z")], now()).unwrap();
        fixture.restart();
        for (name, expected) in [("x", true), ("a-x", true), ("y", true), ("z", false)] {
            assert_eq!(fixture.held.is_granted(&key(name), now()), expected, "{name}");
        }
        assert_eq!(fixture.names(), ["z.example.org A"]);
    }

    #[test]
    fn a_grant_ends_after_a_day() {
        let mut fixture = Fixture::new();
        fixture.held.replace("default", [unit("x")], now()).unwrap();
        fixture.held.release(now()).unwrap();
        let end = now() + 24 * HOUR;
        assert_eq!(fixture.held.granted_until(now()), Some(end));
        assert!(fixture.held.is_granted(&key("x"), end - Duration::from_secs(1)));
        assert!(!fixture.held.is_granted(&key("x"), end));
        fixture.held.expire(end).unwrap();
        assert!(!fixture.held.is_granted(&key("x"), now()), "it is gone, not only over");
    }

    #[test]
    fn a_clock_set_back_ends_a_grant_instead_of_prolonging_it() {
        let mut fixture = Fixture::new();
        fixture.held.replace("default", [unit("x")], now()).unwrap();
        fixture.held.release(now()).unwrap();
        assert!(fixture.held.is_granted(&key("x"), now() - HOUR / 60), "a correction of a minute");
        let set_back = now() - HOUR;
        assert!(!fixture.held.is_granted(&key("x"), set_back));
        fixture.held.expire(set_back).unwrap();
        assert!(!fixture.held.is_granted(&key("x"), now()), "it does not come back with the time");
    }

    #[test]
    fn what_nobody_asks_for_in_a_day_is_no_longer_held() {
        let mut fixture = Fixture::new();
        fixture.held.replace("default", [unit("x")], now()).unwrap();
        fixture.held.replace("internal", [unit("y")], now() + HOUR).unwrap();
        fixture.held.replace("default", [unit("x")], now() + 2 * HOUR).unwrap();
        fixture.held.expire(now() + 25 * HOUR).unwrap();
        assert_eq!(fixture.names(), ["x.example.org A"]);
        fixture.restart();
        fixture.held.expire(now() + 26 * HOUR).unwrap();
        assert_eq!(fixture.held.count(), 0);
    }

    #[test]
    fn a_release_that_can_not_be_stored_grants_nothing() {
        let mut fixture = Fixture::new();
        fixture.held.replace("default", [unit("x")], now()).unwrap();
        fixture.memory.set_full(true);
        assert!(fixture.held.release(now()).is_err());
        assert!(!fixture.held.is_granted(&key("x"), now()));
    }
}
