//! Amounts of memory and storage, written with units.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// A number of bytes, written `"32MiB"`; the units are B, KiB, MiB, GiB and TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// The units with their number of bytes, largest first.
const UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteSize {
    /// A size of so many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in memory; what is longer than memory can be is cut to that.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid::new("a size such as \"32MiB\"");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(expected());
        }
        let too_large = || Invalid::new("a size below \"16777216TiB\"");
        let number: u64 = number.parse().map_err(|_| too_large())?;
        if unit.is_empty() {
            return Err(expected().hint(format!("write \"{}\"", Self(number))));
        }
        let Some((_, bytes)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(expected().hint("units are B, KiB, MiB, GiB and TiB, each 1024 times the one before"));
        };
        number.checked_mul(*bytes).map(Self).ok_or_else(too_large)
    }
}

impl fmt::Display for ByteSize {
    /// The largest unit that divides the size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(_, bytes): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*bytes);
        let (unit, bytes) = UNITS.iter().find(divides).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_binary_units() {
        let bytes = |text: &str| text.parse::<ByteSize>().unwrap().bytes();
        assert_eq!(bytes("0B"), 0);
        assert_eq!(bytes("512B"), 512);
        assert_eq!(bytes("1KiB"), 1_024);
        assert_eq!(bytes("32MiB"), 33_554_432);
        assert_eq!(bytes("1GiB"), 1_073_741_824);
    }

    #[test]
    fn refuses_other_spellings() {
        for text in ["", "MiB", "32 MiB", "32mib", "32MB", "32M", "1.5GiB", "-1B", "32MiBs"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_bare_number_gets_the_same_size_with_a_unit() {
        let hint = |text: &str| text.parse::<ByteSize>().unwrap_err().hint.unwrap();
        assert_eq!(hint("33554432"), "write \"32MiB\"");
        assert_eq!(hint("1000"), "write \"1000B\"");
        assert_eq!(hint("0"), "write \"0B\"");
    }

    #[test]
    fn an_overflow_is_an_error() {
        for text in ["18446744073709551616B", "16777216TiB", "99999999999999999999999"] {
            assert_eq!(text.parse::<ByteSize>().unwrap_err().expected, "a size below \"16777216TiB\"");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bytes: u64) {
            let size = ByteSize::from_bytes(bytes);
            prop_assert_eq!(size.to_string().parse::<ByteSize>(), Ok(size));
        }
    }
}
