//! What a backend is told of one call.

use std::time::{Duration, Instant};

/// One call of the daemon on a backend.
#[derive(Debug, Clone)]
pub struct Call {
    id: String,
    deadline: Option<Instant>,
    dry_run: bool,
}

impl Call {
    /// A call with a name for the log, a time limit, and whether nothing may be written.
    pub fn new(id: impl Into<String>, time_left: Option<Duration>, dry_run: bool) -> Self {
        Self { id: id.into(), deadline: time_left.and_then(|left| Instant::now().checked_add(left)), dry_run }
    }

    /// The daemon's name for the request behind this call, for logs.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When the daemon gives up and cancels; `None` where there is no limit.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The time left until [`deadline`](Self::deadline), zero when it has passed.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Nothing may be written anywhere: find out what would happen, and answer as if it had.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}
