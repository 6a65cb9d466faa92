//! A view: one face of the daemon to one ExternalDNS, at a path prefix.

mod adjust;
mod apply;
mod by_hand;
mod calls;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::join_all;

pub use by_hand::{BackendFailure, Reported};
pub use calls::{CallContext, CallError, CallErrorKind, CallFuture, Calls, Chunks};
use zonemux_plugin::Endpoints;

use crate::backend::{Backend, BackendError, Scope};
use crate::journal::Journal;
use crate::router::Router;
use crate::safety::{SafeBackend, SafeCall};
use crate::wire::{self, Changes};

/// Requests with more endpoints are taken apart on a thread that may be busy for a while.
const LARGE: usize = 1000;

/// The backends behind one path prefix.
#[derive(Debug)]
pub struct View {
    name: String,
    path: String,
    backends: Vec<Arc<SafeBackend>>,
    router: ArcSwap<Router>,
    /// For changes that are no backend's.
    journal: Arc<Journal>,
}

impl View {
    /// A view over backends that may not be open yet.
    pub fn new(
        name: impl Into<String>,
        path: impl Into<String>,
        backends: Vec<Arc<SafeBackend>>,
        journal: Arc<Journal>,
    ) -> Arc<Self> {
        let (name, path) = (name.into(), path.into());
        let view = Self { name, path, backends, router: ArcSwap::default(), journal };
        view.refresh();
        Arc::new(view)
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its path prefix: `/`, or `/internal` and the like.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its backends, in the order of the configuration.
    pub fn backends(&self) -> &[Arc<SafeBackend>] {
        &self.backends
    }

    /// Routes by the zones that are known now. To be called when a backend has found its zones.
    pub fn refresh(&self) {
        let zones: Vec<(usize, Vec<String>)> = self
            .backends
            .iter()
            .enumerate()
            .filter_map(|(position, backend)| Some((position, backend.backend().zones()?)))
            .collect();
        let pairs =
            zones.iter().flat_map(|(position, zones)| zones.iter().map(|zone| (zone.as_str(), *position)));
        self.router.store(Arc::new(Router::new(pairs)));
    }

    /// What the safety layer is told of a call.
    fn safe_call(&self, context: &CallContext) -> SafeCall {
        SafeCall::new(&*self.name, &*context.request_id, context.deadline)
    }

    async fn list_all(&self, context: &CallContext) -> Result<Chunks, CallError> {
        let call = self.safe_call(context);
        let lists = join_all(self.backends.iter().map(|backend| backend.records(&call))).await;
        self.log_failures("records", context, &lists);
        let lists = self.all_or_error(lists)?;
        Ok(wire::join(lists.iter().flat_map(|list| [&list.listed, &list.kept])))
    }

    /// The results of every backend, in the view's order, or the error that names all that failed.
    fn all_or_error<T>(&self, results: Vec<Result<T, BackendError>>) -> Result<Vec<T>, CallError> {
        let mut failed = Vec::new();
        let mut all = Vec::with_capacity(results.len());
        for (backend, result) in self.backends.iter().zip(results) {
            match result {
                Ok(value) => all.push(value),
                Err(error) => failed.push((backend.name(), error.retry_after())),
            }
        }
        if failed.is_empty() { Ok(all) } else { Err(unavailable(&failed)) }
    }

    fn log_failures<T>(&self, call: &str, context: &CallContext, results: &[Result<T, BackendError>]) {
        for (backend, result) in self.backends.iter().zip(results) {
            if let Err(error) = result {
                tracing::warn!(
                    view = self.name, backend = backend.name(), request_id = context.request_id, call,
                    kind = error.kind.as_str(), error = %error, "call failed"
                );
            }
        }
    }
}

/// Says which names are whose, over all views: a backend may stand in several.
pub fn set_scopes(views: &[Arc<View>], backends: &[Arc<Backend>]) {
    for backend in backends {
        let own = backend.zones().unwrap_or_default();
        let neighbours: Vec<String> = views
            .iter()
            .filter(|view| view.backends.iter().any(|other| Arc::ptr_eq(other.backend(), backend)))
            .flat_map(|view| view.backends.iter())
            .filter(|other| !Arc::ptr_eq(other.backend(), backend))
            .filter_map(|other| other.backend().zones())
            .flatten()
            .collect();
        let scope = Scope::new(own.iter().map(String::as_str), neighbours.iter().map(String::as_str));
        backend.set_scope(scope);
    }
}

/// What the client is told: which backends, and nothing of their own words, which may name servers.
fn unavailable(failed: &[(&str, Option<Duration>)]) -> CallError {
    let names: Vec<String> = failed.iter().map(|(name, _)| format!("`{name}`")).collect();
    let (noun, names) = (if names.len() == 1 { "backend" } else { "backends" }, names.join(", "));
    let mut error = CallError::unavailable(format!("{noun} {names} unavailable"));
    error.retry_after = failed.iter().filter_map(|(_, wait)| *wait).max();
    error
}

/// Runs work where it may take long, if it will.
async fn blocking<T: Send + 'static>(
    large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CallError> {
    if !large {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| CallError::internal("a part of the request broke off"))
}

impl Calls for View {
    fn name(&self) -> &str {
        &self.name
    }

    fn zones(&self) -> Result<Vec<String>, CallError> {
        if self.backends.iter().any(|backend| backend.backend().zones().is_none()) {
            return Err(CallError::unavailable("not every backend has found its zones yet"));
        }
        let zones = self.router.load().zones();
        if zones.is_empty() { Err(CallError::unavailable("no zone is known yet")) } else { Ok(zones) }
    }

    fn records(self: Arc<Self>, context: CallContext) -> CallFuture<Chunks> {
        Box::pin(async move { self.list_all(&context).await })
    }

    fn adjust(self: Arc<Self>, context: CallContext, endpoints: Endpoints) -> CallFuture<Chunks> {
        Box::pin(async move { self.adjust_all(&context, endpoints).await })
    }

    fn apply(self: Arc<Self>, context: CallContext, changes: Changes) -> CallFuture<()> {
        Box::pin(async move { self.apply_all(&context, changes).await })
    }
}
