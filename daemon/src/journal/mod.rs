//! The journal: one line of JSON for each change that was asked for, and what became of it.
//!
//! ```text
//! Entry ─▶ Lines (a batch, encoded) ─▶ bounded queue ─▶ one thread: Repeats ─▶ Files (rotated)
//!                                                              history ◀── Reader ┘
//! ```
//!
//! A call is never held up and never fails because of it: what can't be written is counted, and logged
//! once a minute.

mod entry;
mod files;
mod filter;
mod lines;
mod queue;
mod read;
mod repeats;
#[cfg(test)]
mod tests;
mod writer;

use std::hash::RandomState;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::telemetry::metrics;
use queue::Queue;

pub use entry::{Entry, Rdata};
pub use files::Limits;
pub use filter::{Filter, NamePattern};
pub use lines::Lines;
pub use read::{Cursor, Page, page};

/// The outcomes that an [`Entry`] can have.
pub const OUTCOMES: [&str; 7] = [APPLIED, "unchanged", "quarantined", "refused", "held", "failed", "dry_run"];

/// The outcome of a change that was made. Every one of these has a line; repeats of the others are
/// counted.
const APPLIED: &str = "applied";

/// Where the journal of a state directory is.
pub fn folder(state_directory: &Path) -> PathBuf {
    state_directory.join("journal")
}

/// An open journal, to which any thread may write.
#[derive(Debug)]
pub struct Journal {
    queue: Arc<Queue>,
    hasher: RandomState,
}

impl Journal {
    /// Begins to write the journal of a state directory. A disk that can't be written now is no error:
    /// it may be later.
    ///
    /// # Errors
    ///
    /// When there is no thread for it.
    pub fn open(state_directory: &Path, limits: Limits) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(limits));
        let (of_thread, folder) = (Arc::clone(&queue), folder(state_directory));
        std::thread::Builder::new().name("journal".into()).spawn(move || writer::run(&of_thread, folder))?;
        Ok(Self { queue, hasher: RandomState::new() })
    }

    /// New limits, in force from the next line on.
    pub fn set_limits(&self, limits: Limits) {
        self.queue.set_limits(limits);
    }

    /// An empty batch of lines.
    pub fn batch(&self) -> Lines {
        Lines::new(self.hasher.clone())
    }

    /// Hands lines over to be written. Never waits for the disk.
    pub fn write(&self, lines: Lines) {
        let count = lines.len();
        if count > 0 && !self.queue.push(lines) {
            metrics::journal_write_errors(count);
        }
    }

    /// Waits until everything that was handed over is written or lost; says whether that was within
    /// `limit`. Blocks.
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.wait_done(limit)
    }

    /// Writes what was handed over, and the counts of repeats, and ends; says whether that was done
    /// within `limit`. Blocks. What is written afterwards is lost.
    pub fn close(&self, limit: Duration) -> bool {
        self.queue.stop();
        self.queue.wait_ended(limit)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.stop();
    }
}
