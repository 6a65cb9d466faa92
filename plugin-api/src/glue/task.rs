//! Runs the author's futures on a runtime of the backend's own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use zonemux_plugin_abi::stable::{RErr, ROk, RResult, RString, RVec};
use zonemux_plugin_abi::{FfiFuture, RError};

use super::logging;
use super::panic::{guard, guard_future, to_error};
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;

/// A backend's own runtime. Each backend has one, although several may share a `.so`: one that blocks
/// its thread must not stop the others.
pub(crate) struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    pub(crate) fn start(workers: usize) -> Result<Arc<Self>> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(workers.max(1))
            .thread_name("plugin")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Internal, format!("can't start the plugin's runtime: {error}"))
            })?;
        Ok(Arc::new(Self(Some(runtime))))
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.0.as_ref().expect("only empty while it is being dropped").handle()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // Waiting for threads is not allowed on a runtime's own, and one may hang.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs a future on a backend's runtime. The daemon polls only the handle; when it drops the result,
/// the task is aborted and what the future holds is dropped.
pub(crate) fn run<T, F>(host: &Host, runtime: &OwnRuntime, future: F) -> FfiFuture<RResult<T, RError>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let future = logging::scope(host.clone(), future);
    let task = runtime.handle().spawn(async move { guard_future(future).await.and_then(|result| result) });
    FfiFuture::new(Joined(task))
}

/// The same for work without an `await`, on a thread that waits for nothing: it is done also while a
/// call of the author's blocks the runtime's workers.
pub(crate) fn compute<T, F>(host: &Host, runtime: &OwnRuntime, work: F) -> FfiFuture<RResult<T, RError>>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let host = host.clone();
    FfiFuture::new(Joined(
        runtime
            .handle()
            .spawn_blocking(move || logging::within(host, || guard(work)).and_then(|result| result)),
    ))
}

/// A task that is aborted when nobody waits for it any more.
struct Joined<T>(JoinHandle<Result<T>>);

impl<T> Future for Joined<T> {
    type Output = RResult<T, RError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|joined| match joined {
            Ok(Ok(value)) => ROk(value),
            Ok(Err(error)) => RErr(encode(&error)),
            // What a future drops may panic outside of its polls.
            Err(error) if error.is_panic() => RErr(encode(&to_error(error.into_panic()))),
            Err(_) => RErr(encode(&Error::new(ErrorKind::Cancelled, "the call was cancelled"))),
        })
    }
}

impl<T> Drop for Joined<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An error as it crosses.
pub(crate) fn encode(error: &Error) -> RError {
    let retry_after =
        error.retry_after().map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    RError {
        kind: error.kind().code(),
        message: RString::from(error.message()),
        retry_after_ms: retry_after,
        ext: RVec::new(),
    }
}
