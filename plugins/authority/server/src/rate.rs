//! Limits equal answers to one network, so that nobody is flooded with them under a false address.

use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::time::Instant;

use foldhash::quality::RandomState;

use crate::settings::{RateLimit, network};

/// Accounts that are kept. A power of two; sixteen bytes each.
const ACCOUNTS: usize = 1 << 16;

/// What an answer counts as: those of a kind are equal, whatever was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind<'q> {
    /// An answer with records, of a name; one of a wildcard, whose names are without end, is of the name above it.
    Records(&'q [u8]),
    /// That there is nothing, by the nearest name above that there is.
    Nothing(&'q [u8]),
    /// Any error.
    Error,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Send,
    Drop,
    /// Sent without records, so that the client asks again by TCP.
    Truncate,
}

/// What one thread has sent. Memory is bounded: where two share a place, the later one begins anew, which sends
/// more, never less, than it should.
#[derive(Debug)]
pub(crate) struct Rate {
    limit: RateLimit,
    accounts: Box<[Account]>,
    hasher: RandomState,
    started: Instant,
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    tag: u32,
    /// Of when `left` is, in milliseconds.
    at: u32,
    /// Thousandths of an answer that may still be sent; below zero while too many are asked for.
    left: i32,
    /// Answers that were not sent.
    held: u32,
}

impl Rate {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let accounts = vec![Account::default(); ACCOUNTS].into();
        Self { limit, accounts, hasher: RandomState::default(), started: Instant::now() }
    }

    /// Counts an answer, and says what becomes of it.
    pub(crate) fn judge(&mut self, client: IpAddr, kind: Kind<'_>, now: Instant) -> Verdict {
        let hash = self.hasher.hash_one((network(client), kind));
        #[expect(clippy::cast_possible_truncation, reason = "the upper and the lower half")]
        let (place, tag) = (hash as usize & (ACCOUNTS - 1), (hash >> 32) as u32 | 1);
        // Goes round after fifty days, when an account is full in any case.
        #[expect(clippy::cast_possible_truncation, reason = "a clock that goes round")]
        let now = now.saturating_duration_since(self.started).as_millis() as u32;
        // A second's worth at most, or as much owed.
        let second = i32::try_from(self.limit.responses_per_second).unwrap_or(i32::MAX).saturating_mul(1000);
        let account = &mut self.accounts[place];
        if account.tag != tag {
            *account = Account { tag, at: now, left: second, held: 0 };
        }
        let passed = i64::from(now.wrapping_sub(account.at));
        let earned = passed.saturating_mul(i64::from(self.limit.responses_per_second));
        let left = (i64::from(account.left) + earned).min(i64::from(second)) - 1000;
        account.left = i32::try_from(left.max(-i64::from(second))).unwrap_or_default();
        account.at = now;
        if account.left >= 0 {
            return Verdict::Send;
        }
        account.held = account.held.wrapping_add(1);
        match self.limit.slip {
            0 => Verdict::Drop,
            slip if account.held.is_multiple_of(slip) => Verdict::Truncate,
            _ => Verdict::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn counts(rate: &mut Rate, client: &str, kind: Kind<'_>, number: usize, now: Instant) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..number {
            match rate.judge(client.parse().unwrap(), kind, now) {
                Verdict::Send => counts[0] += 1,
                Verdict::Truncate => counts[1] += 1,
                Verdict::Drop => counts[2] += 1,
            }
        }
        counts
    }

    #[test]
    fn a_network_gets_so_many_equal_answers_a_second() {
        let mut rate = Rate::new(RateLimit { responses_per_second: 10, slip: 2 });
        let now = Instant::now();
        let www = Kind::Records(b"\x03www\0");
        assert_eq!(counts(&mut rate, "192.0.2.1", www, 30, now), [10, 10, 10]);
        // Its neighbours are the same client; another network, another name and another kind are not.
        assert_eq!(counts(&mut rate, "192.0.2.2", www, 4, now), [0, 2, 2]);
        assert_eq!(counts(&mut rate, "192.0.3.1", www, 10, now), [10, 0, 0]);
        assert_eq!(counts(&mut rate, "192.0.2.1", Kind::Records(b"\x01x\0"), 10, now), [10, 0, 0]);
        assert_eq!(counts(&mut rate, "192.0.2.1", Kind::Nothing(b"\x03www\0"), 10, now), [10, 0, 0]);
        // What was asked for beyond is worked off before there is more, a second at most.
        let later = now + Duration::from_millis(2500);
        assert_eq!(counts(&mut rate, "192.0.2.1", www, 12, later)[0], 10);
    }

    #[test]
    fn without_slip_nothing_is_sent_beyond() {
        let mut rate = Rate::new(RateLimit { responses_per_second: 1, slip: 0 });
        let now = Instant::now();
        assert_eq!(counts(&mut rate, "2001:db8::1", Kind::Error, 5, now), [1, 0, 4]);
    }
}
