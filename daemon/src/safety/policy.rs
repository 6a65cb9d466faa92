//! What one generation's configuration says of a backend's safety.

use std::time::Duration;

use super::adjust::Settings;
use super::guard::DeleteGuard;
use crate::config::{self, Guards, Ownership};

/// How a backend is to be protected.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What is not let through.
    pub guards: Guards,
    /// Where ownership TXT are kept.
    pub ownership: Ownership,
    /// The oldest list that is served in place of a backend that fails.
    pub max_stale: Duration,
    /// When a refused record is tried again.
    pub retry: Duration,
    /// When the backend is left alone.
    pub breaker: config::Breaker,
    /// Whether a mirror's failure fails the call.
    pub mirror_required: bool,
    /// How endpoints are adjusted.
    pub adjust: Settings,
}

impl Policy {
    /// What a backend's configuration says.
    pub fn of(backend: &config::Backend) -> Self {
        Self {
            guards: backend.guards.clone(),
            ownership: backend.ownership,
            max_stale: backend.max_stale.into(),
            retry: backend.quarantine.retry.into(),
            breaker: backend.breaker.clone(),
            mirror_required: backend.mirror_required,
            adjust: Settings::of(backend),
        }
    }

    pub(super) fn deletes(&self) -> DeleteGuard {
        DeleteGuard::new(self.guards.max_deletes, self.guards.min_records)
    }
}
