//! What became of a unit, and of a batch.

use std::time::Duration;

use zonemux_plugin::ErrorKind;

use super::guard::Refusal;
use crate::backend::BackendError;
use crate::telemetry::metrics::ChangeOutcome;

/// What became of a unit.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// Done.
    Applied,
    /// It was so already.
    Unchanged,
    /// It would have been written, if `dry_run` were off.
    DryRun,
    /// A rule of the operator's is against it.
    Refused(Refusal),
    /// The backend does not take it for its own sake.
    Quarantined {
        /// Why, in the backend's words.
        reason: String,
        /// Of what kind, where it was refused just now, and not only remembered.
        refused_now: Option<ErrorKind>,
    },
    /// The deletion guard keeps it until it is released. Why.
    Held(String),
    /// ExternalDNS shall plan anew.
    Failed(BackendError),
}

impl Outcome {
    /// The word for it in metrics and in the journal.
    pub(super) fn kind(&self) -> ChangeOutcome {
        match self {
            Self::Applied => ChangeOutcome::Applied,
            Self::Unchanged => ChangeOutcome::Unchanged,
            Self::DryRun => ChangeOutcome::DryRun,
            Self::Refused(_) => ChangeOutcome::Refused,
            Self::Quarantined { .. } => ChangeOutcome::Quarantined,
            Self::Held(_) => ChangeOutcome::Held,
            Self::Failed(_) => ChangeOutcome::Failed,
        }
    }

    /// Why, where there is something to say.
    pub(super) fn reason(&self) -> Option<String> {
        match self {
            Self::Applied | Self::Unchanged | Self::DryRun => None,
            Self::Refused(refusal) => Some(refusal.to_string()),
            Self::Quarantined { reason, .. } | Self::Held(reason) => Some(reason.clone()),
            Self::Failed(error) => Some(error.message.clone()),
        }
    }
}

/// What became of one backend's part of a batch, in units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Done.
    pub applied: usize,
    /// True already.
    pub unchanged: usize,
    /// Set aside for their own sake.
    pub quarantined: usize,
    /// Against a rule of the operator's.
    pub refused: usize,
    /// Kept by the deletion guard.
    pub held: usize,
    /// Not done; ExternalDNS shall ask again.
    pub failed: usize,
    /// Not written because of `dry_run`.
    pub dry_run: usize,
    /// When to ask again, where the backend said so.
    pub retry_after: Option<Duration>,
}

impl Tally {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Applied => &mut self.applied,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::DryRun => &mut self.dry_run,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Quarantined { .. } => &mut self.quarantined,
            Outcome::Held(_) => &mut self.held,
            Outcome::Failed(error) => {
                self.retry_after = self.retry_after.max(error.retry_after());
                &mut self.failed
            }
        };
        *count += 1;
    }

    /// Whether ExternalDNS may be told that all is done (semantics of 204).
    pub fn is_done(&self) -> bool {
        self.held == 0 && self.failed == 0
    }
}
