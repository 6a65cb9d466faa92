//! Why a command did not do what was asked.

use std::io::{self, Write};

use super::Exit;

/// Why a command did not do what was asked, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    messages: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { messages: vec![message.into()], hint: hint.map(str::to_owned) }
    }

    /// What a control request was answered in place of what was asked for.
    pub(super) fn of_answer(text: &str) -> Self {
        let mut failure = Self { messages: Vec::new(), hint: None };
        for line in text.lines().filter(|line| !line.is_empty()) {
            match line.strip_prefix("hint: ") {
                Some(hint) => failure.hint = Some(hint.to_owned()),
                None => failure.messages.push(line.strip_prefix("error: ").unwrap_or(line).to_owned()),
            }
        }
        failure
    }

    pub(super) fn write(&self, err: &mut impl Write) -> io::Result<Exit> {
        for message in &self.messages {
            writeln!(err, "error: {message}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(err, "  hint: {hint}")?;
        }
        Ok(Exit::Failure)
    }
}
