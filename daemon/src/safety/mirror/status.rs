//! How a mirror stands to its primary, for `zonemux status`.

use serde::{Deserialize, Serialize};

/// A mirror as its primary's part of `zonemux status` shows it. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorStatus {
    /// Its name in the configuration.
    pub mirror: String,
    /// How it stands.
    pub state: MirrorState,
    /// Since when it is not equal, since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Records that differ, and are still to be written; `None` while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differing: Option<u64>,
    /// Records that are not zonemux's own there and are left alone, though the primary has others.
    pub conflicts: u64,
    /// Some of them, for a person to look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicting: Vec<String>,
    /// Records that the guards of the mirror's configuration keep from it for good.
    pub refused: u64,
    /// Deletes that its deletion guard holds until they are released.
    pub held: u64,
    /// Records that it does not take for their own sake.
    pub quarantined: u64,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When that was, since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<u64>,
    /// When it is compared and written again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_in: Option<u64>,
}

/// How a mirror stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MirrorState {
    /// Not compared yet since the start, or since something happened whose outcome is not known.
    Unknown,
    /// It has what its primary has, but for conflicts and what its guards refuse.
    Equal,
    /// Something is still to be written to it.
    Behind,
    /// Its primary is in `dry_run`: nothing is written to it.
    DryRun,
}

impl MirrorState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Equal => "equal",
            Self::Behind => "behind",
            Self::DryRun => "dry_run",
        }
    }
}
