//! Outcomes that are the same loop after loop: written once, then counted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::lines::{Line, push_time, time_text};

/// A count is written at least so often while an outcome goes on.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// So many outcomes are remembered; what goes beyond is written each time. An outcome takes some 80 bytes.
const OUTCOMES: usize = 250_000;
/// So many bytes of lines are remembered; repeats of further ones are still left out, without a count.
const TEXT: usize = 16 << 20;

/// The outcomes of late that were not `applied`.
#[derive(Debug)]
pub(super) struct Repeats {
    known: HashMap<u64, Known>,
    text: usize,
    most: usize,
    most_text: usize,
}

#[derive(Debug)]
struct Known {
    state: u64,
    /// The middle of its line.
    text: Option<Box<[u8]>>,
    /// Since the last line that was written of it.
    repeats: u32,
    /// When that was, by both clocks.
    since: u64,
    written: Instant,
    /// When it was last repeated.
    last: u64,
}

impl Default for Repeats {
    fn default() -> Self {
        Self::with_bounds(OUTCOMES, TEXT)
    }
}

impl Repeats {
    pub(super) fn with_bounds(most: usize, most_text: usize) -> Self {
        Self { known: HashMap::new(), text: 0, most, most_text }
    }

    /// Appends what is to be written because of a line: itself, unless it is a repeat; before it the
    /// count of what came to an end with it.
    pub(super) fn take(&mut self, line: Line<'_>, now: Instant, out: &mut Vec<u8>) {
        if let Some(known) = self.known.get_mut(&line.identity) {
            if line.state == Some(known.state) {
                known.repeats = known.repeats.saturating_add(1);
                known.last = line.time;
                if now.saturating_duration_since(known.written) >= LONGEST {
                    known.write(now, out);
                }
                return;
            }
            known.write(now, out);
            self.remove(line.identity);
        }
        out.extend_from_slice(line.text);
        let Some(state) = line.state.filter(|_| self.known.len() < self.most) else { return };
        let fits = self.text + line.middle.len() <= self.most_text;
        let text: Option<Box<[u8]>> = fits.then(|| line.middle.into());
        self.text += text.as_deref().map_or(0, <[u8]>::len);
        let known = Known { state, text, repeats: 0, since: line.time, written: now, last: line.time };
        self.known.insert(line.identity, known);
    }

    /// Appends the counts that are old enough, and forgets what is no longer repeated.
    pub(super) fn write_old(&mut self, now: Instant, out: &mut Vec<u8>) {
        let old = |known: &Known| now.saturating_duration_since(known.written) >= LONGEST;
        let over: Vec<u64> = self
            .known
            .iter()
            .filter(|(_, known)| old(known) && known.repeats == 0)
            .map(|(identity, _)| *identity)
            .collect();
        for identity in over {
            self.remove(identity);
        }
        write(self.known.values_mut().filter(|known| old(known)), now, out);
    }

    /// Appends all counts.
    pub(super) fn write_all(&mut self, out: &mut Vec<u8>) {
        write(self.known.values_mut(), Instant::now(), out);
    }

    /// Takes nothing for written.
    pub(super) fn forget(&mut self) {
        self.known = HashMap::new();
        self.text = 0;
    }

    fn remove(&mut self, identity: u64) {
        let text = self.known.remove(&identity).and_then(|known| known.text);
        self.text -= text.map_or(0, |text| text.len());
    }
}

/// Writes counts in the order in which the outcomes began.
fn write<'a>(known: impl Iterator<Item = &'a mut Known>, now: Instant, out: &mut Vec<u8>) {
    let mut repeated: Vec<&mut Known> = known.filter(|known| known.repeats > 0).collect();
    repeated.sort_by(|a, b| (a.since, &a.text).cmp(&(b.since, &b.text)));
    for known in repeated {
        known.write(now, out);
    }
}

impl Known {
    /// Appends the count, if there is one, and begins a new one.
    fn write(&mut self, now: Instant, out: &mut Vec<u8>) {
        if let Some(text) = self.text.as_ref().filter(|_| self.repeats > 0) {
            push_time(out, &time_text(self.last));
            out.extend_from_slice(text);
            let tail = format!(",\"repeats\":{},\"since\":\"{}\"}}\n", self.repeats, time_text(self.since));
            out.extend_from_slice(tail.as_bytes());
        }
        (self.repeats, self.since, self.written) = (0, self.last, now);
    }
}
