//! Single values: what each type takes, and how it is shown again.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use config::{Value, ValueKind};
use serde_json::json;

use super::super::paths;
use super::super::value::{
    BackendName, ByteSize, Duration, Gzip, Invalid, Isolation, Listen, LogFilter, LogFormat, MaxDeletes,
    Ownership, PluginReference, ProtectedName, RecordType, Sha256, SocketMode, Trust, ViewPath, Zone,
};

/// What the meaning of a value depends on beside the value.
pub(super) struct Context<'a> {
    /// The folder to which relative paths refer.
    pub(super) base_directory: &'a Path,
    /// The value is a text because every variable is; it may stand for a number or a boolean.
    pub(super) from_environment: bool,
}

/// A type of single values.
pub(super) trait Setting: Sized {
    /// What is expected, as a noun phrase.
    fn expected() -> String;

    /// Reads a merged value.
    fn read(value: &Value, context: &Context<'_>) -> Result<Self, Invalid>;

    /// The form for `config show`.
    fn show(&self) -> serde_json::Value;
}

/// Types that are written as text. None of them takes the empty text.
macro_rules! texts {
    ($($type:ty),+ $(,)?) => { $(
        impl Setting for $type {
            fn expected() -> String {
                expected_text::<Self>()
            }

            fn read(value: &Value, _: &Context<'_>) -> Result<Self, Invalid> {
                text(value)
            }

            fn show(&self) -> serde_json::Value {
                json!(self.to_string())
            }
        }
    )+ };
}

texts!(
    BackendName,
    ByteSize,
    Duration,
    Gzip,
    Isolation,
    LogFilter,
    LogFormat,
    Ownership,
    ProtectedName,
    RecordType,
    Sha256,
    Trust,
    ViewPath,
    Zone,
);

/// Types that are written as text with a path in it, which may be relative.
macro_rules! texts_with_path {
    ($($type:ty => $resolve:expr),+ $(,)?) => { $(
        impl Setting for $type {
            fn expected() -> String {
                expected_text::<Self>()
            }

            fn read(value: &Value, context: &Context<'_>) -> Result<Self, Invalid> {
                let resolve: fn(Self, &Path) -> Result<Self, Invalid> = $resolve;
                resolve(text(value)?, context.base_directory)
            }

            fn show(&self) -> serde_json::Value {
                json!(self.to_string())
            }
        }
    )+ };
}

texts_with_path!(
    Listen => Listen::resolved,
    PluginReference => |plugin, base| Ok(plugin.resolved(base)),
);

impl Setting for PathBuf {
    fn expected() -> String {
        "a path".to_owned()
    }

