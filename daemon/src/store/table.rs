//! A small durable map.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::log::{self, Found};
use super::{Store, StoreError, StoreKey};

/// A log below this size is not worth rewriting.
const SMALL: usize = 64 << 10;

/// A small durable map that is kept in memory. Each commit is one line at the end of a log; the log is
/// rewritten when it is more than twice what lives.
///
/// A commit that was cut short by a crash is dropped as a whole. A damaged log is set aside with a log
/// line that names it, and all that can be read of it is kept.
pub struct Table<V> {
    store: Arc<dyn Store>,
    key: StoreKey,
    rows: BTreeMap<String, Row<V>>,
    /// What the rows take in a log.
    live: usize,
    /// What the log takes.
    length: usize,
    /// From which length on it is worth rewriting.
    compact_from: usize,
    due: Due,
}

#[derive(Debug)]
struct Row<V> {
    value: V,
    /// What it takes in a log.
    size: usize,
}

/// What must be done before anything is added to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Nothing,
    /// It is not there, or its end is torn.
    Rewrite,
    /// It is damaged.
    SetAsideAndRewrite,
}

impl<V> fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows.len();
        f.debug_struct("Table").field("key", &self.key).field("rows", &rows).finish_non_exhaustive()
    }
}

impl<V> Table<V> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.rows.get(key).map(|row| &row.value)
    }

    /// Whether there is a value for a key.
    pub fn contains(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    /// All keys with their values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.rows.iter().map(|(key, row)| (key.as_str(), &row.value))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<V: Serialize + DeserializeOwned + Clone> Table<V> {
    /// Reads a table; it is empty where there is none yet.
    ///
    /// # Errors
    ///
    /// When it can't be read at all, or was written by a newer version: then it is left as it is.
    pub fn open(store: Arc<dyn Store>, key: StoreKey) -> Result<Self, StoreError> {
        let mut table = Self {
            store,
            key,
            rows: BTreeMap::new(),
            live: 0,
            length: 0,
            compact_from: SMALL,
            due: Due::Rewrite,
        };
        let Some(log) = table.store.read(&table.key)? else { return Ok(table) };
        table.length = log.len();
        let (rows, live) = (&mut table.rows, &mut table.live);
        let found = log::read(&log, &table.key, |key, value| set(rows, live, key, value))?;
        drop(log);
        table.due = table.judge(found);
        if table.due > Due::Nothing
            && let Err(error) = table.rewrite(&BTreeMap::new())
        {
            // What was read is right; the next commit tries again before it writes.
            tracing::warn!(
                table = %table.key, %error, hint = error.hint(),
                "a table can't be written again as it was read"
            );
        }
        Ok(table)
    }

    /// Sets (`Some`) and removes (`None`) values in one durable step. Of several changes to one key the
    /// last counts. After an error the table is as it was.
    pub fn commit(
        &mut self,
        changes: impl IntoIterator<Item = (String, Option<V>)>,
    ) -> Result<(), StoreError> {
        let mut changes: BTreeMap<String, Option<V>> = changes.into_iter().collect();
        changes.retain(|key, value| value.is_some() || self.rows.contains_key(key));
        if changes.is_empty() {
            return Ok(());
        }
        let mut line = Vec::new();
        let sizes = log::push_changes(&mut line, &changes).map_err(|error| self.not_json(&error))?;
        if self.due > Due::Nothing {
            self.rewrite(&changes)?;
        } else {
            self.store.append(&self.key, &line)?;
            self.length += line.len();
        }
        for ((key, value), size) in changes.into_iter().zip(sizes) {
            set(&mut self.rows, &mut self.live, key, value.map(|value| (value, size)));
        }
        if self.length > self.compact_from && self.length > 2 * self.live {
            self.compact();
        }
        Ok(())
    }

    /// What is due after what was found in the log, which is told of.
    fn judge(&self, found: Found) -> Due {
        if found.damaged > 0 {
            tracing::error!(
                table = %self.key, damaged = found.damaged, rows = self.rows.len(),
                "a table is damaged; what can be read of it is kept"
            );
            return Due::SetAsideAndRewrite;
        }
        if found.torn > 0 {
            tracing::warn!(
                table = %self.key, bytes = found.torn,
                "dropped the end of a table: it was being written when the process or the machine ended"
            );
        }
        if found.torn > 0 || !found.ended { Due::Rewrite } else { Due::Nothing }
    }

    /// Writes the table anew with these changes, which are not in memory yet.
    fn rewrite(&mut self, changes: &BTreeMap<String, Option<V>>) -> Result<(), StoreError> {
        if self.due == Due::SetAsideAndRewrite {
            let place = self.store.set_aside(&self.key)?;
            tracing::error!(table = %self.key, place, "the damaged table is set aside, and a new one is written");
            self.due = Due::Rewrite;
        }
        let kept = self.iter().filter(|(key, _)| !changes.contains_key(*key));
        let put = changes.iter().filter_map(|(key, value)| value.as_ref().map(|value| (key.as_str(), value)));
        let log = log::write(kept.chain(put)).map_err(|error| self.not_json(&error))?;
        self.store.replace(&self.key, &[&log])?;
        self.length = log.len();
        self.compact_from = SMALL;
        self.due = Due::Nothing;
        Ok(())
    }

    fn compact(&mut self) {
        if let Err(error) = self.rewrite(&BTreeMap::new()) {
            // Nothing is lost by it: the log is only longer than it need be, and goes on for a while.
            self.compact_from = self.length + self.length / 2;
            tracing::warn!(table = %self.key, %error, hint = error.hint(), "a table can't be made smaller");
        }
    }

    fn not_json(&self, error: &serde_json::Error) -> StoreError {
        let error = std::io::Error::other(error.to_string());
        StoreError::io("encode", format!("the table `{}`", self.key), &error)
    }
}

fn set<V>(rows: &mut BTreeMap<String, Row<V>>, live: &mut usize, key: String, value: Option<(V, usize)>) {
    let before = match value {
        Some((value, size)) => {
            *live += size;
            rows.insert(key, Row { value, size })
        }
        None => rows.remove(&key),
    };
    *live -= before.map_or(0, |row| row.size);
}
