//! What came of reading the configuration.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::config::{Finding, Report};
use crate::telemetry::metrics;

/// What came of the last attempt to read the configuration: at the start, or at a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Whether it serves now. If not, nothing has changed.
    pub successful: bool,
    /// The generation that serves now, counted from 1.
    pub generation: u64,
    /// Why it does not: every fault that was found.
    pub faults: Vec<Report>,
    /// What is doubtful, or has to be done elsewhere.
    pub warnings: Vec<Report>,
}

impl Outcome {
    /// The configuration of this generation serves from now on.
    pub fn of_success(generation: u64, warnings: &[Finding]) -> Self {
        Self::now(generation, &[], warnings)
    }

    /// The configuration is refused; this generation still serves.
    pub fn of_refusal(generation: u64, refused: &Refused) -> Self {
        Self::now(generation, &refused.faults, &refused.warnings)
    }

    fn now(generation: u64, faults: &[Finding], warnings: &[Finding]) -> Self {
        let reports = |findings: &[Finding]| findings.iter().map(Report::from).collect();
        Self {
            at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            successful: faults.is_empty(),
            generation,
            faults: reports(faults),
            warnings: reports(warnings),
        }
    }

    /// Tells the log and the metrics.
    pub(super) fn tell(&self) {
        metrics::reload(self.successful, self.at, self.generation);
        for Report { key, message, origin, hint } in &self.warnings {
            let origin = origin.as_ref().map(|layer| crate::config::Origin::from(layer).to_string());
            tracing::warn!(key, origin, hint, "{message}");
        }
        for Report { key, message, origin, hint } in &self.faults {
            let origin = origin.as_ref().map(|layer| crate::config::Origin::from(layer).to_string());
            tracing::error!(key, origin, hint, "{message}");
        }
        if self.successful {
            tracing::info!(generation = self.generation, "configuration reloaded");
        } else {
            let (generation, faults) = (self.generation, self.faults.len());
            tracing::error!(generation, faults, "configuration refused; nothing has changed");
        }
    }
}

/// Why a configuration can't serve.
#[derive(Debug, Default)]
pub struct Refused {
    /// Every fault; at least one.
    pub faults: Vec<Finding>,
    /// What would have been warned of beside them.
    pub warnings: Vec<Finding>,
}
