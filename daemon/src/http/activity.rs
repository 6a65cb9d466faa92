//! What a connection is doing, and until when it may.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a connection may do nothing useful.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionTimes {
    /// From the beginning to the first request's first byte. A client connects in order to ask
    /// something, so that one that says nothing need not be waited for as long as between two calls.
    pub first: Duration,
    /// Between an answer and the next request's first byte. A client may pick a pooled connection at
    /// the moment when it is closed, and ExternalDNS ends on that: Go gives up idle connections after
    /// 90 s, so that the server must not be the first.
    pub idle: Duration,
    /// From the first byte of a request to the end of its header block.
    pub head: Duration,
    /// While the client takes no byte of its answer.
    pub stalled: Duration,
    /// After the last answer, while the client is still sending what nobody reads: closing at once
    /// would make the kernel reset the connection, and the client lose the answer.
    pub linger: Duration,
}

impl Default for ConnectionTimes {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(20),
            idle: Duration::from_secs(130),
            head: Duration::from_secs(10),
            stalled: Duration::from_secs(60),
            linger: Duration::from_secs(5),
        }
    }
}

/// Whose time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    Idle,
    Head,
    Stalled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No byte at all yet.
    Fresh,
    /// No byte of a next request yet.
    Idle,
    /// In the middle of a header block.
    Head,
    /// A call is being answered: it has times of its own.
    Busy,
    /// The answer is made and not yet sent to its end.
    Flushing,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    stalled_since: Option<Instant>,
    /// The client has closed its side.
    ended: bool,
}

/// Shared by the parts of one connection, which all run in one task: the lock is never contended.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

impl Activity {
    pub(super) fn new() -> Self {
        let state = State { phase: Phase::Fresh, since: Instant::now(), stalled_since: None, ended: false };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in; none at all means that the client has closed its side.
    pub(super) fn read(&self, bytes: usize) {
        let mut state = self.state();
        if bytes == 0 {
            state.ended = true;
        } else if matches!(state.phase, Phase::Fresh | Phase::Idle) {
            state.phase = Phase::Head;
            state.since = Instant::now();
        }
    }

    /// A header block is complete, and its call begins.
    pub(super) fn call(&self) {
        self.state().phase = Phase::Busy;
    }

    /// The answer was handed over to its last byte.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        if state.phase == Phase::Busy {
            state.phase = Phase::Flushing;
        }
    }

    /// Everything handed over so far is sent.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        state.stalled_since = None;
        if state.phase == Phase::Flushing {
            state.phase = Phase::Idle;
            state.since = Instant::now();
        }
    }

    /// The client took some bytes, or (`false`) its window is full.
    pub(super) fn wrote(&self, progress: bool) {
        let mut state = self.state();
        if progress {
            state.stalled_since = None;
        } else if state.stalled_since.is_none() {
            state.stalled_since = Some(Instant::now());
        }
    }

    /// Whether no call is being answered. What hyper writes then is its own answer to a header block
    /// that it could not read.
    pub(super) fn between_calls(&self) -> bool {
        matches!(self.state().phase, Phase::Fresh | Phase::Idle | Phase::Head)
    }

    /// Whether the client has closed its side.
    pub(super) fn ended(&self) -> bool {
        self.state().ended
    }

    /// The next moment at which the connection is overdue if nothing happens until then.
    pub(super) fn deadline(&self, times: &ConnectionTimes) -> Option<(Instant, Overdue)> {
        let state = self.state();
        if let Some(since) = state.stalled_since {
            return Some((since + times.stalled, Overdue::Stalled));
        }
        match state.phase {
            Phase::Fresh => Some((state.since + times.first, Overdue::Idle)),
            Phase::Idle => Some((state.since + times.idle, Overdue::Idle)),
            Phase::Head => Some((state.since + times.head, Overdue::Head)),
            Phase::Busy | Phase::Flushing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_outlives_the_pool_of_a_go_client() {
        assert!(ConnectionTimes::default().idle >= Duration::from_secs(120));
    }

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_time() {
        let times = ConnectionTimes::default();
        let activity = Activity::new();
        let start = Instant::now();
        assert_eq!(activity.deadline(&times), Some((start + times.first, Overdue::Idle)));

        tokio::time::advance(Duration::from_secs(3)).await;
        activity.read(1);
        let head = Instant::now() + times.head;
        assert_eq!(activity.deadline(&times), Some((head, Overdue::Head)));
        tokio::time::advance(Duration::from_secs(3)).await;
        activity.read(1);
        assert_eq!(activity.deadline(&times), Some((head, Overdue::Head)), "a byte wins no time");

        activity.call();
        assert_eq!(activity.deadline(&times), None);
        activity.answered();
        activity.wrote(false);
        let stalled = Instant::now() + times.stalled;
        assert_eq!(activity.deadline(&times), Some((stalled, Overdue::Stalled)));
        activity.wrote(true);
        activity.flushed();
        assert_eq!(activity.deadline(&times), Some((Instant::now() + times.idle, Overdue::Idle)));
    }
}
