//! Work without a daemon: with the state directory locked, the same backends are opened by this process,
//! asked on the same way, and closed in order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Collected};
use hyper::StatusCode;
use tokio::runtime::Builder;
use tokio::time::Instant;
use zonemux_plugin::ErrorKind;

use super::failure::Failure;
use crate::assemble::{self, Parts};
use crate::backend::BackendError;
use crate::config::{BackendName, Config};
use crate::control::Work;
use crate::generation::{self, LoadError};
use crate::journal::{Journal, Limits};
use crate::plugin::Loader;
use crate::safety::Registry;
use crate::store::{Files, Lock, StoreError};

/// How long closing may take once the work is done.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long the journal's last lines may take.
const JOURNAL_LIMIT: Duration = Duration::from_secs(2);

/// Does the work and gives what a daemon would have answered.
pub(super) fn run(work: Work, config: Config) -> io::Result<Result<(StatusCode, Bytes), Failure>> {
    let directory = config.state.directory.clone();
    let _lock = match Lock::acquire(&directory) {
        Ok(lock) => lock,
        Err(error) => {
            let message = format!("no daemon answers, and without one: {error}");
            return Ok(Err(Failure::new(message, error.hint())));
        }
    };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(with_backends(work, Arc::new(config)));
    // A plugin that hangs on a thread of the runtime must not keep the process.
    runtime.shutdown_background();
    done
}

async fn with_backends(work: Work, config: Arc<Config>) -> io::Result<Result<(StatusCode, Bytes), Failure>> {
    let journal = Arc::new(Journal::open(&config.state.directory, Limits::from(&config.journal))?);
    let registry = Registry::new(Arc::new(Files::new(&config.state.directory)), Arc::clone(&journal));
    let states = match assemble::states(&config, &registry) {
        Ok(states) => states,
        Err(error) => return Ok(Err(of_store(&error))),
    };
    let parts = Parts::of(&config, &states, &journal);
    if work.route.needs_backends() {
        open(&config, &parts).await;
    }
    let answer = work.run(&parts).await;
    let (code, body) = (answer.status(), answer.into_body());
    // All of it is there already, and nothing can fail.
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let deadline = Instant::now() + CLOSE_LIMIT;
    join_all(parts.backends.values().map(|backend| backend.close(deadline))).await;
    let written = tokio::task::spawn_blocking(move || journal.close(JOURNAL_LIMIT)).await;
    if !written.unwrap_or_default() {
        let message = "what was done is missing in part in the journal, which could not be written";
        return Ok(Err(Failure::new(message, Some("is the disk of `state.directory` full or read-only?"))));
    }
    Ok(Ok((code, body)))
}

/// Loads every plugin and waits until its backend is open or can't be. Which of them matter, the work will
/// say: one that is broken is no reason to keep the others from being asked.
async fn open(config: &Arc<Config>, parts: &Parts) {
    let loader = Arc::<Loader>::default();
    let opened = parts.backends.iter().map(|(name, backend)| {
        let (config, parts, loader) = (Arc::clone(config), parts.clone(), Arc::clone(&loader));
        async move {
            match generation::load(&config, name, &loader).await {
                Ok(prepared) => {
                    let refreshed = parts.clone();
                    backend.start(prepared.driver, move || refreshed.refresh());
                    // Why it is not open is said by whoever needs it.
                    let _not_open = backend.ready(Instant::now() + backend.times().call).await;
                }
                Err(error) => backend.fail(refused(name, error)),
            }
        }
    });
    join_all(opened).await;
    // One may have been open for a moment before its zones were spread.
    parts.refresh();
}

fn refused(name: &BackendName, error: LoadError) -> BackendError {
    let error = error.into_error();
    let hint = error.hint().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    tracing::debug!(backend = name.as_str(), %error, "plugin refused");
    BackendError::new(ErrorKind::Config, format!("{error}{hint}"))
}

fn of_store(error: &StoreError) -> Failure {
    Failure::new(format!("`state.directory`: {error}"), error.hint())
}
