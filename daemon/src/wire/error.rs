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

/// A message quotes the value that it complains of: bodies are large, answers are not.
const LONGEST_MESSAGE: usize = 200;

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
        // The position comes last in serde_json's words; it has a field of its own here.
        let position = format!(" at line {} column {}", error.line(), error.column());
        if message.ends_with(&position) {
            message.truncate(message.len() - position.len());
        }
        if message.len() > LONGEST_MESSAGE {
            // What was expected stands at the end, and the long value before it.
            let expected = message.rfind(", expected ").map_or("", |start| &message[start..]);
            let expected = if expected.len() > LONGEST_MESSAGE { "" } else { expected };
            let room = LONGEST_MESSAGE - expected.len();
            let start: String =
                message.char_indices().take_while(|(at, _)| *at < room).map(|(_, c)| c).collect();
            message = format!("{start}…{expected}");
        }
        // Values are quoted as they came.
        if message.contains(char::is_control) {
            message = message.escape_debug().to_string();
        }
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

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        write!(f, "{} (line {}, column {})", self.message, self.line, self.column)
    }
}

impl std::error::Error for DecodeError {}
