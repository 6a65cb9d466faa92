//! What runs a backend: the one trait above which nothing knows where a plugin's code runs.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use zonemux_plugin::{Capabilities, ChangeId, ErrorKind};

use super::batch::{Batch, Selection};
use super::list::ListSink;
use super::status::ProcessStatus;

/// The future of a driver's call. Dropping it cancels the call in the plugin.
pub type DriverFuture<T> = Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send>>;

/// Runs one configured plugin: in this process, or in one of its own.
pub trait Driver: Send + Sync + 'static {
    /// Connects. Called again after a failure.
    fn open(&self, call: DriverCall) -> DriverFuture<Opened>;

    /// Whether [`adjust`](Self::adjust) changes anything at all.
    fn adjusts(&self, capabilities: &Capabilities) -> bool;

    /// Brings endpoints into the form in which they will be listed, without the backend.
    fn adjust(
        &self,
        call: DriverCall,
        capabilities: &Capabilities,
        endpoints: Selection,
        sink: ListSink,
    ) -> DriverFuture<()>;

    /// How the plugin's own process is; `None` where it has none.
    fn process(&self) -> Option<ProcessStatus> {
        None
    }
}

/// A backend that a [`Driver`] has opened.
pub trait Instance: Send + Sync + 'static {
    /// Puts every record into the sink.
    fn records(&self, call: DriverCall, sink: ListSink) -> DriverFuture<()>;

    /// Applies a batch, and names the changes that were not done. The lease is dropped when the call can
    /// no longer write, which may be after its future was dropped.
    fn apply(&self, call: DriverCall, batch: Arc<Batch>, lease: Lease) -> DriverFuture<Vec<Failure>>;

    /// Asks whether the backend works. What its plugin logged meanwhile, from `info` on, is for whoever asks.
    fn check(&self, call: DriverCall) -> DriverFuture<Vec<String>>;

    /// Finishes what is open.
    fn close(&self, call: DriverCall) -> DriverFuture<()>;

    /// Waits until it can't be called any more, and gives the reason: its process has ended. Never, where it has
    /// none of its own.
    fn lost(&self) -> Pin<Box<dyn Future<Output = BackendError> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// What [`Driver::open`] gives.
pub struct Opened {
    /// The backend.
    pub instance: Arc<dyn Instance>,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("capabilities", &self.capabilities).finish_non_exhaustive()
    }
}

/// What a driver is told of one call.
#[derive(Debug, Clone)]
pub struct DriverCall {
    /// The request's id, or what else made the call.
    pub id: String,
    /// How long the caller waits; enforced by the caller, told to the plugin.
    pub time_left: Duration,
}

/// Held by whatever of a call may still write.
#[derive(Debug)]
pub struct Lease {
    _held: mpsc::Sender<Infallible>,
}

/// Tells when a [`Lease`] was dropped.
#[derive(Debug)]
pub struct Leased(mpsc::Receiver<Infallible>);

impl Lease {
    /// A lease, and what tells of its end.
    pub fn new() -> (Self, Leased) {
        let (held, leased) = mpsc::channel(1);
        (Self { _held: held }, Leased(leased))
    }
}

impl Leased {
    /// Waits until the lease is dropped.
    pub async fn ended(mut self) {
        // Nothing is ever sent.
        if let Some(never) = self.0.recv().await {
            match never {}
        }
    }
}

/// A change that was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its position in the batch's lists.
    pub change: ChangeId,
    /// [`ErrorKind::Permanent`] and [`ErrorKind::Unsupported`]: for the record's own sake.
    pub kind: ErrorKind,
    /// Why, in the backend's words.
    pub reason: String,
}

/// Why a backend's call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BackendError {
    /// Of what kind.
    pub kind: ErrorKind,
    /// What happened, for the operator.
    pub message: String,
    /// Never longer than [`LONGEST_RETRY_AFTER`](Self::LONGEST_RETRY_AFTER).
    retry_after: Option<Duration>,
}

impl BackendError {
    /// The longest wait that a backend may ask for: a slip of its units must not leave it alone for years, and one
    /// probe an hour harms no server.
    pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

    /// An error of a kind, without a time to wait.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// This error with the wait that the backend asked for, in milliseconds; 0: none.
    #[must_use]
    pub fn after_ms(self, wait: u64) -> Self {
        if wait == 0 { Self { retry_after: None, ..self } } else { self.after(Duration::from_millis(wait)) }
    }

    /// This error with a time to wait. Here it is bounded, and nowhere else.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait.min(Self::LONGEST_RETRY_AFTER)), ..self }
    }

    /// When to try again, where it was said: after an hour at most.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// A call that took too long.
    pub fn timed_out(operation: &str, after: Duration) -> Self {
        Self::new(ErrorKind::Retryable, format!("{operation} took longer than {after:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_years_because_a_backend_asks_for_it() {
        let wait = |asked| BackendError::new(ErrorKind::Retryable, "busy").after_ms(asked).retry_after();
        assert_eq!(wait(0), None);
        assert_eq!(wait(1500), Some(Duration::from_millis(1500)));
        assert_eq!(wait(u64::MAX), Some(BackendError::LONGEST_RETRY_AFTER));
        let error = BackendError::new(ErrorKind::Retryable, "busy").after(Duration::MAX);
        assert_eq!(error.retry_after(), Some(BackendError::LONGEST_RETRY_AFTER));
    }
}
