//! The one thread that writes the journal.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::files::{Failure, Files};
use super::queue::Queue;
use super::repeats::Repeats;
use crate::store::StoreError;
use crate::telemetry::metrics;

/// How often repeats are looked through, and the most often that losses are logged.
const MINUTE: Duration = Duration::from_secs(60);
/// So much is written at once.
const PIECE: usize = 1 << 20;

/// Writes what comes until the end.
pub(super) fn run(queue: &Queue, folder: PathBuf) {
    // However it ends, nobody waits for it any longer.
    let _end = End(queue);
    let mut writer =
        Writer { files: Files::new(folder), repeats: Repeats::default(), losses: Losses::default() };
    let mut next_look = Instant::now() + MINUTE;
    loop {
        let work = queue.next(next_look);
        writer.files.set_limits(work.limits);
        writer.losses.in_queue(work.lost);
        if let Some(lines) = work.lines {
            let mut text = Vec::new();
            let now = Instant::now();
            for line in lines.iter() {
                writer.repeats.take(line, now, &mut text);
                if text.len() >= PIECE {
                    writer.write(&mut text);
                }
            }
            writer.write(&mut text);
            drop(lines);
            queue.finished_one();
        }
        if work.last {
            let mut text = Vec::new();
            writer.repeats.write_all(&mut text);
            writer.write(&mut text);
            writer.files.sync();
            writer.losses.log(Instant::now(), true);
            return;
        }
        if Instant::now() >= next_look {
            next_look = Instant::now() + MINUTE;
            let mut text = Vec::new();
            writer.repeats.write_old(Instant::now(), &mut text);
            writer.write(&mut text);
            writer.losses.log(Instant::now(), false);
        }
    }
}

struct End<'a>(&'a Queue);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.ended();
    }
}

struct Writer {
    files: Files,
    repeats: Repeats,
    losses: Losses,
}

impl Writer {
    fn write(&mut self, text: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match self.files.write(text) {
            Ok(()) => self.losses.over(),
            Err(failure) => {
                // What was lost must not be taken for written when it comes again.
                self.repeats.forget();
                metrics::journal_write_errors(failure.lost);
                self.losses.on_disk(failure);
                self.losses.log(Instant::now(), false);
            }
        }
        text.clear();
    }
}

/// Lines that were lost, and when that was last told.
#[derive(Debug, Default)]
struct Losses {
    lines: u64,
    error: Option<StoreError>,
    logged: Option<Instant>,
}

impl Losses {
    fn in_queue(&mut self, lines: u64) {
        self.lines += lines;
    }

    fn on_disk(&mut self, failure: Failure) {
        self.lines += failure.lost as u64;
        self.error = Some(failure.error);
    }

    /// The disk can be written again.
    fn over(&mut self) {
        if self.error.take().is_some() {
            tracing::info!(lost = self.lines, "the journal is written again");
            self.lines = 0;
            self.logged = None;
        }
    }

    fn log(&mut self, now: Instant, always: bool) {
        let recently = self.logged.is_some_and(|logged| now.duration_since(logged) < MINUTE);
        if self.lines == 0 || (recently && !always) {
            return;
        }
        if let Some(error) = &self.error {
            tracing::error!(
                lines = self.lines, %error, hint = error.hint(),
                "lines of the journal are lost; calls go on without it"
            );
        } else {
            tracing::error!(
                lines = self.lines,
                hint = "is the disk of `state.directory` too slow?",
                "lines of the journal are lost: changes came faster than they could be written"
            );
        }
        self.lines = 0;
        self.logged = Some(now);
    }
}
