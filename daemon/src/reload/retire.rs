//! The end of what a new generation no longer has: in the background, after its last call.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::Backend;
use crate::generation::Generation;

/// Backends that are being closed.
#[derive(Debug, Default)]
pub(super) struct Retiring {
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A backend that is no longer wanted, with the longest time of its applies.
pub(super) struct Outgoing {
    pub(super) backend: Arc<Backend>,
    pub(super) longest_apply: Duration,
}

impl Retiring {
    /// Closes backends once the generation before has answered its calls and their applies have ended,
    /// which both have limits of their own. Nothing presses: what has begun is never cut off.
    pub(super) fn close(&self, before: &Arc<Generation>, outgoing: Vec<Outgoing>) {
        let (in_flight, stop) = (before.in_flight.clone(), self.stop.clone());
        let grace = Duration::from(before.config.shutdown.grace);
        let longest_call = grace.max(before.config.webhook.deadline.into());
        self.tasks.spawn(async move {
            let answered = timeout(longest_call, in_flight.ended());
            if let Some(Err(_)) = stop.run_until_cancelled(answered).await {
                tracing::warn!(limit = ?longest_call, "a call of before the reload is still not answered");
            }
            join_all(outgoing.into_iter().map(|outgoing| close(outgoing, grace, &stop))).await;
        });
    }

    /// Closes backends that have never served.
    pub(super) fn close_unused(&self, outgoing: Vec<Outgoing>) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            join_all(outgoing.into_iter().map(|outgoing| close(outgoing, Duration::ZERO, &stop))).await;
        });
    }

    /// Closes what is left now, waiting for applies until `deadline`. Says whether all had ended.
    pub(super) async fn finish(&self, deadline: Instant) -> bool {
        self.tasks.close();
        let in_time = timeout_at(deadline, self.tasks.wait()).await.is_ok();
        self.stop.cancel();
        self.tasks.wait().await;
        in_time
    }
}

async fn close(Outgoing { backend, longest_apply }: Outgoing, grace: Duration, stop: &CancellationToken) {
    let begun = Instant::now();
    let closing = async {
        // One that is given up at its limit is waited for that long again.
        let closed = backend.close(begun + grace.max(longest_apply * 2));
        tokio::pin!(closed);
        if timeout(grace, &mut closed).await.is_err() {
            tracing::info!(backend = backend.name(), "an apply of before the reload is still running");
            closed.await;
        }
    };
    if stop.run_until_cancelled(closing).await.is_none() {
        backend.close(Instant::now()).await;
    }
    tracing::info!(backend = backend.name(), took = ?begun.elapsed(), "backend of before the reload closed");
}
