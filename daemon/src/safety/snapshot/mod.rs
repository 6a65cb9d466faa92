//! The last complete list of a backend, kept for the time when the backend fails.
//!
//! ```text
//! 4a1d02c9 {"snapshot":1,"backend":"lan","zones":[…],"taken_at":"…","count":2,"bytes":142,"crc32":…,"chunks":[142]}
//! {"dnsName":…},{"dnsName":…}
//! ```
//!
//! Only complete lists get here, and only whole ones come out: whatever is damaged is refused.

mod age;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use bytes::Bytes;
use crc32fast::Hasher;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{Store, StoreError, StoreErrorKind, StoreKey, line};
use crate::wire::EncodedList;

pub use age::Taken;

/// The word of the list's key.
const LIST: &str = "snapshot";
/// The word of the key that says when the same list was seen again.
const CONFIRMED: &str = "snapshot-confirmed";
/// The version of the form.
const VERSION: u32 = 1;

/// A complete list that was kept.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The list, in the chunks that it was encoded in.
    pub list: EncodedList,
    /// When it was last seen to be what the backend has, by the clock of that time.
    pub taken_at: SystemTime,
    /// What tells it from other lists.
    pub mark: Mark,
}

/// Tells one kept list from another: a confirmation belongs to the list that it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    crc32: u32,
    bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    snapshot: u32,
    backend: String,
    /// The zones that the list was made for: with other zones other names belong to it.
    zones: Vec<String>,
    taken_at: Timestamp,
    count: usize,
    #[serde(flatten)]
    mark: Mark,
    /// The lengths of the chunks, which are cut between endpoints.
    chunks: Vec<usize>,
}

/// Only as much of a header as every version has.
#[derive(Deserialize)]
struct Version {
    snapshot: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Confirmed {
    at: Timestamp,
    #[serde(flatten)]
    mark: Mark,
}

impl Snapshot {
    /// Keeps a complete list of a backend with these zones. Blocks until it is durable; a list of
    /// 100,000 endpoints has some 25 MB.
    pub fn save(
        store: &dyn Store,
        backend: &str,
        zones: &[String],
        list: &EncodedList,
        taken_at: SystemTime,
    ) -> Result<Mark, StoreError> {
        let mut hasher = Hasher::new();
        list.chunks.iter().for_each(|chunk| hasher.update(chunk));
        let mark = Mark { crc32: hasher.finalize(), bytes: list.bytes };
        let header = Header {
            snapshot: VERSION,
            backend: backend.to_owned(),
            zones: zones.to_vec(),
            taken_at: timestamp(taken_at),
            count: list.count,
            mark,
            chunks: list.chunks.iter().map(Bytes::len).collect(),
        };
        let header = encoded(backend, &header)?;
        let parts: Vec<&[u8]> =
            std::iter::once(&*header).chain(list.chunks.iter().map(|chunk| &**chunk)).collect();
        store.replace(&StoreKey::new(backend, LIST), &parts)?;
        Ok(mark)
    }

    /// Notes that a backend's list was seen again and is the kept one: some bytes, where
    /// [`save`](Self::save) would write all of it again.
    pub fn confirm(store: &dyn Store, backend: &str, mark: Mark, at: SystemTime) -> Result<(), StoreError> {
        let confirmed = encoded(backend, &Confirmed { at: timestamp(at), mark })?;
        store.replace(&StoreKey::new(backend, CONFIRMED), &[&confirmed])
    }

    /// Whether there is a list of a backend, in whatever state.
    pub fn may_be_there(store: &dyn Store, backend: &str) -> bool {
        !matches!(store.read(&StoreKey::new(backend, LIST)), Ok(None))
    }

