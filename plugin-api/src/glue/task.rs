//! Runs the author's futures on the plugin's own runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use zonemux_plugin_abi::stable::{RErr, ROk, RResult, RString, RVec};
use zonemux_plugin_abi::{FfiFuture, RError};

use super::logging;
use super::panic::{guard, guard_future, to_error};
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;

/// This plugin's runtime: each `.so` has its own copy of tokio, and so of this static.
static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Starts the runtime at the first call.
pub(crate) fn runtime(workers: usize) -> Result<&'static Runtime> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers.max(1))
        .thread_name("plugin")
        .enable_all()
        .build()
        .map_err(|error| {
            Error::new(ErrorKind::Internal, format!("can't start the plugin's runtime: {error}"))
        })?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Runs a future on the plugin's runtime. The daemon polls only the handle; when it drops the
/// result, the task is aborted and what the future holds is dropped.
pub(crate) fn run<T, F>(host: &Host, workers: usize, future: F) -> FfiFuture<RResult<T, RError>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let runtime = match runtime(workers) {
        Ok(runtime) => runtime,
        Err(error) => return FfiFuture::new(std::future::ready(RErr(encode(&error)))),
    };
    let future = logging::scope(host.clone(), future);
    let task = runtime.spawn(async move { guard_future(future).await.and_then(|result| result) });
    FfiFuture::new(Joined(task))
}

/// The same for work without an `await`, on a thread that waits for nothing: it is done also while a
/// call of the author's blocks the runtime's workers.
pub(crate) fn compute<T, F>(host: &Host, workers: usize, work: F) -> FfiFuture<RResult<T, RError>>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let runtime = match runtime(workers) {
        Ok(runtime) => runtime,
        Err(error) => return FfiFuture::new(std::future::ready(RErr(encode(&error)))),
    };
    let host = host.clone();
    FfiFuture::new(Joined(
        runtime.spawn_blocking(move || logging::within(host, || guard(work)).and_then(|result| result)),
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
