//! What is between those who write and the thread that does.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Limits, Lines};

/// What may wait to be written, in bytes of memory: two batches of 100,000 changes.
const LIMIT: usize = 64 << 20;

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to do.
    work: Condvar,
    /// Something was done.
    done: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Lines>,
    size: usize,
    limits: Limits,
    /// How many batches were taken in, and how many are dealt with.
    pushed: u64,
    done: u64,
    /// Lines that found no room, and of which the thread has not been told.
    lost: u64,
    stopping: bool,
    ended: bool,
}

/// What the thread gets.
#[derive(Debug)]
pub(super) struct Work {
    /// A batch; `None` when the time was over, or at the end.
    pub(super) lines: Option<Lines>,
    pub(super) limits: Limits,
    /// Lines that were lost since the last time.
    pub(super) lost: u64,
    /// There will be no more.
    pub(super) last: bool,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            size: 0,
            limits,
            pushed: 0,
            done: 0,
            lost: 0,
            stopping: false,
            ended: false,
        };
        Self { state: Mutex::new(state), work: Condvar::new(), done: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        self.state().limits = limits;
    }

    /// Takes lines in, or says that there is no room for them. A batch that is larger than all the room
    /// finds it when nothing else waits.
    pub(super) fn push(&self, lines: Lines) -> bool {
        let mut state = self.state();
        let size = state.size + lines.size();
        if state.stopping || (size > LIMIT && !state.waiting.is_empty()) {
            state.lost += lines.len() as u64;
            return false;
        }
        state.size = size;
        state.pushed += 1;
        state.waiting.push_back(lines);
        drop(state);
        self.work.notify_one();
        true
    }

    /// Waits for a batch, at most until `until`.
    pub(super) fn next(&self, until: Instant) -> Work {
        let state = self.state();
        let left = until.saturating_duration_since(Instant::now());
        let idle = |state: &mut State| state.waiting.is_empty() && !state.stopping;
        let (mut state, _) =
            self.work.wait_timeout_while(state, left, idle).unwrap_or_else(PoisonError::into_inner);
        let lines = state.waiting.pop_front();
        state.size -= lines.as_ref().map_or(0, Lines::size);
        let last = state.stopping && lines.is_none();
        Work { lines, limits: state.limits, lost: std::mem::take(&mut state.lost), last }
    }

    /// A batch has been dealt with.
    pub(super) fn finished_one(&self) {
        self.state().done += 1;
        self.done.notify_all();
    }

    /// The thread has ended.
    pub(super) fn ended(&self) {
        let mut state = self.state();
        (state.stopping, state.ended) = (true, true);
        drop(state);
        self.done.notify_all();
    }

    pub(super) fn stop(&self) {
        self.state().stopping = true;
        self.work.notify_one();
    }

    pub(super) fn wait_done(&self, limit: Duration) -> bool {
        let state = self.state();
        let pushed = state.pushed;
        self.wait(state, limit, |state| state.done < pushed && !state.ended)
    }

    pub(super) fn wait_ended(&self, limit: Duration) -> bool {
        self.wait(self.state(), limit, |state| !state.ended)
    }

    fn wait(&self, state: MutexGuard<'_, State>, limit: Duration, pending: impl Fn(&State) -> bool) -> bool {
        let waited = self.done.wait_timeout_while(state, limit, |state| pending(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}
