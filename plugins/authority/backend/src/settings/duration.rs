//! Durations as they are written in the configuration.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// Whole seconds, written as `"90s"`, `"1h30m"`, `"14d"` or `"0"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u32);

const FORM: &str = "a duration such as `90s`, `1h30m` or `14d`";

impl Seconds {
    fn parse(text: &str) -> Option<u32> {
        if text == "0" {
            return Some(0);
        }
        let mut rest = text;
        let mut total = 0_u32;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at(digits);
            let unit = match after.bytes().next()? {
                b's' => 1,
                b'm' => 60,
                b'h' => 3600,
                b'd' => 86_400,
                b'w' => 604_800,
                _ => return None,
            };
            total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(unit)?)?;
            rest = &after[1..];
        }
        (!text.is_empty()).then_some(total)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(FORM)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
                let parsed = Seconds::parse(text).map(Seconds);
                parsed.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Seconds {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(0|([0-9]+[smhdw])+)$" })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [("0", 0), ("90s", 90), ("1h30m", 5400), ("14d", 1_209_600), ("1w", 604_800)] {
            assert_eq!(Seconds::parse(text), Some(seconds), "{text}");
        }
        for text in ["", "5", "5 m", "m", "1h5", "-1s", "5000000000s", "9999999w", "1.5h", "5ms"] {
            assert_eq!(Seconds::parse(text), None, "{text}");
        }
    }
}
