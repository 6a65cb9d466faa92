//! What a guard lets through.

use std::fmt;
use std::str::FromStr;

use super::{Invalid, Zone};

/// How many records of a zone one batch may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxDeletes {
    /// So many in a hundred of the zone's records, 0 to 100.
    Percent(u8),
    /// So many records.
    Count(u64),
    /// Any number: the guard is off.
    Unlimited,
}

impl FromStr for MaxDeletes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = match text.strip_suffix('%') {
            _ if text == "none" => Some(Self::Unlimited),
            Some(percent) if digits(percent) => {
                percent.parse().ok().filter(|percent| *percent <= 100).map(Self::Percent)
            }
            None if digits(text) => text.parse().ok().map(Self::Count),
            _ => None,
        };
        parsed.ok_or_else(|| Invalid::new("a percentage such as \"30%\", a number of records, or \"none\""))
    }
}

impl fmt::Display for MaxDeletes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Count(count) => count.fmt(f),
            Self::Unlimited => f.write_str("none"),
        }
    }
}

/// A DNS record type, in upper case: `A`, `TXT`, `TYPE65280`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(String);

impl RecordType {
    /// The type's mnemonic.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecordType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let upper = text.to_ascii_uppercase();
        let valid = |text: &str| {
            (1..=16).contains(&text.len())
                && text.starts_with(|first: char| first.is_ascii_uppercase())
                && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if valid(text) {
            return Ok(Self(upper));
        }
        let invalid = Invalid::new("a record type such as \"A\" or \"TXT\"");
        Err(if valid(&upper) { invalid.hint(format!("write \"{upper}\"")) } else { invalid })
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The types that a protection covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypePattern {
    /// Every type, written `*`.
    Every,
    /// One type.
    One(RecordType),
}

/// Records that are never changed or deleted, written `"mail.example.org MX"` or
/// `"*._domainkey.example.org *"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedName {
    /// The name in canonical form, without the leading `*.`.
    pub name: Zone,
    /// The rule covers the names below `name` instead of `name` itself (it began with `*.`).
    pub below: bool,
    /// The types it covers.
    pub types: TypePattern,
}

impl FromStr for ProtectedName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected =
            || Invalid::new("a name and a type such as \"mail.example.org MX\", `*` standing for every type");
        let mut words = text.split_ascii_whitespace();
        let (Some(name), Some(types), None) = (words.next(), words.next(), words.next()) else {
            return Err(expected());
        };
        let (below, name) = name.strip_prefix("*.").map_or((false, name), |name| (true, name));
        let name =
            name.parse().map_err(|error: Invalid| Invalid { expected: expected().expected, ..error })?;
        let types = match types {
            "*" => TypePattern::Every,
            _ => TypePattern::One(types.parse()?),
        };
        Ok(Self { name, below, types })
    }
}

impl fmt::Display for ProtectedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        match &self.types {
            TypePattern::Every => write!(f, "{below}{} *", self.name),
            TypePattern::One(record_type) => write!(f, "{below}{} {record_type}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_deletes() {
        assert_eq!("30%".parse(), Ok(MaxDeletes::Percent(30)));
        assert_eq!("0%".parse(), Ok(MaxDeletes::Percent(0)));
        assert_eq!("12".parse(), Ok(MaxDeletes::Count(12)));
        assert_eq!("none".parse(), Ok(MaxDeletes::Unlimited));
        for text in ["", "%", "101%", "-1", "+1", "1.5%", "30 %", "all"] {
            assert!(text.parse::<MaxDeletes>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn record_types() {
        assert_eq!("NAPTR".parse::<RecordType>().unwrap().as_str(), "NAPTR");
        assert_eq!("txt".parse::<RecordType>().unwrap_err().hint.as_deref(), Some("write \"TXT\""));
        for text in ["", "*", "A A", "1A"] {
            assert!(text.parse::<RecordType>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn protections_read_back() {
        for text in ["mail.example.org MX", "*._domainkey.example.org *", "example.org *"] {
            assert_eq!(text.parse::<ProtectedName>().unwrap().to_string(), text);
        }
        for text in
            ["", "mail.example.org", "mail.example.org MX TXT", "*.*.example.org A", "a..b A", "a.b a"]
        {
            assert!(text.parse::<ProtectedName>().is_err(), "{text:?}");
        }
    }
}
