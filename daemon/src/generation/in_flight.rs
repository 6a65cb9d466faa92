//! The calls that a generation still answers after another has taken its place.

use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use zonemux_plugin::Endpoints;

use crate::view::{CallContext, CallError, CallFuture, Calls, Chunks};
use crate::wire::Changes;

/// Counts the views of one generation that somebody holds: the table that routes to them, and every
/// call between its header block and its answer.
#[derive(Debug, Clone, Default)]
pub struct InFlight(TaskTracker);

impl InFlight {
    /// The same view, counted while it is held.
    pub fn count(&self, view: Arc<dyn Calls>) -> Arc<dyn Calls> {
        Arc::new(Counted { view, _held: self.0.token() })
    }

    /// Waits until nobody holds a view any more. To be called once no table routes to them.
    pub async fn ended(&self) {
        self.0.close();
        self.0.wait().await;
    }

    /// Whether nobody does now.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

struct Counted {
    view: Arc<dyn Calls>,
    _held: TaskTrackerToken,
}

impl Calls for Counted {
    fn name(&self) -> &str {
        self.view.name()
    }

    fn zones(&self) -> Result<Vec<String>, CallError> {
        self.view.zones()
    }

    // Each future holds `self`, and with it the count, to its end.

    fn records(self: Arc<Self>, context: CallContext) -> CallFuture<Chunks> {
        Box::pin(async move { Arc::clone(&self.view).records(context).await })
    }

    fn adjust(self: Arc<Self>, context: CallContext, endpoints: Endpoints) -> CallFuture<Chunks> {
        Box::pin(async move { Arc::clone(&self.view).adjust(context, endpoints).await })
    }

    fn apply(self: Arc<Self>, context: CallContext, changes: Changes) -> CallFuture<()> {
        Box::pin(async move { Arc::clone(&self.view).apply(context, changes).await })
    }
}
