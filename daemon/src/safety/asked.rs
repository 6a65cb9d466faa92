//! When something was last asked for, without a write to the disk at each loop.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What nobody asked for so long is dropped, in seconds; and a grant lasts this long.
pub(super) const DAY: u64 = 24 * 60 * 60;
/// What is stored may be older than what is known by this much, in seconds.
const COARSE: u64 = 60 * 60;

/// Whole seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The moment that many seconds after 1970.
pub(super) fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

/// When each row of a table was last asked for, exactly. The table has the same to within an hour: a
/// loop that asks each minute for the same costs a write an hour, and a restart at most that hour.
#[derive(Debug, Default)]
pub(super) struct LastAsked {
    seen: HashMap<String, u64>,
}

/// What is to be done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// What is stored is near enough.
    Keep,
    /// The row is to be stored with this time.
    Store(u64),
    /// Nobody has asked for a day.
    Drop,
}

impl LastAsked {
    /// A row was asked for.
    pub(super) fn note(&mut self, row: &str, now: u64) {
        match self.seen.get_mut(row) {
            Some(seen) => *seen = now,
            None => {
                self.seen.insert(row.to_owned(), now);
            }
        }
    }

    /// A row is gone.
    pub(super) fn forget(&mut self, row: &str) {
        self.seen.remove(row);
    }

    /// When a row was last asked for, which the table knows coarsely.
    pub(super) fn of(&self, row: &str, stored: u64) -> u64 {
        self.seen.get(row).copied().unwrap_or(stored)
    }

    /// What is to be done with a row. After the clock was set back its day begins anew.
    pub(super) fn fate(&self, row: &str, stored: u64, now: u64) -> Fate {
        let asked = self.of(row, stored).min(now);
        if now - asked >= DAY {
            Fate::Drop
        } else if stored.abs_diff(asked) >= COARSE {
            Fate::Store(asked)
        } else {
            Fate::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn a_loop_that_asks_each_minute_costs_a_write_an_hour() {
        let mut asked = LastAsked::default();
        let (mut stored, mut writes) = (NOW, 0);
        for minute in 1..=24 * 60 {
            let now = NOW + minute * 60;
            asked.note("row", now);
            if let Fate::Store(at) = asked.fate("row", stored, now) {
                (stored, writes) = (at, writes + 1);
            }
        }
        assert_eq!(writes, 24);
    }

    #[test]
    fn what_nobody_asks_for_goes_after_a_day() {
        let asked = LastAsked::default();
        assert_eq!(asked.fate("row", NOW, NOW + DAY - 1), Fate::Keep);
        assert_eq!(asked.fate("row", NOW, NOW + DAY), Fate::Drop);
    }

    #[test]
    fn a_clock_set_back_begins_the_day_anew() {
        let asked = LastAsked::default();
        let month_ago = NOW - 30 * DAY;
        assert_eq!(asked.fate("row", NOW, month_ago), Fate::Store(month_ago));
        assert_eq!(asked.fate("row", month_ago, month_ago + DAY), Fate::Drop);
    }
}
