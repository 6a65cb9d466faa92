//! How many records of a zone one batch may delete.

use crate::config::MaxDeletes;

/// The deletion guard of a backend. It counts each zone alone, over the whole batch; a unit that
/// replaces one type by another deletes nothing, and ownership TXT don't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeleteGuard {
    max: MaxDeletes,
    min_records: u64,
}

impl DeleteGuard {
    /// A guard with the limit `guards.max_deletes`, whose percentage counts only in zones of
    /// `min_records` and more.
    pub fn new(max: MaxDeletes, min_records: u64) -> Self {
        Self { max, min_records }
    }

    /// The most deletes that one batch may have in a zone with so many records (ownership TXT not
    /// counted); `None`: any number.
    ///
    /// A percentage is not rounded in the batch's favour: what would be more than that part of the
    /// zone is held. So 5 % of a zone with 10 records lets no delete through, since one record is
    /// already a tenth of it.
    pub fn limit(&self, records: u64) -> Option<u64> {
        match self.max {
            MaxDeletes::Unlimited => None,
            MaxDeletes::Count(count) => Some(count),
            MaxDeletes::Percent(_) if records < self.min_records => None,
            // Without overflow: records = 100 · hundreds + rest.
            MaxDeletes::Percent(percent) => {
                let (hundreds, rest) = (records / 100, records % 100);
                let percent = u64::from(percent.min(100));
                Some(hundreds * percent + rest * percent / 100)
            }
        }
    }

    /// The same beside deletes that an operator has let through. Those records are as good as gone: what
    /// is released and what is not would otherwise delete more in one batch than in two. But a release
    /// never raises the limit, not by making the zone too small for a percentage either.
    pub fn limit_beside(&self, records: u64, granted: u64) -> Option<u64> {
        let left = self.limit(records.saturating_sub(granted));
        [self.limit(records), left].into_iter().flatten().min()
    }

    /// The same where no complete list says how many records there are: nothing may be deleted,
    /// unless the guard is off.
    pub fn limit_without_list(&self) -> Option<u64> {
        match self.max {
            MaxDeletes::Unlimited => None,
            MaxDeletes::Count(_) | MaxDeletes::Percent(_) => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(max: &str, min_records: u64, records: u64) -> Option<u64> {
        DeleteGuard::new(max.parse().unwrap(), min_records).limit(records)
    }

    #[test]
    fn a_percentage_counts_from_min_records_on() {
        assert_eq!(limit("30%", 10, 9), None);
        assert_eq!(limit("30%", 10, 10), Some(3));
        assert_eq!(limit("30%", 10, 13), Some(3));
        assert_eq!(limit("5%", 10, 10), Some(0), "one record is more than 5 %");
        assert_eq!(limit("0%", 0, 0), Some(0));
        assert_eq!(limit("100%", 0, u64::MAX), Some(u64::MAX));
    }

    #[test]
    fn a_number_counts_in_small_zones_too() {
        assert_eq!(limit("2", 10, 3), Some(2));
        assert_eq!(limit("0", 10, 3), Some(0));
        assert_eq!(limit("none", 10, 1000), None);
    }

    #[test]
    fn what_was_released_is_no_part_of_what_a_percentage_is_taken_of() {
        let beside = |max: &str, records, granted| {
            DeleteGuard::new(max.parse().unwrap(), 10).limit_beside(records, granted)
        };
        assert_eq!(beside("30%", 20, 0), Some(6));
        assert_eq!(beside("30%", 20, 10), Some(3));
        assert_eq!(beside("30%", 20, 11), Some(6), "what is left is too small a zone for a percentage");
        assert_eq!(beside("30%", 9, 3), None);
        assert_eq!(beside("4", 20, 19), Some(4));
        assert_eq!(beside("none", 20, 10), None);
        assert_eq!(beside("30%", 20, u64::MAX), Some(6));
    }

    #[test]
    fn a_zone_that_was_never_listed_loses_nothing() {
        for (max, expected) in [("30%", Some(0)), ("100", Some(0)), ("none", None)] {
            assert_eq!(DeleteGuard::new(max.parse().unwrap(), 10).limit_without_list(), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_held_is_more_than_the_percentage(percent in 0..=100_u8, records in any::<u64>(), deletes: u64) {
            let guard = DeleteGuard::new(MaxDeletes::Percent(percent), 0);
            let more = u128::from(deletes) * 100 > u128::from(percent) * u128::from(records);
            prop_assert_eq!(deletes > guard.limit(records).unwrap(), more);
        }
    }
}
