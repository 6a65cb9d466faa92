//! Handing over what only one instance can own, such as a lock or a port.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::{Backend, Turn};

/// A backend of which nothing is asked any more, and whose applies have ended; as before once this is
/// dropped, unless it was [closed](Backend::close) meanwhile. Until then nobody writes under its name.
#[derive(Debug)]
pub struct Held {
    _refusing: Refusing,
    _turn: Turn,
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
        let turn = self.writes.turn(deadline).await?;
        Some(Held { _refusing: refusing, _turn: turn })
    }
}
