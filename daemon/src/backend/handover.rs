//! Handing over what only one instance can own, such as a lock or a port.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout_at};

use super::Backend;

/// A backend of which nothing is asked any more, and whose applies have ended; as before once this is
/// dropped, unless it was [closed](Backend::close) meanwhile. Until then its name's lane is taken, also
/// for a [successor](Backend::successor).
#[derive(Debug)]
pub struct Held {
    _refusing: Refusing,
    _lane: OwnedMutexGuard<()>,
}

#[derive(Debug)]
struct Refusing(Arc<Backend>);

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.held.store(false, Ordering::Release);
    }
}

impl Backend {
    /// Refuses calls from now on, and waits for the applies that were there before. `None`, and all is as
    /// before, where one of them is still running at `deadline`.
    pub async fn hold(self: &Arc<Self>, deadline: Instant) -> Option<Held> {
        self.held.store(true, Ordering::Release);
        let refusing = Refusing(Arc::clone(self));
        // Fair: whoever has waited for a turn gets it before us.
        let lane = timeout_at(deadline, Arc::clone(&self.lane).lock_owned()).await.ok()?;
        Some(Held { _refusing: refusing, _lane: lane })
    }
}
