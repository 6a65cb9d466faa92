//! What became of a batch.

use crate::changes::ChangeId;
use crate::error::{Error, ErrorKind};

/// What became of the changes of one batch: all are done but those named here.
///
/// Refuse a record for its own sake ([`refuse`](Self::refuse)) instead of failing the whole call, so
/// that one bad record among a thousand does not sink the rest.
#[derive(Debug, Default)]
pub struct Outcome {
    failures: Vec<Failure>,
}

/// A change that was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which change.
    pub change: ChangeId,
    /// [`ErrorKind::Permanent`] and [`ErrorKind::Unsupported`]: the record's own fault. Any other
    /// kind: the client shall ask again.
    pub kind: ErrorKind,
    /// Why, for the operator's log.
    pub reason: String,
}

impl Outcome {
    /// Every change is done.
    pub fn applied() -> Self {
        Self::default()
    }

    /// A change is refused for its own sake: it stays undone until the record changes.
    pub fn refuse(&mut self, change: ChangeId, reason: impl Into<String>) {
        self.failures.push(Failure { change, kind: ErrorKind::Permanent, reason: reason.into() });
    }

    /// A change failed for a reason that may pass, or of another kind.
    pub fn fail(&mut self, change: ChangeId, error: &Error) {
        let reason = error.message().to_owned();
        self.failures.push(Failure { change, kind: error.kind(), reason });
    }

    /// The changes that are not done.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
