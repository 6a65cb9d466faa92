//! Log lines that others can cause: a few at once, then seldom.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many lines may follow each other at once.
const BURST: u32 = 10;
/// After so long there may be one more.
const REFILL: Duration = Duration::from_secs(10);

/// Says when a line may be written, and counts those that were not.
#[derive(Debug)]
pub struct LogLimit {
    burst: u32,
    refill: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u32,
    refilled: Instant,
    suppressed: u64,
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

impl LogLimit {
    /// For lines that strangers cause.
    pub fn new() -> Self {
        Self::of(BURST, REFILL)
    }

    /// So many lines at once, and one more after each time of `refill`.
    pub fn of(burst: u32, refill: Duration) -> Self {
        Self {
            burst,
            refill,
            state: Mutex::new(State { left: burst, refilled: Instant::now(), suppressed: 0 }),
        }
    }

    /// `None` where this line must be left out; else how many were left out since the last one.
    pub fn line(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let periods = state.refilled.elapsed().as_micros() / self.refill.as_micros().max(1);
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        if periods > 0 {
            state.left = state.left.saturating_add(periods).min(self.burst);
            // The part of a period that has passed counts on.
            state.refilled += self.refill.saturating_mul(periods);
        }
        if state.left == 0 {
            state.suppressed += 1;
            return None;
        }
        state.left -= 1;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_a_few_lines_and_a_count() {
        let limit = LogLimit::new();
        let written = |_| limit.line().is_some();
        assert_eq!((0..1000).filter(|number| written(*number)).count(), 10);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(limit.line(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(limit.line(), Some(991));
        assert_eq!(limit.line(), None);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!((0..1000).filter(|number| written(*number)).count(), 10);
    }
}
