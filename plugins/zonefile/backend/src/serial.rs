//! Serial numbers (RFC 1982), and what follows one.

use zonemux_rdata::is_later;

/// What the serial of a zone becomes with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The one before, plus one.
    #[default]
    Increment,
    /// The seconds since 1970.
    UnixTime,
    /// `YYYYMMDDnn`, in UTC.
    Date,
    /// It is not touched: the server counts by itself, as Knot does with `zonefile-load:
    /// difference-no-serial`.
    Keep,
}

/// The newer of two; the first where neither is.
pub(crate) fn newer(one: u32, other: u32) -> u32 {
    if is_later(other, one) { other } else { one }
}

/// A serial that is newer than `last`: what the policy asks for, or, where that is not newer, `last`
/// plus one. `now` is the time in seconds since 1970.
pub(crate) fn next(policy: Policy, last: u32, now: u64) -> u32 {
    let wanted = match policy {
        Policy::Keep => return last,
        Policy::Increment => None,
        // Until 2106, then the lower bits, as RFC 1982 has it.
        Policy::UnixTime => u32::try_from(now & u64::from(u32::MAX)).ok(),
        Policy::Date => date(now),
    };
    // 0 is a serial that some servers take for "none".
    let plus_one = if last == u32::MAX { 1 } else { last + 1 };
    wanted.filter(|&wanted| is_later(wanted, last)).unwrap_or(plus_one)
}

/// `YYYYMMDD01`; `None` from the year 4294 on.
fn date(now: u64) -> Option<u32> {
    let now = jiff::Timestamp::from_second(i64::try_from(now).ok()?).ok()?;
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let (year, month, day) = (
        u32::try_from(date.year()).ok()?,
        u32::try_from(date.month()).ok()?,
        u32::try_from(date.day()).ok()?,
    );
    year.checked_mul(1_000_000)?.checked_add(month * 10_000 + day * 100 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2024-03-05 23:59:58 UTC.
    const NOW: u64 = 1_709_683_198;

    #[test]
    fn each_policy_counts_in_its_way() {
        for (policy, last, expected) in [
            (Policy::Increment, 7, 8),
            (Policy::Increment, u32::MAX, 1),
            (Policy::UnixTime, 7, 1_709_683_198),
            (Policy::UnixTime, 1_709_683_198, 1_709_683_199),
            // A date from before zonemux is ahead of the time, and is counted on.
            (Policy::UnixTime, 2_024_030_501, 2_024_030_502),
            (Policy::Date, 2_024_030_402, 2_024_030_501),
            (Policy::Date, 2_024_030_501, 2_024_030_502),
            (Policy::Date, 2_024_030_599, 2_024_030_600),
            (Policy::Date, 3_000_000_000, 3_000_000_001),
            // Behind by more than half of all numbers is ahead.
            (Policy::Date, 4_294_967_000, 2_024_030_501),
            (Policy::Keep, 7, 7),
        ] {
            assert_eq!(next(policy, last, NOW), expected, "{policy:?} {last}");
        }
    }

    #[test]
    fn newer_is_nearer_ahead() {
        assert!(is_later(1, 0) && is_later(0, u32::MAX) && is_later(1 << 31, 1));
        assert!(!is_later(0, 1) && !is_later(5, 5) && !is_later(1 << 31, 0));
        assert_eq!((newer(1, 2), newer(2, 1), newer(0, u32::MAX)), (2, 2, 0));
    }

    proptest! {
        #[test]
        fn what_follows_is_later(last: u32, now in 0..u64::from(u32::MAX)) {
            for policy in [Policy::Increment, Policy::UnixTime, Policy::Date] {
                let next = next(policy, last, now);
                prop_assert!(is_later(next, last) && next != 0);
            }
        }
    }
}
