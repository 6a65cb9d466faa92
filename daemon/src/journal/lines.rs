//! A batch of entries, encoded:
//!
//! ```text
//! {"time":"…", ┃"view":…,"backend":…,"action":…,"name":…,…,"outcome":…,"reason":…┃ ,"duration_ms":…,"request_id":…}
//! ```
//!
//! What stands in the middle is the same for each repeat of an outcome.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use super::{APPLIED, Entry, Rdata};
use crate::wire::push_string;

/// Encoded entries.
#[derive(Debug)]
pub struct Lines {
    text: Vec<u8>,
    marks: Vec<Mark>,
    hasher: RandomState,
    /// The last time as text: entries of a batch mostly have one.
    time: (u64, String),
}

/// What is to be known of a line beside its text.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// Where the line ends, its line break included.
    end: usize,
    /// Where its middle begins and ends, from the start of the line.
    middle: (u32, u32),
    time: u64,
    identity: u64,
    state: Option<u64>,
}

/// A line of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// With its line break.
    pub(super) text: &'a [u8],
    /// What is the same for each repeat.
    pub(super) middle: &'a [u8],
    /// Milliseconds since 1970.
    pub(super) time: u64,
    /// Stands for view, backend, action and record.
    pub(super) identity: u64,
    /// Stands for what shall be there, outcome and reason; `None` for a change that was made, which is
    /// never a repeat.
    pub(super) state: Option<u64>,
}

impl Lines {
    pub(super) fn new(hasher: RandomState) -> Self {
        Self { text: Vec::new(), marks: Vec::new(), hasher, time: (0, time_text(0)) }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// What it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.text.capacity() + self.marks.capacity() * size_of::<Mark>()
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: &Entry<'_>) {
        let time = milliseconds(entry.time);
        if self.time.0 != time {
            self.time = (time, time_text(time));
        }
        let line = self.text.len();
        let buffer = &mut self.text;
        push_time(buffer, &self.time.1);
        let start = buffer.len();
        push_middle(buffer, entry);
        let end = buffer.len();
        let micros = entry.duration.as_micros();
        // A vector takes all.
        let _written = write!(buffer, ",\"duration_ms\":{}.{:03}", micros / 1000, micros % 1000);
        buffer.extend_from_slice(b",\"request_id\":");
        push_string(buffer, entry.request_id);
        buffer.extend_from_slice(b"}\n");
        let offset = |place: usize| u32::try_from(place - line).unwrap_or(u32::MAX);
        self.marks.push(Mark {
            end: buffer.len(),
            middle: (offset(start), offset(end)),
            time,
            identity: identity(&self.hasher, entry),
            state: (entry.outcome != APPLIED).then(|| state(&self.hasher, entry)),
        });
    }

    /// The lines in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        let mut start = 0;
        self.marks.iter().map(move |mark| {
            let text = &self.text[start..mark.end];
            start = mark.end;
            let middle = mark.middle.0 as usize..mark.middle.1 as usize;
            // A line of 4 GiB has no middle, and so is only never told to be repeated.
            let middle = text.get(middle).unwrap_or_default();
            Line { text, middle, time: mark.time, identity: mark.identity, state: mark.state }
        })
    }
}

/// Appends the start of a line, up to its middle.
pub(super) fn push_time(buffer: &mut Vec<u8>, time: &str) {
    buffer.extend_from_slice(b"{\"time\":\"");
    buffer.extend_from_slice(time.as_bytes());
    buffer.extend_from_slice(b"\",");
}

fn push_middle(buffer: &mut Vec<u8>, entry: &Entry<'_>) {
    let mut first = true;
    let mut field = |buffer: &mut Vec<u8>, key: &[u8], value: &str| {
        buffer.extend_from_slice(if std::mem::take(&mut first) { &key[1..] } else { key });
        push_string(buffer, value);
    };
    field(buffer, b",\"view\":", entry.view);
    field(buffer, b",\"backend\":", entry.backend);
    field(buffer, b",\"action\":", entry.action);
    field(buffer, b",\"name\":", entry.name);
    field(buffer, b",\"type\":", entry.record_type);
    if !entry.set_identifier.is_empty() {
        field(buffer, b",\"set_identifier\":", entry.set_identifier);
    }
    push_rdata(buffer, b",\"before\":", entry.before);
    push_rdata(buffer, b",\"after\":", entry.after);
    field(buffer, b",\"outcome\":", entry.outcome);
    if let Some(reason) = entry.reason {
        field(buffer, b",\"reason\":", reason);
    }
}

fn push_rdata(buffer: &mut Vec<u8>, key: &[u8], rdata: Option<Rdata<'_>>) {
    let Some(rdata) = rdata else { return };
    buffer.extend_from_slice(key);
    buffer.extend_from_slice(b"{\"targets\":[");
    let mut first = true;
    rdata.each_target(|target| {
        if !std::mem::take(&mut first) {
            buffer.push(b',');
        }
        push_string(buffer, target);
    });
    buffer.push(b']');
    if rdata.ttl() > 0 {
        let _written = write!(buffer, ",\"ttl\":{}", rdata.ttl());
    }
    buffer.push(b'}');
}

fn identity(hasher: &RandomState, entry: &Entry<'_>) -> u64 {
    let mut hasher = hasher.build_hasher();
    for part in [entry.view, entry.backend, entry.action, entry.name, entry.record_type, entry.set_identifier]
    {
        part.hash(&mut hasher);
    }
    hasher.finish()
}

fn state(hasher: &RandomState, entry: &Entry<'_>) -> u64 {
    let mut hasher = hasher.build_hasher();
    (entry.outcome, entry.reason, entry.after.map(Rdata::ttl)).hash(&mut hasher);
    if let Some(after) = entry.after {
        after.each_target(|target| target.hash(&mut hasher));
    }
    hasher.finish()
}

pub(super) fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// RFC 3339 in UTC with milliseconds: always of one length, so that times compare as texts do.
pub(super) fn time_text(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    // A clock beyond the year 9999 has stopped to mean anything.
    format!("{:.3}", time.unwrap_or(Timestamp::MAX))
}
