//! Why a body could not be decoded, for the person who sent it.

use std::fmt;

use serde_json::error::Category;

/// Why a body is not the JSON that a call takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// What was wrong.
    message: String,
    /// Such as `create[3].recordTTL`; empty at the top, or where it is not known.
    path: String,
    /// From 1.
    line: usize,
    /// The byte in its line, from 1; 0 where there is none.
    column: usize,
    incomplete: bool,
}

/// The longest piece of a body that a message quotes, in characters.
const LONGEST_QUOTE: usize = 100;

impl DecodeError {
    pub(super) fn empty(expected: &str) -> Self {
        let message = format!("it is empty, expected {expected}");
        Self { message, path: String::new(), line: 1, column: 0, incomplete: true }
    }

    pub(super) fn not_utf8(body: &[u8], error: std::str::Utf8Error) -> Self {
        let before = &body[..error.valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        Self {
            message: format!("byte {} is not UTF-8", before.len() + 1),
            path: String::new(),
            line: before.split(|byte| *byte == b'\n').count(),
            column: before.len() - line_start + 1,
            incomplete: false,
        }
    }

    pub(super) fn json(error: &serde_json::Error, path: String) -> Self {
        let mut message = error.to_string();
        // The position comes last in serde_json's words; it has fields of its own here.
        let position = format!(" at line {} column {}", error.line(), error.column());
        if message.ends_with(&position) {
            message.truncate(message.len() - position.len());
        }
        let message = reworded(&message);
        let incomplete = error.classify() == Category::Eof;
        Self { message, path, line: error.line(), column: error.column(), incomplete }
    }

    /// What the sender can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        if self.incomplete {
            "the body ends too early: send it whole"
        } else {
            "send the JSON of ExternalDNS's webhook protocol"
        }
    }
}

/// serde's words in those of JSON: what was expected first, then what came, which may be long.
fn reworded(message: &str) -> String {
    let found = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, expected)) = found.and_then(|found| found.rsplit_once(", expected ")) {
        let found = match found {
            "map" => "an object",
            "sequence" => "a list",
            found => found,
        };
        return format!("expected {expected}, got {}", shortened(found));
    }
    shortened(&message.replace("EOF while parsing", "it ends in the middle of"))
}

/// Values are quoted as they came: control characters and a megabyte of them have no place in a log.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if short.contains(char::is_control) { short.escape_debug().to_string() } else { short }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if self.column > 0 {
            write!(f, " (line {}, column {})", self.line, self.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for DecodeError {}
