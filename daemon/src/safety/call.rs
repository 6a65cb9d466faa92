//! What the safety layer is told of one call.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::report::ByHand;

/// The most of a call's time that is kept back for its answer.
const MOST: Duration = Duration::from_secs(1);

/// One call of a view.
#[derive(Debug, Clone)]
pub struct SafeCall {
    /// The view's name: changes are planned on what it was last shown.
    pub view: String,
    /// Named in every log line of this call.
    pub request_id: String,
    /// When backends have to have answered.
    pub deadline: Instant,
    /// Whether the deletion guard is off for this once.
    pub allow_deletes: bool,
    /// Where a person's own changes are told of; `None` for those of the view's client.
    pub by_hand: Option<Arc<ByHand>>,
}

impl SafeCall {
    /// A call whose answer must be on its way by `deadline`; an eighth of the time that is left, a second
    /// at most, is kept back, so that what was decided can still be told, and a snapshot be served in
    /// place of a list that takes too long.
    pub fn new(view: impl Into<String>, request_id: impl Into<String>, deadline: Instant) -> Self {
        let left = deadline.saturating_duration_since(Instant::now());
        let deadline = deadline.checked_sub((left / 8).min(MOST)).unwrap_or(deadline);
        Self {
            view: view.into(),
            request_id: request_id.into(),
            deadline,
            allow_deletes: false,
            by_hand: None,
        }
    }
}
