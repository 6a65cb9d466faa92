//! What a backend answers when it can't.

use std::fmt;
use std::time::Duration;

/// A result of a backend's call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Of what kind a failure is: it decides what the daemon does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Trouble that may pass: a time-out, a refused connection, a 503. The default for `?`.
    Retryable,
    /// Trouble of this one record that will stay until the record changes: a bad target, an
    /// unsupported value, a conflict with another record.
    Permanent,
    /// The settings are wrong, or the credentials are refused.
    Config,
    /// The call was cancelled.
    Cancelled,
    /// The plugin panicked. Made by the SDK.
    Panic,
    /// The backend can't do that at all.
    Unsupported,
    /// A fault in the plugin.
    Internal,
}

impl ErrorKind {
    /// The number that crosses the boundary.
    pub fn code(self) -> u32 {
        match self {
            Self::Retryable => 1,
            Self::Permanent => 2,
            Self::Config => 3,
            Self::Cancelled => 4,
            Self::Panic => 5,
            Self::Unsupported => 6,
            Self::Internal => 7,
        }
    }

    /// The kind behind a number; numbers of a newer interface are [`Internal`](Self::Internal).
    pub fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Retryable,
            2 => Self::Permanent,
            3 => Self::Config,
            4 => Self::Cancelled,
            5 => Self::Panic,
            6 => Self::Unsupported,
            _ => Self::Internal,
        }
    }

    /// A word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retryable => "retryable",
            Self::Permanent => "permanent",
            Self::Config => "config",
            Self::Cancelled => "cancelled",
            Self::Panic => "panic",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }
}

/// Why a backend's call failed. Any `std` error becomes a [retryable](ErrorKind::Retryable) one by
/// `?`, with its chain of causes in the message. Never put a secret into it: it is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// Trouble that may pass.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retryable, message)
    }

    /// Trouble of this one record that stays until the record changes.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, message)
    }

    /// Wrong settings or refused credentials.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// Something that the backend can't do at all.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Says when to try again, as a server's `Retry-After` did.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Of what kind it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What happened, for the operator's log.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How long to wait before the next try, where the backend said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

// `Error` itself must not implement `std::error::Error`, or the conversion below, which lets
// authors use `?` on every other error, would overlap with `From<T> for T`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::retryable(message)
    }
}
