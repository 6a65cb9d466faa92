//! What is told of a primary and its mirror: to `status`, to metrics and to the log.

use tokio::time::Instant;

use super::{Inner, Link};
use crate::safety::asked::seconds;
use crate::safety::mirror::report::Report;
use crate::safety::mirror::status::{MirrorState, MirrorStatus};
use crate::telemetry::metrics;

impl Link {
    /// For `zonemux status`.
    pub(in crate::safety::mirror) fn status(&self) -> MirrorStatus {
        let inner = self.lock();
        let done = self.progress.borrow().done >= inner.asked;
        let report = &inner.report;
        let state = match inner.known {
            _ if inner.dry_run => MirrorState::DryRun,
            true if report.is_equal() && done => MirrorState::Equal,
            true => MirrorState::Behind,
            false if inner.since.is_some() => MirrorState::Behind,
            false => MirrorState::Unknown,
        };
        let now = Instant::now();
        MirrorStatus {
            mirror: self.mirror.clone(),
            state,
            since: inner.since.map(seconds),
            differing: inner.known.then(|| report.differing() + inner.queued as u64),
            conflicts: report.conflicts,
            conflicting: report.conflicting.clone(),
            refused: report.refused,
            held: report.held,
            quarantined: report.quarantined,
            last_error: inner.error.as_ref().map(|(error, _)| error.clone()),
            last_error_at: inner.error.as_ref().map(|(_, at)| seconds(*at)),
            retry_in: inner.retry_at.map(|at| at.saturating_duration_since(now).as_secs()),
        }
    }

    pub(super) fn tell_conflicts(&self, before: &Report, now: &Report) {
        if now.conflicts > 0 && now.conflicting != before.conflicting {
            tracing::warn!(
                backend = self.primary,
                mirror = self.mirror,
                conflicts = now.conflicts,
                records = now.conflicting.join("; "),
                hint = "zonemux writes them once they have been deleted there by whoever put them there",
                "the mirror has other records that zonemux did not write; they are left alone"
            );
        }
    }

    pub(super) fn measure(&self, inner: &Inner) {
        let differing = inner.report.differing() + inner.queued as u64;
        let behind = if inner.known { differing } else { differing.max(1) };
        metrics::mirror_behind(&self.primary, &self.mirror, behind);
        metrics::mirror_conflicts(&self.primary, &self.mirror, inner.report.conflicts);
    }
}
