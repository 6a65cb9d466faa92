//! What the thread that reads frames hands to a thread of the plugin's that waits for it.

use std::collections::VecDeque;
use std::sync::PoisonError;

// The standard library's; those that try every order of threads are in their place in `interleaved`.
use super::sync::{AtomicBool, Condvar, Mutex, Ordering};

/// Pieces of a call's own endpoints, and whether anybody still waits for the call.
#[derive(Debug)]
pub(super) struct Handoff {
    cancelled: AtomicBool,
    /// Those that have arrived; `None` once none will.
    pieces: Mutex<Option<VecDeque<Vec<u8>>>>,
    arrived: Condvar,
}

impl Handoff {
    pub(super) fn new() -> Self {
        Self {
            cancelled: AtomicBool::new(false),
            pieces: Mutex::new(Some(VecDeque::new())),
            arrived: Condvar::new(),
        }
    }

    /// Nobody waits for the call any more. Whoever finds that no piece will come knows it too.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.finish();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// No piece will arrive.
    pub(super) fn finish(&self) {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.arrived.notify_all();
    }

    /// A piece has arrived.
    pub(super) fn arrive(&self, payload: Vec<u8>) {
        if let Some(pieces) = self.pieces.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            pieces.push_back(payload);
        }
        self.arrived.notify_all();
    }

    /// Waits for the next piece; `None`: the call is over.
    pub(super) fn wait(&self) -> Option<Vec<u8>> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(piece) = pieces.as_mut()?.pop_front() {
                return Some(piece);
            }
            pieces = self.arrived.wait(pieces).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
