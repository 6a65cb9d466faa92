//! The time that signatures carry.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static SHIFT: AtomicI64 = AtomicI64::new(0);

/// Lets this process sign and check as if its clock were so many seconds ahead; for tests of servers'
/// answers to a wrong clock.
#[doc(hidden)]
pub fn shift_clock(seconds: i64) {
    SHIFT.store(seconds, Ordering::SeqCst);
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    since.saturating_add_signed(SHIFT.load(Ordering::Relaxed))
}
