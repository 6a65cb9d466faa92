//! What a task fails with: a message, often a hint, and the exit code that goes with it.

use std::fmt;

/// The result of a task or of one of its parts.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The exit code for a wrong command line, as in `sysexits.h`.
const USAGE: u8 = 64;

/// Why a task ended early, in words for the person who started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// A failed task: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: 1 }
    }

    /// A command line that makes no sense: exit code 64.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: USAGE }
    }

    /// Adds what to do about it. A later hint replaces an earlier one.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(out, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// Names the file that an operation failed on: `io::Error` alone does not.
pub(crate) trait At<T> {
    fn at(self, what: &str, path: &std::path::Path) -> Outcome<T>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, what: &str, path: &std::path::Path) -> Outcome<T> {
        self.map_err(|error| Failure::new(format!("cannot {what} {}: {error}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn the_hint_stands_on_its_own_line() {
        let failure = Failure::usage("no task given").hint("try `help`");
        assert_eq!(failure.to_string(), "error: no task given\nhint: try `help`");
        assert_eq!(failure.code(), 64);
    }
}
