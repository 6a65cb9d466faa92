//! Waiting for conditions.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what should come at once: only a machine that is busy beyond all reason
/// needs more.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Asks until there is an answer, and gives it.
///
/// # Panics
///
/// When there is none within [`LIMIT`]; the message says `what` was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {LIMIT:?} in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
