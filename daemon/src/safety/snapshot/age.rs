//! How old a list is, with clocks that are set back and forth.

use std::time::{Duration, Instant, SystemTime};

/// How far ahead of the clock a time may be. Daemons that keep the clock right correct it by less.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// When a list was taken.
///
/// Its age is the larger one of what the wall clock and the process's own clock say, and never negative:
/// a clock that is set back makes no list younger, and one that stood still while the machine slept is
/// overruled by the other. A list that was read from disk and seems to come from the future (the clock was
/// wrong then, or is now, as on a machine that starts without one) has *no known age*, and is to be taken
/// for too old: it could be fresh for ever otherwise. That costs a 503, which ExternalDNS
/// survives, until the backend answers or the clock is right again; no record is lost by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    at: SystemTime,
    /// When this process came to know of it.
    seen: Instant,
    /// How old it was then, as far as could be told.
    age_when_seen: Option<Duration>,
}

impl Taken {
    /// A list that is taken now.
    pub fn now(wall: SystemTime, clock: Instant) -> Self {
        Self { at: wall, seen: clock, age_when_seen: Some(Duration::ZERO) }
    }

    /// A list that was kept by an earlier process.
    pub fn before(taken_at: SystemTime, wall: SystemTime, clock: Instant) -> Self {
        Self { at: taken_at, seen: clock, age_when_seen: wall_age(taken_at, wall) }
    }

    /// By the wall clock of that time.
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// How old the list is. `None`: nobody can tell, so it is too old.
    pub fn age(&self, wall: SystemTime, clock: Instant) -> Option<Duration> {
        let by_wall = wall_age(self.at, wall);
        match self.age_when_seen {
            Some(then) => {
                let by_clock = then.saturating_add(clock.saturating_duration_since(self.seen));
                Some(by_wall.map_or(by_clock, |by_wall| by_wall.max(by_clock)))
            }
            // The clock may have been set right in the meantime.
            None => by_wall,
        }
    }
}

fn wall_age(at: SystemTime, now: SystemTime) -> Option<Duration> {
    match now.duration_since(at) {
        Ok(age) => Some(age),
        Err(ahead) => (ahead.duration() <= TOLERANCE).then_some(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(86_400);

    fn clocks() -> (SystemTime, Instant) {
        (SystemTime::UNIX_EPOCH + 20_000 * DAY, Instant::now())
    }

    #[test]
    fn a_list_ages_by_both_clocks() {
        let (wall, clock) = clocks();
        let taken = Taken::now(wall, clock);
        assert_eq!(taken.age(wall, clock), Some(Duration::ZERO));
        assert_eq!(taken.age(wall + MINUTE, clock + MINUTE), Some(MINUTE));
        let before = Taken::before(wall - DAY, wall, clock);
        assert_eq!(before.age(wall + MINUTE, clock + MINUTE), Some(DAY + MINUTE));
        assert_eq!(before.at(), wall - DAY);
    }

    #[test]
    fn a_clock_set_back_makes_no_list_younger() {
        let (wall, clock) = clocks();
        let taken = Taken::now(wall, clock);
        assert_eq!(taken.age(wall - DAY, clock + 2 * MINUTE), Some(2 * MINUTE));
        let before = Taken::before(wall - DAY, wall, clock);
        assert_eq!(before.age(wall - 30 * DAY, clock + MINUTE), Some(DAY + MINUTE));
    }

    #[test]
    fn time_that_the_process_slept_through_counts() {
        let (wall, clock) = clocks();
        assert_eq!(Taken::now(wall, clock).age(wall + DAY, clock + MINUTE), Some(DAY));
    }

    #[test]
    fn a_snapshot_from_the_future_is_not_fresh_for_ever() {
        let (wall, clock) = clocks();
        let future = Taken::before(wall + DAY, wall, clock);
        assert_eq!(future.age(wall, clock), None);
        assert_eq!(future.age(wall + MINUTE, clock + MINUTE), None);
        // Once the clock is right the age is known.
        assert_eq!(future.age(wall + 2 * DAY, clock + MINUTE), Some(DAY));
    }

    #[test]
    fn a_clock_that_was_corrected_by_a_little_costs_no_snapshot() {
        let (wall, clock) = clocks();
        let ahead = Taken::before(wall + 4 * MINUTE, wall, clock);
        assert_eq!(ahead.age(wall, clock), Some(Duration::ZERO));
        assert_eq!(ahead.age(wall + MINUTE, clock + MINUTE), Some(MINUTE));
    }
}
