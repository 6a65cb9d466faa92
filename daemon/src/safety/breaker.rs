//! A circuit breaker: a backend that keeps failing is left alone for a while.
//!
//! ```text
//! Closed ──failures in a row──▶ Open ──cooldown over──▶ HalfOpen ──one probe succeeds──▶ Closed
//!                                 ▲                         │
//!                                 └────the probe fails──────┘   (each time twice as long, up to 5 m)
//! ```
//!
//! A server that says `Retry-After` is left alone at once, for at least that long.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use zonemux_plugin::ErrorKind;

use crate::backend::BackendError;

/// The longest that doubling makes it, unless the configured cooldown is longer.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// When those are to come again who find the one probe under way.
const PROBE_UNDER_WAY: Duration = Duration::from_secs(1);

/// Whether an error speaks of the backend and not of what it was asked.
///
/// A record that is refused ([`Permanent`](ErrorKind::Permanent), [`Unsupported`](ErrorKind::Unsupported))
/// was refused by a backend that works, and a call that we [cancelled](ErrorKind::Cancelled) says nothing.
/// Wrong credentials or settings ([`Config`](ErrorKind::Config)) do count: asking each minute with a
/// password that is refused gets accounts locked.
pub fn counts_as_failure(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::Permanent | ErrorKind::Unsupported | ErrorKind::Cancelled)
}

/// The breaker of one backend. Cheap to clone; all clones are the same breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    circuit: Arc<Mutex<Circuit>>,
}

/// What is open: nothing may be asked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("left alone after repeated failures; tried again in {} s", retry_in.as_secs_f64().ceil())]
pub struct Open {
    /// When it is worth asking again.
    pub retry_in: Duration,
}

impl From<Open> for BackendError {
    fn from(open: Open) -> Self {
        Self::new(ErrorKind::Retryable, open.to_string()).after(open.retry_in)
    }
}

/// How a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything passes.
    Closed,
    /// One call is let through to see whether the backend is back.
    HalfOpen,
    /// Nothing passes.
    Open {
        /// For so long.
        retry_in: Duration,
    },
}

impl BreakerState {
    /// The word for `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open { .. } => "open",
        }
    }
}

#[derive(Debug)]
struct Circuit {
    failures: NonZeroU32,
    cooldown: Duration,
    position: Position,
    /// How often it opened without having been closed between.
    reopened: u32,
    /// Counts the changes of position: what a call reports that was let through before the last one
    /// no longer moves anything.
    turn: u64,
}

#[derive(Debug, Clone, Copy)]
enum Position {
    Closed { failed: u32 },
    Open { until: Instant },
    HalfOpen { probing: bool },
}

impl Breaker {
    /// A closed breaker that opens after `failures` in a row, at first for about `cooldown`.
    pub fn new(failures: NonZeroU32, cooldown: Duration) -> Self {
        let position = Position::Closed { failed: 0 };
        Self { circuit: Arc::new(Mutex::new(Circuit { failures, cooldown, position, reopened: 0, turn: 0 })) }
    }

    /// Changes the limits; how it stands now, and until when, stays.
    pub fn set_limits(&self, failures: NonZeroU32, cooldown: Duration) {
        let mut circuit = lock(&self.circuit);
        (circuit.failures, circuit.cooldown) = (failures, cooldown);
    }

    /// Asks for leave to call the backend.
    pub fn admit(&self, now: Instant) -> Result<Permit, Open> {
        let mut circuit = lock(&self.circuit);
        circuit.settle(now);
        match &mut circuit.position {
            Position::Closed { .. } => {}
            Position::Open { until } => return Err(Open { retry_in: *until - now }),
            Position::HalfOpen { probing: true } => return Err(Open { retry_in: PROBE_UNDER_WAY }),
            Position::HalfOpen { probing } => *probing = true,
        }
        Ok(Permit { circuit: Arc::clone(&self.circuit), turn: circuit.turn, reported: false })
    }

    /// How it stands.
    pub fn state(&self, now: Instant) -> BreakerState {
        let mut circuit = lock(&self.circuit);
        circuit.settle(now);
        match circuit.position {
            Position::Closed { .. } => BreakerState::Closed,
            Position::HalfOpen { .. } => BreakerState::HalfOpen,
            Position::Open { until } => BreakerState::Open { retry_in: until - now },
        }
    }
}

impl Circuit {
    fn turn_to(&mut self, position: Position) {
        self.position = position;
        self.turn += 1;
    }

    /// Takes notice of the time.
    fn settle(&mut self, now: Instant) {
        if matches!(self.position, Position::Open { until } if until <= now) {
            self.turn_to(Position::HalfOpen { probing: false });
        }
    }

    fn open(&mut self, now: Instant, at_least: Duration) -> Duration {
        let doubled = self.cooldown.saturating_mul(1_u32.checked_shl(self.reopened).unwrap_or(u32::MAX));
        let wait = doubled.min(LONGEST.max(self.cooldown));
        // Several daemons that lost one server shall not come back to it at one moment.
        let wait = wait.mul_f64(0.8 + 0.4 * fastrand::f64()).max(at_least);
        self.reopened = self.reopened.saturating_add(1);
        self.turn_to(Position::Open { until: now + wait });
        wait
    }
}

/// Leave to call the backend once. Dropped without a report it was neither a success nor a failure.
#[derive(Debug)]
#[must_use = "report what came of the call"]
pub struct Permit {
    circuit: Arc<Mutex<Circuit>>,
    turn: u64,
    reported: bool,
}

impl Permit {
    /// The backend answered. Says whether this closed the breaker.
    pub fn succeeded(mut self, now: Instant) -> bool {
        self.reported = true;
        let mut circuit = lock(&self.circuit);
        circuit.settle(now);
        if circuit.turn != self.turn {
            return false;
        }
        match &mut circuit.position {
            Position::Closed { failed } => {
                *failed = 0;
                false
            }
            Position::HalfOpen { .. } => {
                circuit.reopened = 0;
                circuit.turn_to(Position::Closed { failed: 0 });
                true
            }
            Position::Open { .. } => false,
        }
    }

    /// The call failed in a way that [counts](counts_as_failure); `retry_after` is what the server asked
    /// for, [bounded](BackendError::after). Says for how long the breaker opened, if this opened it or made it stay open longer.
    pub fn failed(mut self, now: Instant, retry_after: Option<Duration>) -> Option<Duration> {
        self.reported = true;
        let mut circuit = lock(&self.circuit);
        circuit.settle(now);
        let at_least = retry_after.unwrap_or_default();
        let of_this_turn = circuit.turn == self.turn;
        let limit = circuit.failures.get();
        match &mut circuit.position {
            Position::Closed { failed } if of_this_turn => {
                *failed = failed.saturating_add(1);
                (*failed >= limit || !at_least.is_zero()).then(|| circuit.open(now, at_least))
            }
            Position::HalfOpen { .. } if of_this_turn => Some(circuit.open(now, at_least)),
            // An older call: only what the server asked for still counts.
            Position::Open { until } if *until < now + at_least => {
                *until = now + at_least;
                Some(at_least)
            }
            Position::Closed { .. } | Position::HalfOpen { .. } if !at_least.is_zero() => {
                Some(circuit.open(now, at_least))
            }
            _ => None,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.reported {
            return;
        }
        let mut circuit = lock(&self.circuit);
        if circuit.turn == self.turn
            && let Position::HalfOpen { probing } = &mut circuit.position
        {
            *probing = false;
        }
    }
}

/// No code that holds the lock panics between two states.
fn lock(circuit: &Mutex<Circuit>) -> MutexGuard<'_, Circuit> {
    circuit.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
