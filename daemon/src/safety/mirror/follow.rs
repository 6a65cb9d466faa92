//! The task that keeps a mirror equal to its primary, for as long as its generation serves.

use std::sync::Arc;
use std::time::SystemTime;

use super::link::Next;
use super::report::Report;
use super::round::Pair;
use crate::backend::BackendError;
use crate::safety::blocking;

/// How often in a row what still differs is written: a mirror that lists something else than it was
/// given would be written for ever.
const ROUNDS: usize = 3;

impl Pair {
    /// Begins to follow, until the generation ends or the mirror is closed.
    pub(super) fn start(self: Arc<Self>) {
        self.link.set_dry_run(self.primary.policy.guards.dry_run);
        let follower = self.link.begin();
        let mirror = Arc::clone(&self.mirror);
        mirror.backend.spawn(async move {
            {
                // What the task of before has begun comes first.
                let _alone = self.link.writing.lock().await;
                self.follow().await;
            }
            self.link.end(follower);
        });
    }

    async fn follow(self: &Arc<Self>) {
        if self.primary.policy.guards.dry_run {
            tracing::info!(
                backend = self.link.primary,
                mirror = self.link.mirror,
                "nothing is written to the mirror: its primary has `guards.dry_run`"
            );
            return;
        }
        loop {
            let next = tokio::select! {
                biased;
                () = self.ended.cancelled() => return,
                () = self.mirror.backend.closing() => return,
                next = self.link.next() => next,
            };
            // Not cut off: what has begun to be written goes on to its end.
            let since = match next {
                Next::Compare(seen) => match self.compare_until_equal().await {
                    Ok(report) => self.link.compared(seen, report),
                    Err(error) => self.link.failed(seen, &error),
                },
                Next::Write(seen, work) => match self.write(work).await {
                    Ok(report) => self.link.written(seen, &report),
                    Err(error) => self.link.failed(seen, &error),
                },
            };
            self.remember(since).await;
        }
    }

    /// Compares and writes until there is nothing left that can be written.
    async fn compare_until_equal(self: &Arc<Self>) -> Result<Report, BackendError> {
        for _ in 1..ROUNDS {
            let report = self.compare().await?;
            if report.written == 0 {
                return Ok(report);
            }
        }
        let mut report = self.compare().await?;
        if report.written > 0 {
            tracing::warn!(
                backend = self.link.primary,
                mirror = self.link.mirror,
                records = report.written,
                hint = "others may be writing there, or its plugin lists records otherwise than it was given them",
                "the mirror lists other records than were written to it"
            );
            report.failed += std::mem::take(&mut report.written);
        }
        Ok(report)
    }

    /// Stores since when the mirror is behind.
    async fn remember(self: &Arc<Self>, since: Option<SystemTime>) {
        let pair = Arc::clone(self);
        let stored = blocking(true, move || {
            let primary = &pair.link.primary;
            pair.mirror.state.mirrored.remember_since(primary, since)
        });
        if let Ok(Err(error)) = stored.await {
            tracing::warn!(
                backend = self.link.primary, mirror = self.link.mirror, %error, hint = error.hint(),
                "since when the mirror is behind can't be stored"
            );
        }
    }
}
