//! How a command ends.

use std::process::ExitCode;

/// The exit codes. Every command has 0, 1, 64 and 78 in common; the last two are those of sysexits(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, or what was asked about is so.
    Ok = 0,
    /// It failed at run time, or what was asked about is not so.
    Failure = 1,
    /// There is something to do: of `plan` alone.
    Changes = 2,
    /// A guard is against something of it: of `plan` and `apply`.
    Guarded = 3,
    /// The command line was wrong.
    Usage = 64,
    /// The configuration was wrong.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
