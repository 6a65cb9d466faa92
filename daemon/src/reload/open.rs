//! Opens what a generation has anew, while the one before it serves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::assemble::{self, States};
use crate::backend::{Backend, BackendError, Driver};
use crate::config::{BackendName, Config};
use crate::generation::Current;

/// The longest time for which a reload waits for a backend, whatever its own `timeout` is.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Backends by name.
pub(super) type Backends = BTreeMap<BackendName, Arc<Backend>>;

/// Begins to open backends, and waits until each is open or
/// has failed for the first time; those that failed are tried again in the background.
///
/// A call of the new generation would otherwise wait for them. That one can't be opened is no fault of
/// the configuration: its server may be down, and a reload must be possible then too.
pub(super) async fn open_all(
    current: &Current,
    config: &Config,
    states: &States,
    drivers: impl IntoIterator<Item = (BackendName, Arc<dyn Driver>)>,
) -> (Backends, BTreeMap<BackendName, BackendError>) {
    let opening = drivers.into_iter().map(|(name, driver)| {
        let configured = &config.backends[&name];
        let backend = assemble::backend(&name, configured, &states[&name]);
        let refreshed = current.clone();
        backend.start(driver, move || refreshed.refresh());
        let deadline = Instant::now() + Duration::from(configured.timeout).min(OPEN_LIMIT);
        async move {
            let opened = backend.opened(deadline).await;
            (name, backend, opened)
        }
    });
    let (mut backends, mut failed) = (Backends::new(), BTreeMap::new());
    for (name, backend, opened) in join_all(opening).await {
        if let Err(error) = opened {
            failed.insert(name.clone(), error);
        }
        backends.insert(name, backend);
    }
    (backends, failed)
}
