//! `--since`: a time, or how long ago.

use std::str::FromStr;
use std::time::SystemTime;

use jiff::Timestamp;

use crate::config::Duration;

/// A time, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    Ago(Duration),
    At(SystemTime),
}

impl Since {
    /// The time, where it is `now`.
    pub(super) fn before(self, now: SystemTime) -> SystemTime {
        match self {
            Self::Ago(duration) => now.checked_sub(duration.into()).unwrap_or(SystemTime::UNIX_EPOCH),
            Self::At(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(duration) = text.parse() {
            return Ok(Self::Ago(duration));
        }
        let time: Timestamp = text.parse().map_err(
            |_| "expected a duration such as `2h` or `1d12h`, or a time such as `2026-01-31T12:00:00Z`",
        )?;
        Ok(Self::At(time.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_so_long_ago_and_a_time_is_itself() {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        let before = |text: &str| text.parse::<Since>().unwrap().before(now);
        let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        assert_eq!(before("2h"), at(1_000_000 - 7_200));
        assert_eq!(before("1d12h"), at(1_000_000 - 129_600));
        assert_eq!(before("1970-01-02T00:00:00Z"), at(86_400));
        assert_eq!(before("1970-01-02T02:00:00.000+02:00"), at(86_400));
        for text in ["", "2", "yesterday", "2026-01-31", "12:00"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
