//! What the lines of a table's log say: its version first, then commits.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::line::{self, Line};
use super::{StoreError, StoreErrorKind, StoreKey};

/// The version of the form. A reader knows all up to its own.
const VERSION: u32 = 1;
/// How many rows of a rewritten log stand in one line: a damaged line loses no more.
const ROWS_PER_LINE: usize = 64;

#[derive(Serialize, Deserialize)]
struct Header {
    table: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "V: DeserializeOwned")]
struct Commit<V> {
    #[serde(default = "BTreeMap::new")]
    put: BTreeMap<String, V>,
    #[serde(default)]
    remove: Vec<String>,
}

/// What was found in a log beside rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Lines and values that can't be read.
    pub(super) damaged: usize,
    /// Bytes at its end that are no whole line.
    pub(super) torn: usize,
    /// Its last line is whole with its line break: another may follow.
    pub(super) ended: bool,
}

/// Reads a log; `set` gets each change in order: a key, and its value with what it takes in a log.
pub(super) fn read<V: DeserializeOwned>(
    log: &[u8],
    key: &StoreKey,
    mut set: impl FnMut(String, Option<(V, usize)>),
) -> Result<Found, StoreError> {
    let mut found = Found { damaged: 0, torn: 0, ended: true };
    // A log is never written without its first line, so one that is empty has lost its content.
    found.damaged += usize::from(log.is_empty());
    for (index, found_line) in line::lines(log).enumerate() {
        let json = match found_line {
            Line::Whole { json, ended } => {
                found.ended = ended;
                json
            }
            Line::Damaged => {
                found.damaged += 1;
                continue;
            }
            Line::Torn => {
                found.torn = log.len() - log.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                continue;
            }
        };
        if index == 0 {
            match serde_json::from_slice(json) {
                Ok(Header { table: ..=VERSION }) => {}
                Ok(Header { table }) => {
                    let reason = format!("it has version {table}, and this zonemux reads up to {VERSION}");
                    return Err(StoreError::value(
                        StoreErrorKind::Newer,
                        format!("the table `{key}`"),
                        reason,
                    ));
                }
                Err(_) => found.damaged += 1,
            }
        } else {
            found.damaged += commit(json, &mut set);
        }
    }
    Ok(found)
}

/// Reads one commit, and gives how many of its values can't be read.
fn commit<V: DeserializeOwned>(json: &[u8], set: &mut impl FnMut(String, Option<(V, usize)>)) -> usize {
    // One key at a time where not all of them are what they should be: an older version may have known
    // a value that this one does not.
    let Ok(Commit::<Value> { put, remove }) = serde_json::from_slice(json) else {
        return 1;
    };
    let mut unreadable = 0;
    for (key, value) in put {
        let size = size(&key, value.to_string().len());
        match serde_json::from_value(value) {
            Ok(value) => set(key, Some((value, size))),
            Err(_) => unreadable += 1,
        }
    }
    for key in remove {
        set(key, None);
    }
    unreadable
}

/// What a row takes in a log: quotes, a colon and a comma beside its key and its value.
fn size(key: &str, value: usize) -> usize {
    key.len() + value + 4
}

/// Appends the line of a commit, and gives what each row takes, in the order of the changes.
pub(super) fn push_changes<V: Serialize>(
    buffer: &mut Vec<u8>,
    changes: &BTreeMap<String, Option<V>>,
) -> Result<Vec<usize>, serde_json::Error> {
    let mut sizes = Vec::with_capacity(changes.len());
    line::push(buffer, |buffer| {
        let puts =
            changes.iter().filter_map(|(key, value)| value.as_ref().map(|value| (key.as_str(), value)));
        push_puts(buffer, puts)?;
        let removed: Vec<&String> =
            changes.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key).collect();
        if !removed.is_empty() {
            buffer.extend_from_slice(b",\"remove\":");
            serde_json::to_writer(&mut *buffer, &removed)?;
        }
        buffer.push(b'}');
        Ok(())
    })?;
    for (key, value) in changes {
        let value = value.as_ref().map_or(Ok(0), |value| serde_json::to_vec(value).map(|json| json.len()))?;
        sizes.push(size(key, value));
    }
    Ok(sizes)
}

/// A whole log of these rows.
pub(super) fn write<'a, V: Serialize + 'a>(
    rows: impl Iterator<Item = (&'a str, &'a V)>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut log = Vec::new();
    line::push(&mut log, |buffer| serde_json::to_writer(buffer, &Header { table: VERSION }))?;
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        line::push(&mut log, |buffer| {
            push_puts(buffer, rows.by_ref().take(ROWS_PER_LINE))?;
            buffer.push(b'}');
            Ok(())
        })?;
    }
    Ok(log)
}

/// Appends `{"put":{…}`.
fn push_puts<'a, V: Serialize + 'a>(
    buffer: &mut Vec<u8>,
    rows: impl Iterator<Item = (&'a str, &'a V)>,
) -> Result<(), serde_json::Error> {
    buffer.extend_from_slice(b"{\"put\":{");
    for (index, (key, value)) in rows.enumerate() {
        if index > 0 {
            buffer.push(b',');
        }
        serde_json::to_writer(&mut *buffer, key)?;
        buffer.push(b':');
        serde_json::to_writer(&mut *buffer, value)?;
    }
    buffer.push(b'}');
    Ok(())
}
