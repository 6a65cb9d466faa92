//! Opening, in the background and again after failures, and closing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use zonemux_plugin::{Capabilities, ErrorKind};

use super::driver::{BackendError, Driver, Instance, Opened};
use super::list::ListSink;
use super::{Backend, Known, Selection};
use crate::telemetry::metrics;

/// The first wait after a failed open; doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A backend that was open for so long is opened anew without delay should it be lost.
const STEADY: Duration = Duration::from_secs(60);

/// Where a backend stands between configured and closed.
#[derive(Clone)]
pub(super) enum Life {
    /// Being opened for the first time.
    Opening,
    /// Open.
    Open(Arc<dyn Instance>),
    /// Could not be opened; is tried again.
    Failed(BackendError),
    /// Closed for good.
    Closed,
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opening => "Opening",
            Self::Open(_) => "Open",
            Self::Failed(_) => "Failed",
            Self::Closed => "Closed",
        })
    }
}

/// What adjusting endpoints for a backend stands on.
#[derive(Debug, Clone)]
pub struct Adjusting {
    /// Whether its plugin changes endpoints.
    pub by_plugin: bool,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl Backend {
    /// Gives the backend its driver and begins to open it. `opened` is called
    /// when something new is known of it.
    pub fn start(self: &Arc<Self>, driver: Arc<dyn Driver>, opened: impl Fn() + Send + Sync + 'static) {
        if self.driver.set(driver).is_err() {
            return;
        }
        if let (Some(capabilities), Some(driver)) = (self.remembered.clone(), self.driver.get()) {
            let adjusts = driver.adjusts(&capabilities);
            self.known.store(Some(Arc::new(Known { capabilities, adjusts })));
            opened();
        }
        let backend = Arc::clone(self);
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = backend.keep_opening(&opened) => {}
            }
        });
    }

    /// What opens it; none where its plugin was never loaded.
    pub fn driver(&self) -> Option<Arc<dyn Driver>> {
        self.driver.get().cloned()
    }

    /// Whether it is open now.
    pub fn is_open(&self) -> bool {
        matches!(&*self.life.borrow(), Life::Open(_))
    }

    /// Waits until it is open, or could not be opened for the first time, or until `deadline`.
    pub async fn opened(&self, deadline: Instant) -> Result<(), BackendError> {
        self.instance(deadline).await.map(drop)
    }

    /// Says that the backend's plugin can't be used, and will not be.
    pub fn fail(&self, error: BackendError) {
        self.note_failure(&error);
        self.life.send_replace(Life::Failed(error));
    }

    async fn keep_opening(&self, opened: &(dyn Fn() + Send + Sync)) {
        let mut wait = FIRST_WAIT;
        loop {
            let started = Instant::now();
            let error = match self.open_once(opened).await {
                Ok(instance) => {
                    tracing::info!(backend = self.name, took = ?started.elapsed(), "backend open");
                    let since = Instant::now();
                    let error = instance.lost().await;
                    if since.elapsed() >= STEADY {
                        wait = FIRST_WAIT;
                    }
                    error
                }
                Err(error) => error,
            };
            // Jitter, so that many daemons don't ask one server in step.
            let pause = error.retry_after().unwrap_or(wait);
            let pause = pause.mul_f64(0.75 + fastrand::f64() / 2.0);
            tracing::warn!(backend = self.name, error = %error, retry_in = ?pause, "backend can't be opened");
            self.note_failure(&error);
            self.life.send_replace(Life::Failed(error));
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn open_once(&self, opened: &(dyn Fn() + Send + Sync)) -> Result<Arc<dyn Instance>, BackendError> {
        let Some(driver) = self.driver.get() else {
            return Err(BackendError::new(ErrorKind::Internal, "the backend has no driver yet"));
        };
        let limit = self.times.call;
        let started = Instant::now();
        let result = match timeout(limit, driver.open(Self::call("open", limit))).await {
            Ok(result) => result,
            Err(_) => Err(BackendError::timed_out("opening", limit)),
        };
        self.note_call("open", started, &result);
        let Opened { instance, capabilities } = result?;
        let adjusts = driver.adjusts(&capabilities);
        self.known.store(Some(Arc::new(Known { capabilities, adjusts })));
        // First its zones are routed and scoped: a list made before that would lack their names.
        opened();
        self.life.send_replace(Life::Open(Arc::clone(&instance)));
        Ok(instance)
    }

    /// The open backend. While it is being opened for the first time this waits until `deadline`.
    pub(super) async fn instance(&self, deadline: Instant) -> Result<Arc<dyn Instance>, BackendError> {
        if self.held.load(Ordering::Acquire) {
            let message = "the backend is being opened anew by a reload";
            return Err(BackendError::new(ErrorKind::Retryable, message));
        }
        let mut life = self.life.subscribe();
        let settled = timeout_at(deadline, life.wait_for(|life| !matches!(life, Life::Opening))).await;
        let settled = settled.ok().and_then(|life| life.ok().map(|life| Life::clone(&life)));
        match settled.unwrap_or(Life::Opening) {
            Life::Open(instance) => Ok(instance),
            Life::Failed(error) => Err(error),
            Life::Closed => Err(BackendError::new(ErrorKind::Cancelled, "the backend is closed")),
            Life::Opening => {
                Err(BackendError::new(ErrorKind::Retryable, "the backend is still being opened"))
            }
        }
    }

    /// Waits until the backend is open; while it is being opened for the first time until `deadline`.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn ready(&self, deadline: Instant) -> Result<(), BackendError> {
        self.instance(deadline).await.map(drop)
    }

    /// What [`adjust`](Self::adjust) stands on. Waits until `deadline` for a backend that was never
    /// open, since its capabilities are not known before.
    pub async fn adjusting(&self, deadline: Instant) -> Result<Adjusting, BackendError> {
        let known = self.known(deadline).await?;
        Ok(Adjusting { by_plugin: known.adjusts, capabilities: known.capabilities.clone() })
    }

    /// Brings endpoints into the form in which they will be listed. The backend may be down.
    pub async fn adjust(
        &self,
        id: &str,
        deadline: Instant,
        endpoints: Selection,
        sink: ListSink,
    ) -> Result<(), BackendError> {
        let known = self.known(deadline).await?;
        let Some(driver) = self.driver.get() else {
            return Err(BackendError::new(ErrorKind::Internal, "the backend has no driver yet"));
        };
        let left = deadline.saturating_duration_since(Instant::now()).min(self.times.call);
        let started = Instant::now();
        let result =
            match timeout(left, driver.adjust(Self::call(id, left), &known.capabilities, endpoints, sink))
                .await
            {
                Ok(result) => result,
                Err(_) => Err(BackendError::timed_out("adjusting endpoints", left)),
            };
        metrics::backend_call(&self.name, "adjust", super::status::outcome(&result), started.elapsed());
        result
    }

    async fn known(&self, deadline: Instant) -> Result<Arc<Known>, BackendError> {
        if let Some(known) = self.known.load_full() {
            return Ok(known);
        }
        self.instance(deadline).await?;
        self.known.load_full().ok_or_else(|| {
            BackendError::new(ErrorKind::Retryable, "the backend's capabilities are not known yet")
        })
    }

    /// Asks the backend whether it works; gives what its plugin said of it.
    pub async fn check(&self, deadline: Instant) -> Result<Vec<String>, BackendError> {
        let instance = self.instance(deadline).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        // Counted, so that whoever closes the backend waits for it.
        let checking = self.tasks.track_future(timeout(left, instance.check(Self::call("check", left))));
        match checking.await {
            Ok(result) => result,
            Err(_) => Err(BackendError::timed_out("the check", left)),
        }
    }

    /// Ends listings, whose callers are told so, and attempts to open: nothing is lost with them.
    pub fn stop_listing(&self) {
        self.closing.cancel();
    }

    /// Waits for running applies until `deadline`, then closes. Says whether all applies had ended.
    pub async fn close(&self, deadline: Instant) -> bool {
        self.stop_listing();
        self.tasks.close();
        let idle = timeout_at(deadline, self.tasks.wait()).await.is_ok();
        if !idle {
            tracing::warn!(backend = self.name, "a call is still running at the end of the grace period");
        }
        if let Life::Open(instance) = self.life.send_replace(Life::Closed) {
            let limit = self.times.call.min(CLOSE_LIMIT);
            match timeout(limit, instance.close(Self::call("close", limit))).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(backend = self.name, error = %error, "backend can't be closed");
                }
                Err(_) => {
                    tracing::warn!(backend = self.name, limit = ?limit, "backend takes too long to close");
                }
            }
            // What it owns is free once its process is gone, and the next one may need it.
            let has_process = self.driver.get().is_some_and(|driver| driver.process().is_some());
            if has_process && timeout(limit, instance.lost()).await.is_err() {
                tracing::warn!(backend = self.name, limit = ?limit, "the plugin's process takes too long to end");
            }
            // Its destructor is the plugin's code too: on a thread of its own, it can't keep ours.
            if timeout(limit, tokio::task::spawn_blocking(move || drop(instance))).await.is_err() {
                tracing::warn!(backend = self.name, limit = ?limit, "backend takes too long to be dropped");
            }
        }
        idle
    }
}

/// Closing comes after the grace period; the service manager won't wait for ever.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
