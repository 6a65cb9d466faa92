//! What stands in the place of a view that the configuration no longer has.

use std::sync::Arc;

use zonemux_plugin::Endpoints;

use crate::view::{CallContext, CallError, CallFuture, Calls, Chunks};
use crate::wire::Changes;

/// Answers every call with 503 for as long as the process lives: at a 404 the ExternalDNS that still
/// asks for the view would end, and whoever removed it may put it back.
#[derive(Debug)]
pub struct RemovedView {
    name: String,
}

impl RemovedView {
    /// In the place of the view of this name.
    pub fn new(name: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into() })
    }

    fn error(&self) -> CallError {
        CallError::unavailable(format!("view `{}` is no longer in the configuration", self.name))
    }
}

impl Calls for RemovedView {
    fn name(&self) -> &str {
        &self.name
    }

    fn zones(&self) -> Result<Vec<String>, CallError> {
        Err(self.error())
    }

    fn records(self: Arc<Self>, _: CallContext) -> CallFuture<Chunks> {
        Box::pin(async move { Err(self.error()) })
    }

    fn adjust(self: Arc<Self>, _: CallContext, _: Endpoints) -> CallFuture<Chunks> {
        Box::pin(async move { Err(self.error()) })
    }

    fn apply(self: Arc<Self>, _: CallContext, _: Changes) -> CallFuture<()> {
        Box::pin(async move { Err(self.error()) })
    }
}
