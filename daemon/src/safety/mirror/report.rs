//! What one comparison or one write came to.

use std::collections::HashSet;

use crate::safety::RecordKey;
use crate::safety::outcome::Outcome;

/// How many conflicts are named.
const NAMED: usize = 20;

/// What is left of the difference, in units: a record with its ownership TXT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// Written just now.
    pub(super) written: u64,
    /// Not written; shall be tried again.
    pub(super) failed: u64,
    /// Held by the mirror's deletion guard.
    pub(super) held: u64,
    /// Not taken by the mirror for their own sake.
    pub(super) quarantined: u64,
    /// Kept from the mirror by its own rules.
    pub(super) refused: u64,
    /// Not written because the mirror is in `dry_run`.
    pub(super) dry_run: u64,
    /// Somebody else's.
    pub(super) conflicts: u64,
    /// Some of them, for people.
    pub(super) conflicting: Vec<String>,
    /// All of them, to know when a change is about one.
    pub(super) conflict_keys: HashSet<RecordKey>,
}

impl Report {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Applied => &mut self.written,
            Outcome::Unchanged => return,
            Outcome::DryRun => &mut self.dry_run,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Quarantined { .. } => &mut self.quarantined,
            Outcome::Held(_) => &mut self.held,
            Outcome::Failed(_) => &mut self.failed,
        };
        *count += 1;
    }

    /// A unit is left alone: its records, then their ownership TXT.
    pub(super) fn conflict(&mut self, records: &[RecordKey], all: Vec<RecordKey>) {
        self.conflicts += 1;
        if self.conflicting.len() < NAMED {
            let records: Vec<String> = records.iter().map(ToString::to_string).collect();
            self.conflicting.push(records.join(", "));
        }
        self.conflict_keys.extend(all);
    }

    /// What is still to be written.
    pub(super) fn differing(&self) -> u64 {
        self.failed + self.held + self.quarantined + self.dry_run
    }

    /// Whether nothing is left to be written.
    pub(super) fn is_equal(&self) -> bool {
        self.differing() == 0
    }

    /// Whether a call that requires the mirror is done: all is there, or knowingly is not.
    pub(super) fn is_settled(&self) -> bool {
        self.failed == 0 && self.held == 0
    }

    /// Whether it says all that is to be known of what was to be written.
    pub(super) fn is_clean(&self) -> bool {
        self.is_equal() && self.conflicts == 0 && self.refused == 0
    }
}