    fn read(value: &Value, context: &Context<'_>) -> Result<Self, Invalid> {
        match &value.kind {
            ValueKind::String(path) if !path.is_empty() && !path.contains('\0') => {
                Ok(paths::resolve(context.base_directory, Path::new(path)))
            }
            _ => Err(Invalid::new(Self::expected())),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self.display().to_string())
    }
}

impl Setting for String {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn read(value: &Value, _: &Context<'_>) -> Result<Self, Invalid> {
        match &value.kind {
            ValueKind::String(text) if !text.is_empty() => Ok(text.clone()),
            _ => Err(Invalid::new("a text that is not empty")),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Setting for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(value: &Value, context: &Context<'_>) -> Result<Self, Invalid> {
        let invalid = || Invalid::new(Self::expected());
        match &value.kind {
            ValueKind::Boolean(value) => Ok(*value),
            ValueKind::String(text) => match (text.as_str(), context.from_environment) {
                ("true", true) => Ok(true),
                ("false", true) => Ok(false),
                ("true" | "false", false) => Err(invalid().hint(format!("write {text}, without quotes"))),
                _ => Err(invalid()),
            },
            _ => Err(invalid()),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self)
    }
}

macro_rules! numbers {
    ($($type:ty: $expected:expr),+ $(,)?) => { $(
        impl Setting for $type {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn read(value: &Value, context: &Context<'_>) -> Result<Self, Invalid> {
                let number = integer(value, context).ok_or_else(|| Invalid::new($expected))?;
                number.to_string().parse().map_err(|_| Invalid::new($expected))
            }

            fn show(&self) -> serde_json::Value {
                json!(self)
            }
        }
    )+ };
}

numbers!(
    u32: "a number from 0 to 4294967295",
    u64: "a number from 0",
    NonZeroU32: "a number from 1 to 4294967295",
);

impl Setting for SocketMode {
    fn expected() -> String {
        expected_text::<Self>()
    }

    fn read(value: &Value, _: &Context<'_>) -> Result<Self, Invalid> {
        match &value.kind {
            // TOML has turned `0o660` into 432.
            ValueKind::I64(number) => {
                let octal = format!("{number:04o}").parse::<Self>();
                let hint = octal.map_or("\"0660\"".to_owned(), |mode| format!("\"{mode}\""));
                Err(Invalid::new(Self::expected()).hint(format!("write the octal digits in quotes: {hint}")))
            }
            _ => text(value),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self.to_string())
    }
}

impl Setting for MaxDeletes {
    fn expected() -> String {
        expected_text::<Self>()
    }

    fn read(value: &Value, _: &Context<'_>) -> Result<Self, Invalid> {
        match &value.kind {
            ValueKind::I64(number) => number.to_string().parse(),
            _ => text(value),
        }
    }

    fn show(&self) -> serde_json::Value {
        match self {
            Self::Count(count) => json!(count),
            Self::Percent(_) | Self::Unlimited => json!(self.to_string()),
        }
    }
}

/// The value as a whole number.
fn integer(value: &Value, context: &Context<'_>) -> Option<i64> {
    match &value.kind {
        ValueKind::I64(number) => Some(*number),
        ValueKind::String(text) if context.from_environment => text.parse().ok(),
        _ => None,
    }
}

/// What a type of texts says it expects.
fn expected_text<T: FromStr<Err = Invalid>>() -> String {
    "".parse::<T>().map_or_else(|invalid| invalid.expected, |_| "a text".to_owned())
}

/// Reads a text. A number gets the advice that the same digits as a text would get.
fn text<T: FromStr<Err = Invalid>>(value: &Value) -> Result<T, Invalid> {
    let invalid = Invalid::new(expected_text::<T>());
    match &value.kind {
        ValueKind::String(text) => text.parse(),
        ValueKind::I64(number) => {
            let number = number.to_string();
            Err(match number.parse::<T>() {
                Ok(_) => invalid.hint(format!("write it in quotes: \"{number}\"")),
                Err(Invalid { hint: Some(hint), .. }) => invalid.hint(hint),
                Err(_) => invalid,
            })
        }
        _ => Err(invalid),
    }
}

/// A value as it is repeated in a message: short, on one line, and not at all if it is `sensitive`.
pub(super) fn describe(value: &Value, sensitive: bool) -> String {
    const LONGEST: usize = 60;
    match &value.kind {
        ValueKind::Table(_) => "a table".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::String(_) if sensitive => "another text (not shown)".to_owned(),
        _ if sensitive => "a number or boolean (not shown)".to_owned(),
        ValueKind::String(text) if text.chars().count() > LONGEST => {
            format!("{:?}…", text.chars().take(LONGEST).collect::<String>())
        }
        ValueKind::String(text) => format!("{text:?}"),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Setting>(kind: impl Into<ValueKind>, from_environment: bool) -> Result<T, Invalid> {
        let context = Context { base_directory: Path::new("/etc/zonemux"), from_environment };
        T::read(&Value::new(None, kind), &context)
    }

    #[test]
    fn nothing_is_guessed_from_texts_of_a_file() {
        assert_eq!(read::<bool>(true, false), Ok(true));
        assert_eq!(
            read::<bool>("true", false).unwrap_err().hint.as_deref(),
            Some("write true, without quotes")
        );
        assert!(
            read::<bool>(1, false).is_err()
                && read::<bool>("yes", true).is_err()
                && read::<bool>("1", true).is_err()
        );
        assert!(read::<u32>("5", false).is_err() && read::<u32>(true, false).is_err());
        assert!(read::<String>(5, false).is_err());
    }

    #[test]
    fn texts_of_the_environment_stand_for_other_types() {
        assert_eq!(read::<bool>("false", true), Ok(false));
        assert_eq!(read::<u32>("5", true), Ok(5));
        assert_eq!(read::<String>("5", true), Ok("5".to_owned()));
        assert_eq!(read::<MaxDeletes>("5", true), Ok(MaxDeletes::Count(5)));
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(read::<u32>(4_294_967_295_i64, false), Ok(u32::MAX));
        assert!(read::<u32>(4_294_967_296_i64, false).is_err() && read::<u32>(-1, false).is_err());
        assert!(read::<NonZeroU32>(0, false).is_err());
        assert!(read::<u32>(ValueKind::Float(1.0), false).is_err());
    }

    #[test]
    fn a_number_without_unit_gets_an_example() {
        let invalid = read::<Duration>(10, false).unwrap_err();
        assert_eq!(invalid.to_string(), "expected a duration such as \"10s\"");
        assert_eq!(invalid.hint.as_deref(), Some("write \"10s\""));
        assert_eq!(
            read::<Duration>(0, false).unwrap_err().hint.as_deref(),
            Some("write it in quotes: \"0\"")
        );
        assert_eq!(read::<ByteSize>(1_048_576, false).unwrap_err().hint.as_deref(), Some("write \"1MiB\""));
    }

    #[test]
    fn descriptions_are_short_and_keep_secrets() {
        let of = |kind: ValueKind, sensitive| describe(&Value::new(None, kind), sensitive);
        assert_eq!(of("a\n\u{1b}[31m".into(), false), r#""a\n\u{1b}[31m""#);
        assert_eq!(of("x".repeat(61).into(), false), format!("\"{}\"…", "x".repeat(60)));
        assert_eq!(of("hunter2".into(), true), "another text (not shown)");
        assert_eq!(of(ValueKind::I64(1234), true), "a number or boolean (not shown)");
    }
}
