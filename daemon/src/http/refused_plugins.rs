//! Requests of plugins' processes at the daemon's own sockets, which are refused, and logged seldom: a plugin that
//! asks in a loop must not fill the disk, nor hide behind its lines what another does.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use super::Peer;
use crate::telemetry::log_limit::LogLimit;

/// There is one line of each backend in so long, at whichever socket.
const EVERY: Duration = Duration::from_secs(60);

static REFUSED: LazyLock<RefusedPlugins> = LazyLock::new(RefusedPlugins::default);

/// The limits by backend; one more for processes that can't be told from each other any more. There are as many as
/// the configuration has ever had backends that did this.
#[derive(Debug, Default)]
struct RefusedPlugins(Mutex<HashMap<Option<Arc<str>>, LogLimit>>);

impl RefusedPlugins {
    /// `None` where this line must be left out; else how many were since the last one.
    fn line(&self, backend: Option<&Arc<str>>) -> Option<u64> {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.entry(backend.cloned()).or_insert_with(|| LogLimit::of(1, EVERY)).line()
    }
}

/// Logs that a plugin's process is refused at a socket, unless its backend had its line.
pub fn log_refused_plugin(peer: &Peer, socket: &str) {
    let backend = peer.backend();
    if let Some(suppressed) = REFUSED.line(backend) {
        let backend = backend.map(AsRef::<str>::as_ref);
        tracing::error!(
            backend, %peer, socket, suppressed,
            "a plugin's process is refused at the daemon's own socket: it would reach other backends"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_one_line_a_minute_for_each_backend_and_a_count() {
        let refused = RefusedPlugins::default();
        let whose = [Some(Arc::from("lan")), Some(Arc::from("edge")), None];
        let flood = |backend: &Option<Arc<str>>| {
            (0..1000).filter_map(|_| refused.line(backend.as_ref())).collect::<Vec<_>>()
        };
        for backend in &whose {
            assert_eq!(flood(backend), [0], "{backend:?}");
        }
        tokio::time::advance(EVERY / 2).await;
        assert!(flood(&whose[0]).is_empty());
        tokio::time::advance(EVERY / 2).await;
        assert_eq!(flood(&whose[0]), [1999]);
        assert_eq!(flood(&whose[1]), [999]);
        // A quiet hour is no leave for more than one.
        tokio::time::advance(60 * EVERY).await;
        assert_eq!(flood(&whose[1]), [999]);
    }
}
