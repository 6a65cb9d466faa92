//! How a plugin's process ended.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::SystemTime;

use rustix::process::Signal;
use zonemux_plugin::ErrorKind;

use crate::backend::BackendError;
use crate::plugin::child::NO_DESCRIPTOR_LEFT;

/// Why a process ended, as far as can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It read or wrote where it must not.
    Segfault,
    /// It aborted itself.
    Abort,
    /// It asked for more memory than `memory_limit`.
    Memory,
    /// It leaked descriptors until there was none.
    Descriptors,
    /// Somebody killed it, such as the kernel when memory ran out.
    Killed,
    /// Another signal.
    Signal,
    /// It ended itself.
    Exit,
    /// It closed its end of the connection.
    Closed,
    /// It did not read, or did not end a call that nobody waited for.
    Unresponsive,
    /// What it sent can't be read.
    Protocol,
    /// It did not become ready.
    Start,
    /// It is not needed any more.
    Asked,
}

impl Reason {
    /// A word for metrics and status.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Segfault => "segfault",
            Self::Abort => "abort",
            Self::Memory => "memory",
            Self::Descriptors => "descriptors",
            Self::Killed => "killed",
            Self::Signal => "signal",
            Self::Exit => "exit",
            Self::Closed => "closed",
            Self::Unresponsive => "unresponsive",
            Self::Protocol => "protocol",
            Self::Start => "start",
            Self::Asked => "asked",
        }
    }
}

/// The end of a process.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    pub(super) reason: Reason,
    /// What happened, for the operator.
    pub(super) words: String,
    pub(super) at: SystemTime,
    /// Its last lines.
    pub(super) output: Vec<String>,
}

impl Ending {
    /// Reads the end of a process that nobody ended.
    pub(super) fn of(status: ExitStatus, output: Vec<String>) -> Self {
        let (reason, words) = judge(status, &output);
        Self { reason, words, at: SystemTime::now(), output }
    }

    /// The end of a process that the daemon ended.
    pub(super) fn by_us(reason: Reason, words: impl Into<String>, output: Vec<String>) -> Self {
        Self { reason, words: words.into(), at: SystemTime::now(), output }
    }

    /// What calls are told. What they had done is not known.
    pub(super) fn error(&self) -> BackendError {
        BackendError::new(ErrorKind::Retryable, format!("the plugin's process ended: {}", self.words))
    }
}

fn judge(status: ExitStatus, output: &[String]) -> (Reason, String) {
    let Some(number) = status.signal() else {
        let code = status.code().unwrap_or_default();
        return (Reason::Exit, format!("it exited with code {code}"));
    };
    let said = |words: &str| output.iter().any(|line| line.contains(words));
    match Signal::from_named_raw(number) {
        // What Rust's runtime prints before it aborts.
        Some(Signal::ABORT) if said("memory allocation of") => {
            (Reason::Memory, "it asked for more memory than `memory_limit` allows".into())
        }
        Some(Signal::ABORT) if said(NO_DESCRIPTOR_LEFT) => {
            (Reason::Descriptors, "a call failed, and it had no descriptor left: it leaks them".into())
        }
        Some(Signal::ABORT) if said("has overflowed its stack") => {
            (Reason::Segfault, "it overflowed its stack".into())
        }
        Some(Signal::ABORT) => (Reason::Abort, "it aborted (SIGABRT)".into()),
        Some(Signal::SEGV) => {
            (Reason::Segfault, "segmentation fault (SIGSEGV), such as after a stack overflow".into())
        }
        Some(Signal::BUS) => (Reason::Segfault, "bus error (SIGBUS)".into()),
        Some(Signal::KILL) => {
            (Reason::Killed, "it was killed (SIGKILL), as the kernel does when memory runs out".into())
        }
        _ => (Reason::Signal, format!("it was ended by signal {number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(raw: i32, output: &[&str]) -> Reason {
        let output = output.iter().map(ToString::to_string).collect();
        Ending::of(ExitStatus::from_raw(raw), output).reason
    }

    #[test]
    fn an_end_is_named_by_what_is_known_of_it() {
        assert_eq!(reason(11, &[]), Reason::Segfault);
        assert_eq!(reason(6, &[]), Reason::Abort);
        assert_eq!(reason(6, &["x", "memory allocation of 17 bytes failed"]), Reason::Memory);
        assert_eq!(reason(6, &["thread 'plugin' has overflowed its stack"]), Reason::Segfault);
        assert_eq!(reason(6, &[NO_DESCRIPTOR_LEFT]), Reason::Descriptors);
        assert_eq!(reason(9, &[]), Reason::Killed);
        assert_eq!(reason(15, &[]), Reason::Signal);
        assert_eq!(reason(3 << 8, &[]), Reason::Exit);
    }
}
