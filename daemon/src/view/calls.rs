//! What the HTTP side asks of a view: ExternalDNS's four calls, free of HTTP.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use zonemux_plugin::Endpoints;

use crate::wire::Changes;

/// The future of one call.
pub type CallFuture<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

/// What a view is told of one call.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// Named in every log line of this call.
    pub request_id: String,
    /// When the answer must be on its way (`webhook.deadline` after the request arrived).
    pub deadline: Instant,
}

/// A JSON answer in chunks, complete before its status line is sent.
pub type Chunks = Vec<Bytes>;

/// The four calls of one view.
///
/// A future that is dropped ends the caller's wait, nothing else: a listing goes on for others, and
/// an apply that has started finishes.
pub trait Calls: Send + Sync + 'static {
    /// The view's name in the configuration, for metrics and logs.
    fn name(&self) -> &str;

    /// The canonical zones that this view manages, sorted.
    fn zones(&self) -> Result<Vec<String>, CallError>;

    /// The JSON list of every record of every backend.
    fn records(self: Arc<Self>, context: CallContext) -> CallFuture<Chunks>;

    /// The JSON list of the endpoints as they will be listed once they are applied.
    fn adjust(self: Arc<Self>, context: CallContext, endpoints: Endpoints) -> CallFuture<Chunks>;

    /// Applies a batch.
    fn apply(self: Arc<Self>, context: CallContext, changes: Changes) -> CallFuture<()>;
}

/// Why a call could not be answered. Never the fault of the request's form: that is found before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// Of what kind.
    pub kind: CallErrorKind,
    /// For the client: which backend, in general words. No detail of the backend's own.
    pub message: String,
    /// When to try again, where the backend said so.
    pub retry_after: Option<Duration>,
}

/// Of what kind a [`CallError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// A backend is down, slow, opening, or failed.
    Unavailable,
    /// The deadline passed; what was started goes on.
    Deadline,
    /// The daemon is stopping.
    Stopping,
    /// A fault of ours.
    Internal,
}

impl CallError {
    /// A backend is down, slow, opening, or failed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { kind: CallErrorKind::Unavailable, message: message.into(), retry_after: None }
    }

    /// The deadline passed.
    pub fn deadline(message: impl Into<String>) -> Self {
        Self { kind: CallErrorKind::Deadline, message: message.into(), retry_after: None }
    }

    /// The daemon is stopping.
    pub fn stopping() -> Self {
        let message = "zonemux is stopping".to_owned();
        Self { kind: CallErrorKind::Stopping, message, retry_after: None }
    }

    /// A fault of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: CallErrorKind::Internal, message: message.into(), retry_after: None }
    }
}