    /// Reads the kept list of a backend; `None` where there is none that was made for these zones.
    ///
    /// # Errors
    ///
    /// When it can't be read, is damaged, or is of a newer version. The next
    /// [`save`](Self::save) takes its place in any case.
    pub fn load(store: &dyn Store, backend: &str, zones: &[String]) -> Result<Option<Self>, StoreError> {
        let Some(content) = store.read(&StoreKey::new(backend, LIST))? else { return Ok(None) };
        let place = || format!("the snapshot of `{backend}`");
        let damaged = |reason: &str| StoreError::value(StoreErrorKind::Damaged, place(), reason);
        let (json, body) = line::first(&content).ok_or_else(|| damaged("its first line is damaged"))?;
        let Version { snapshot: version } =
            serde_json::from_slice(json).map_err(|_| damaged("it is something else"))?;
        if version > VERSION {
            let reason = format!("it has version {version}, and this zonemux reads up to {VERSION}");
            return Err(StoreError::value(StoreErrorKind::Newer, place(), reason));
        }
        let header: Header = serde_json::from_slice(json).map_err(|_| damaged("it is something else"))?;
        if header.backend != backend {
            return Err(damaged(&format!("it is of the backend `{}`", header.backend)));
        }
        if header.zones != zones {
            tracing::info!(backend, was = ?header.zones, "the snapshot is of other zones, and not used");
            return Ok(None);
        }
        if body.len() as u64 != header.mark.bytes {
            return Err(damaged(&format!("it has {} of {} bytes", body.len(), header.mark.bytes)));
        }
        if crc32fast::hash(body) != header.mark.crc32 {
            return Err(damaged("its checksum is wrong"));
        }
        let start = content.len() - body.len();
        let chunks = cut(&Bytes::from(content).slice(start..), &header.chunks)
            .filter(|_| (header.count == 0) == (header.mark.bytes == 0))
            .ok_or_else(|| damaged("its first line does not fit the rest"))?;
        let list = EncodedList { chunks, count: header.count, bytes: header.mark.bytes };
        let confirmed = confirmed(store, backend).filter(|confirmed| confirmed.mark == header.mark);
        // A confirmation came after the list, whatever the clock said then.
        let taken_at = confirmed.map_or(header.taken_at, |confirmed| confirmed.at);
        Ok(Some(Self { list, taken_at: taken_at.into(), mark: header.mark }))
    }
}

/// Whether two lists say the same in the same order: then the kept one need only be
/// [confirmed](Snapshot::confirm).
pub fn is_same(one: &EncodedList, other: &EncodedList) -> bool {
    if (one.count, one.bytes) != (other.count, other.bytes) {
        return false;
    }
    // Chunks may be cut in other places.
    let (mut left, mut right) = (one.chunks.iter(), other.chunks.iter());
    let (mut a, mut b): (&[u8], &[u8]) = (&[], &[]);
    loop {
        while a.is_empty() {
            match left.next() {
                Some(chunk) => a = chunk,
                None => return true,
            }
        }
        while b.is_empty() {
            match right.next() {
                Some(chunk) => b = chunk,
                None => return false,
            }
        }
        let length = a.len().min(b.len());
        if a[..length] != b[..length] {
            return false;
        }
        (a, b) = (&a[length..], &b[length..]);
    }
}

/// The last confirmation. Without one the list only seems older than it is, so that one that can't be
/// read is as good as none.
fn confirmed(store: &dyn Store, backend: &str) -> Option<Confirmed> {
    let content = store.read(&StoreKey::new(backend, CONFIRMED)).ok()??;
    serde_json::from_slice(line::first(&content)?.0).ok()
}

/// Cuts a text into chunks of these lengths, which must be all of it.
fn cut(text: &Bytes, lengths: &[usize]) -> Option<Vec<Bytes>> {
    let mut start = 0_usize;
    let mut chunks = Vec::with_capacity(lengths.len());
    for length in lengths {
        let end = start.checked_add(*length).filter(|end| *end <= text.len())?;
        chunks.push(text.slice(start..end));
        start = end;
    }
    (start == text.len()).then_some(chunks)
}

fn encoded(backend: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut buffer = Vec::new();
    line::push(&mut buffer, |buffer| serde_json::to_writer(buffer, value)).map_err(|error| {
        let error = std::io::Error::other(error.to_string());
        StoreError::io("encode", format!("the snapshot of `{backend}`"), &error)
    })?;
    Ok(buffer)
}

/// A time that no calendar knows is as old as can be.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MIN)
}
