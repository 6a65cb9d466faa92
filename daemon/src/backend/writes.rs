//! The order of writes to one backend, kept for as long as the backend's name is known: a reload that
//! makes a new instance hands it on, so that the new one writes only after the old one's applies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

/// One write after the other, in the order in which they asked, and how many there were.
#[derive(Debug, Default)]
pub struct Writes {
    /// tokio's mutex is fair.
    lane: Arc<Mutex<()>>,
    /// Counts the begins and ends of writes: odd while one runs.
    epoch: AtomicU64,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _lane: OwnedMutexGuard<()>,
}

impl Writes {
    /// Waits for a turn; `None` where it did not come before the deadline.
    pub async fn turn(&self, deadline: Instant) -> Option<Turn> {
        let turn = timeout_at(deadline, Arc::clone(&self.lane).lock_owned()).await.ok()?;
        // A free lane is taken without a look at the clock.
        (Instant::now() < deadline).then_some(Turn { _lane: turn })
    }

    /// Which list is of this moment: one that was begun under the same, even number.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Whether a list that was begun under a number still shows what is there.
    pub fn is_current(&self, epoch: u64) -> bool {
        epoch.is_multiple_of(2) && epoch == self.epoch()
    }

    /// Says that no list of before is of this moment, though nothing was written through us.
    pub(super) fn outdate(&self) {
        // Even stays even, and odd odd.
        self.epoch.fetch_add(2, Ordering::SeqCst);
    }

    /// Says that a write begins; it ends when what is returned is dropped.
    pub(super) fn begin(&self) -> Writing<'_> {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        Writing { writes: self }
    }
}

/// A write that runs.
pub(super) struct Writing<'a> {
    writes: &'a Writes,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.writes.epoch.fetch_add(1, Ordering::SeqCst);
    }
}
