//! What became of each unit of a batch, or would, for a person who asks by hand.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use zonemux_plugin::{Change, ChangeId, EndpointRef};

use super::RecordKey;
use super::outcome::Outcome;
use super::units::{Units, action};

/// A unit, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitReport {
    /// The backend that its names belong to; empty where none does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub backend: String,
    /// What became of it, or would.
    pub outcome: UnitOutcome,
    /// Why, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its changes, in the order in which they are done.
    pub changes: Vec<ChangeReport>,
}

/// What became of a unit, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitOutcome {
    /// It would be sent to the backend.
    Apply,
    /// Done.
    Applied,
    /// It would be sent to the backend, if `dry_run` were off.
    DryRun,
    /// It is so already.
    Unchanged,
    /// The deletion guard keeps it.
    Held,
    /// A rule of the operator's is against it, or its name is in no zone.
    Refused,
    /// The backend does not take it for its own sake.
    Quarantined,
    /// It can't be done now.
    Failed,
}

impl UnitOutcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Applied => "applied",
            Self::DryRun => "dry_run",
            Self::Unchanged => "unchanged",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::Quarantined => "quarantined",
            Self::Failed => "failed",
        }
    }
}

impl From<&Outcome> for UnitOutcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::Unchanged => Self::Unchanged,
            Outcome::DryRun => Self::DryRun,
            Outcome::Refused(_) => Self::Refused,
            Outcome::Quarantined { .. } => Self::Quarantined,
            Outcome::Held(_) => Self::Held,
            Outcome::Failed(_) => Self::Failed,
        }
    }
}

/// A change of a [`UnitReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// `create`, `update` or `delete`.
    pub action: String,
    /// The owner name, canonical.
    pub name: String,
    /// `A`, `TXT`, …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Mostly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set_identifier: String,
    /// What was there, as the request says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RecordData>,
    /// What shall be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<RecordData>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordData {
    /// Its targets.
    pub targets: Vec<String>,
    /// Seconds; 0 means "not set".
    #[serde(default)]
    pub ttl: u32,
}

impl RecordData {
    fn of(endpoint: &EndpointRef<'_>) -> Self {
        Self { targets: endpoint.targets().map(str::to_owned).collect(), ttl: endpoint.record_ttl() }
    }
}

impl ChangeReport {
    /// What a change asks for.
    pub fn of(id: ChangeId, change: Change<'_>) -> Self {
        let RecordKey { name, record_type, set_identifier } = RecordKey::of(&change.endpoint());
        let before = match change {
            Change::Create(_) => None,
            Change::Update { old, .. } => old,
            Change::Delete(old) => Some(old),
        };
        Self {
            action: action(id).to_owned(),
            name,
            record_type,
            set_identifier,
            before: before.as_ref().map(RecordData::of),
            after: change.desired().as_ref().map(RecordData::of),
        }
    }
}

impl UnitReport {
    pub(super) fn of(backend: &str, work: &Units, unit: usize, outcome: &Outcome) -> Self {
        Self {
            backend: backend.to_owned(),
            outcome: outcome.into(),
            reason: outcome.reason(),
            changes: work.changes(unit).map(|(id, change)| ChangeReport::of(id, change)).collect(),
        }
    }
}

/// A person's own changes: whoever takes care of a unit says here what became of it.
///
/// Nobody knows which list such changes were made for, so that they are always compared with a fresh
/// one; and they leave alone what is remembered of the view's client: the list that it was shown, and
/// what it has held.
#[derive(Debug, Default)]
pub struct ByHand(Mutex<Vec<UnitReport>>);

impl ByHand {
    /// Says what became of units.
    pub fn note(&self, reports: impl IntoIterator<Item = UnitReport>) {
        let reports: Vec<UnitReport> = reports.into_iter().collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(reports);
    }

    /// What was said so far.
    pub fn take(&self) -> Vec<UnitReport> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
