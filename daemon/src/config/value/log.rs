//! How log lines are chosen and written.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::{Invalid, keywords};

/// Which log lines are written: a level, or directives in tracing's filter syntax such as
/// `info,zonemux::router=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The text, which tracing's filter parser accepts.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogFilter {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = "a level (\"error\", \"warn\", \"info\", \"debug\", \"trace\", \"off\") \
                        or a filter such as \"info,zonemux::router=debug\"";
        // A lone word that is no level would be taken for a target: a mistyped level must not be
        // accepted as a filter that hides everything.
        let known = |word: &str| word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
        if text.split(',').any(|part| part.is_empty() || (!part.contains(['=', '[', ':']) && !known(part))) {
            return Err(Invalid::new(expected));
        }
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(Invalid::new(expected)),
        }
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

keywords! {
    /// The form of log lines.
    pub enum LogFormat {
        /// Text on a terminal, journal fields under systemd, JSON elsewhere.
        Auto = "auto",
        /// Lines for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives() {
        for text in
            ["info", "off", "INFO", "info,zonemux=debug", "zonemux::router=trace", "warn,[webhook]=debug"]
        {
            assert!(text.parse::<LogFilter>().is_ok(), "{text:?}");
        }
        for text in ["", "inof", "info,", "zonemux=loud", "info,debgu"] {
            assert!(text.parse::<LogFilter>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn formats() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        let error = "jsn".parse::<LogFormat>().unwrap_err();
        assert_eq!(error.expected, "one of \"auto\", \"text\", \"json\"");
        assert_eq!(error.hint.as_deref(), Some("did you mean \"json\"?"));
    }
}
