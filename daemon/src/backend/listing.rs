//! One shared listing for all who ask: it outlives its callers, and a client that hangs up ends only
//! its own wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use zonemux_plugin::ErrorKind;

use super::Backend;
use super::driver::{BackendError, Instance};
use super::list::{List, list};

/// What a listing comes to, shared by all who waited for it.
pub type ListResult = Result<Arc<List>, BackendError>;

/// A listing that runs, or that has ended without anyone having been there to take it.
#[derive(Debug)]
pub(super) struct Flight {
    /// The number of writes when it began.
    epoch: u64,
    result: watch::Receiver<Option<ListResult>>,
    taken: AtomicBool,
    ended: Mutex<Option<Instant>>,
}

impl Backend {
    /// The complete list of the backend's records. Joins a listing that runs, unless a write began
    /// or ended since it did.
    ///
    /// A list that took longer than its callers waited is kept for the next one, so that a zone that
    /// takes 40 s to list is served from the second loop on.
    ///
    /// # Errors
    ///
    /// When the backend can't be listed, or not before `deadline`. Dropping the future ends nothing but
    /// this wait. `admit` is asked only where there is nothing to join: it may refuse to begin a listing,
    /// or gives what is told how that went.
    pub async fn list<T: FnOnce(&ListResult) + Send + 'static>(
        self: &Arc<Self>,
        id: &str,
        deadline: Instant,
        admit: impl FnOnce() -> Result<T, BackendError>,
    ) -> ListResult {
        let instance = self.instance(deadline).await?;
        let flight = self.join_or_start(|| Ok(self.listing(id, &instance, admit()?)))?;
        let came_late = flight.has_ended();
        let mut result = flight.result.clone();
        let Ok(ended) = timeout_at(deadline, result.wait_for(Option::is_some)).await else {
            return Err(BackendError::new(
                ErrorKind::Retryable,
                "the listing takes longer than the call may",
            ));
        };
        let ended = ended.ok().and_then(|ended| ended.clone());
        flight.taken.store(true, Ordering::Relaxed);
        self.forget(&flight);
        if came_late {
            // A list that nobody could wait for: the next caller won't be able to either.
            self.join_or_start(|| Ok(self.listing(id, &instance, |_| {})))?;
        }
        // The sender is dropped without a word only when the task panicked.
        ended.unwrap_or_else(|| Err(BackendError::new(ErrorKind::Internal, "the listing broke off")))
    }

    /// What starts a listing of its own.
    fn listing(
        self: &Arc<Self>,
        id: &str,
        instance: &Arc<dyn Instance>,
        told: impl FnOnce(&ListResult) + Send + 'static,
    ) -> impl FnOnce(&Arc<Flight>, watch::Sender<Option<ListResult>>) {
        let instance = Arc::clone(instance);
        move |flight, result| {
            let (backend, flight) = (Arc::clone(self), Arc::clone(flight));
            let limit = self.times.list;
            let call = Self::call(id, limit);
            let (sink, source) = list(Some(self.scope.load_full()));
            self.tasks.spawn(async move {
                let started = Instant::now();
                tracing::debug!(backend = backend.name, request_id = call.id, "listing begun");
                let listing = timeout(limit, instance.records(call, sink));
                // A list can be asked for again: nothing is lost when a shutdown does not wait for it.
                let ended = match backend.closing.run_until_cancelled(listing).await {
                    Some(Ok(ended)) => ended.and_then(|()| source.take(flight.epoch, started).map(Arc::new)),
                    Some(Err(_)) => Err(BackendError::timed_out("listing", limit)),
                    None => Err(BackendError::new(ErrorKind::Cancelled, "the backend is being closed")),
                };
                told(&ended);
                if let Ok(list) = &ended {
                    backend.tell_listed(list);
                }
                backend.land(&flight, &result, started, ended);
            });
        }
    }

    fn join_or_start<S: FnOnce(&Arc<Flight>, watch::Sender<Option<ListResult>>)>(
        &self,
        start: impl FnOnce() -> Result<S, BackendError>,
    ) -> Result<Arc<Flight>, BackendError> {
        let mut slot = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = self.writes.epoch();
        if let Some(flight) = slot.as_ref().filter(|flight| flight.may_be_joined(epoch, self.times.list)) {
            return Ok(Arc::clone(flight));
        }
        let start = start()?;
        let (sender, result) = watch::channel(None);
        let flight =
            Arc::new(Flight { epoch, result, taken: AtomicBool::new(false), ended: Mutex::default() });
        start(&flight, sender);
        *slot = Some(Arc::clone(&flight));
        Ok(flight)
    }

    fn land(
        &self,
        flight: &Arc<Flight>,
        result: &watch::Sender<Option<ListResult>>,
        started: Instant,
        ended: ListResult,
    ) {
        self.note_call("records", started, &ended);
        match &ended {
            Ok(list) => self.note_list(list),
            Err(error) => tracing::warn!(
                backend = self.name, kind = error.kind.as_str(), error = %error, took = ?started.elapsed(),
                "backend can't be listed"
            ),
        }
        let failed = ended.is_err();
        *flight.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        result.send_replace(Some(ended));
        if failed {
            // Those who wait have it; the next one asks the backend again.
            self.forget(flight);
        }
    }

    /// Lets go of a flight, so that nobody joins it any more.
    fn forget(&self, flight: &Arc<Flight>) {
        let mut slot = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, flight)) {
            *slot = None;
        }
    }

    /// Whatever list is under way or kept is of the time before a write.
    pub(super) fn forget_list(&self) {
        *self.flight.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Flight {
    fn has_ended(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn may_be_joined(&self, epoch: u64, keep: std::time::Duration) -> bool {
        let ended = *self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = match ended {
            None => true,
            Some(ended) => !self.taken.load(Ordering::Relaxed) && ended.elapsed() < keep,
        };
        self.epoch == epoch && fresh
    }
}
