//! Spans of time, written with units.

use std::fmt;
use std::str::FromStr;
use std::time;

use super::Invalid;

/// A span of time in whole milliseconds, written `"12s"`, `"1m30s"`, `"250ms"` or `"0"`.
///
/// At most ten years, so that adding one to a clock can't overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(time::Duration);

/// The units with their length in milliseconds, longest first: the order in which they are written.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const LONGEST_MILLISECONDS: u64 = 3_650 * 86_400_000;

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(time::Duration::ZERO);

    /// `seconds` of time; anything above ten years is ten years.
    pub const fn from_seconds(seconds: u32) -> Self {
        let seconds = seconds as u64;
        let longest = LONGEST_MILLISECONDS / 1_000;
        Self(time::Duration::from_secs(if seconds < longest { seconds } else { longest }))
    }

    /// The standard library's form, for timers.
    pub const fn as_std(self) -> time::Duration {
        self.0
    }
}

impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.0
    }
}

impl FromStr for Duration {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid::new("a duration such as \"10s\"");
        if text == "0" {
            return Ok(Self::ZERO);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(expected().hint(format!("write \"{text}s\"")));
        }
        let mut milliseconds: u64 = 0;
        let mut rest = text;
        let mut units = UNITS.iter();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, after) = after.split_at(letters);
            // Going on in the same iterator keeps the units in order and each to one use.
            let Some((_, length)) = units.find(|(name, _)| *name == unit) else {
                return Err(
                    expected().hint("units are d, h, m, s and ms, from long to short, without spaces")
                );
            };
            milliseconds = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(*length))
                .and_then(|part| milliseconds.checked_add(part))
                .filter(|sum| *sum <= LONGEST_MILLISECONDS)
                .ok_or_else(|| match number {
                    "" => expected(),
                    _ => Invalid::new("a duration of at most \"3650d\""),
                })?;
            rest = after;
        }
        if text.is_empty() { Err(expected()) } else { Ok(Self(time::Duration::from_millis(milliseconds))) }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0");
        }
        // Never above the ten years of the constructor, which fit.
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(LONGEST_MILLISECONDS);
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn milliseconds(text: &str) -> u128 {
        text.parse::<Duration>().unwrap().as_std().as_millis()
    }

    #[test]
    fn reads_units_from_long_to_short() {
        assert_eq!(milliseconds("0"), 0);
        assert_eq!(milliseconds("0s"), 0);
        assert_eq!(milliseconds("12s"), 12_000);
        assert_eq!(milliseconds("1m30s"), 90_000);
        assert_eq!(milliseconds("1d2h3m4s5ms"), 93_784_005);
        assert_eq!(milliseconds("90m"), 5_400_000);
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        for text in [
            "", "s", "10 s", " 10s", "1.5s", "-1s", "+1s", "30s1m", "1s1s", "10S", "1w", "1m30", "ten", "１s",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_bare_number_gets_an_example() {
        let error = "10".parse::<Duration>().unwrap_err();
        assert_eq!(error.expected, "a duration such as \"10s\"");
        assert_eq!(error.hint.as_deref(), Some("write \"10s\""));
    }

    #[test]
    fn an_overflow_is_an_error() {
        for text in ["3651d", "99999999999999999999s", "18446744073709551615d"] {
            let error = text.parse::<Duration>().unwrap_err();
            assert_eq!(error.expected, "a duration of at most \"3650d\"", "{text}");
        }
        assert_eq!("3650d".parse::<Duration>().unwrap().to_string(), "3650d");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(milliseconds in 0..=LONGEST_MILLISECONDS) {
            let duration = Duration(time::Duration::from_millis(milliseconds));
            prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "[0-9]{0,22}[dhms]{0,3}[0-9]{0,3}.{0,3}") {
            if let Ok(duration) = text.parse::<Duration>() {
                prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
            }
        }
    }
}
