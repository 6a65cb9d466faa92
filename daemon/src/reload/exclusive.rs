//! Backends of which only one instance can be open at a time: the old one is closed before the new one
//! is opened, and opened again where that fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::open::{Backends, open_all};
use crate::assemble::States;
use crate::backend::{Backend, BackendError, Driver, Held};
use crate::config::{BackendName, Config, Finding, KeyPath};
use crate::generation::{Current, Generation};

/// What was switched.
#[derive(Debug)]
pub(super) struct Switched {
    /// The new backends.
    pub(super) backends: Backends,
    /// Keeps the new ones from writing; to be dropped once they serve.
    pub(super) held: Vec<Held>,
}

/// Why nothing was switched.
#[derive(Debug)]
pub(super) struct NotSwitched {
    pub(super) faults: Vec<Finding>,
    /// Backends with the old settings, in the place of those that were closed for nothing.
    pub(super) reopened: Backends,
}

/// Closes the outgoing backends and opens the incoming ones; calls to them are answered 503 meanwhile.
///
/// `states` are those of the generation before and of the next one.
///
/// An outgoing backend that is still applying after `shutdown.grace` is not cut off: then nothing is
/// switched. Nor is it where one that was open can't be opened with its new settings.
pub(super) async fn switch(
    current: &Current,
    before: &Generation,
    config: &Config,
    states: (&States, &States),
    outgoing: Backends,
    incoming: BTreeMap<BackendName, Arc<dyn Driver>>,
) -> Result<Switched, NotSwitched> {
    let grace = Duration::from(before.config.shutdown.grace);
    let held = match hold_all(&outgoing, grace).await {
        Ok(held) => held,
        Err(faults) => return Err(NotSwitched { faults, reopened: Backends::new() }),
    };
    let was_open: Vec<&BackendName> =
        outgoing.iter().filter(|(_, backend)| backend.is_open()).map(|(name, _)| name).collect();
    close_all(outgoing.values()).await;
    let (backends, failed) = open_all(current, config, states.1, incoming).await;
    let faults: Vec<Finding> = failed
        .iter()
        .filter(|(name, _)| was_open.contains(name))
        .map(|(name, error)| cannot_open(name, error))
        .collect();
    if faults.is_empty() {
        return Ok(Switched { backends, held });
    }
    close_all(backends.values()).await;
    let drivers = outgoing.iter().filter_map(|(name, backend)| Some((name.clone(), backend.driver()?)));
    let (reopened, still_failed) = open_all(current, &before.config, states.0, drivers).await;
    for (name, error) in still_failed {
        tracing::error!(backend = name.as_str(), %error, "the backend can't be opened with its old settings either");
    }
    Err(NotSwitched { faults, reopened })
}

/// Holds every backend, or none of them.
async fn hold_all(backends: &Backends, grace: Duration) -> Result<Vec<Held>, Vec<Finding>> {
    let deadline = Instant::now() + grace;
    let held = join_all(backends.values().map(|backend| backend.hold(deadline))).await;
    let busy: Vec<Finding> = backends
        .keys()
        .zip(&held)
        .filter(|(_, held)| held.is_none())
        .map(|(name, _)| {
            let message = format!("a batch is still being applied after {grace:?}, so it was not reopened");
            let hint = "run `zonemux reload` again when that has ended";
            Finding::at(&KeyPath::of(&["backends", name.as_str()]), message).hint(hint)
        })
        .collect();
    if busy.is_empty() { Ok(held.into_iter().flatten().collect()) } else { Err(busy) }
}

/// Their applies have ended; what still runs are listings, whose callers are told.
async fn close_all(backends: impl Iterator<Item = &Arc<Backend>>) {
    let deadline = Instant::now() + Duration::from_secs(1);
    join_all(backends.map(|backend| backend.close(deadline))).await;
}

fn cannot_open(name: &BackendName, error: &BackendError) -> Finding {
    let message = format!("can't be opened with its new settings: {error}");
    Finding::at(&KeyPath::of(&["backends", name.as_str()]), message)
        .hint("the old settings are in force again")
}
