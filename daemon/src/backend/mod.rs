//! A backend as the daemon sees it: opened behind the listener, listed by one shared task, written
//! by one call at a time.

mod batch;
mod distinct;
mod driver;
mod handover;
mod lifecycle;
mod list;
mod listing;
mod scope;
mod status;
mod writing;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zonemux_plugin::Capabilities;

pub use batch::{Batch, Selection};
pub use driver::{BackendError, BatchChange, Driver, DriverCall, DriverFuture, Failure, Instance, Opened};
pub use handover::Held;
pub use list::{List, ListSink, ListSource, list};
pub use scope::Scope;
pub use status::{BackendState, BackendStatus};
pub use writing::Applied;

use lifecycle::Life;
use listing::Flight;
use status::Health;

/// How long a backend's calls may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// A call that neither lists nor applies.
    pub call: Duration,
    /// A listing, for all who wait for it.
    pub list: Duration,
    /// An apply, also after its call was answered.
    pub apply: Duration,
}

/// A configured backend.
pub struct Backend {
    name: String,
    times: Times,
    configured_zones: Vec<String>,
    driver: OnceLock<Arc<dyn Driver>>,
    life: watch::Sender<Life>,
    /// What the backend said it can do when it was last opened; kept while it is down.
    known: ArcSwapOption<Known>,
    scope: ArcSwap<Scope>,
    health: Mutex<Health>,
    /// Writes one after the other, in the order in which they asked (tokio's mutex is fair).
    lane: Arc<tokio::sync::Mutex<()>>,
    /// Counts the begins and ends of writes: a list begun under another number may be outdated.
    epoch: AtomicU64,
    flight: Mutex<Option<Arc<Flight>>>,
    tasks: TaskTracker,
    closing: CancellationToken,
    /// Calls are refused while another is about to own what this one owns.
    held: AtomicBool,
}

/// What is known of a backend that was open once.
#[derive(Debug)]
struct Known {
    capabilities: Capabilities,
    adjusts: bool,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Backend {
    /// A backend that is not open yet; `zones` are canonical, and empty where it finds its own.
    pub fn new(name: impl Into<String>, zones: Vec<String>, times: Times) -> Arc<Self> {
        Self::with_lane(name.into(), zones, times, Arc::default())
    }

    /// The next backend of this name. It writes in the same lane: no apply of the one can run beside an
    /// apply of the other.
    pub fn successor(&self, zones: Vec<String>, times: Times) -> Arc<Self> {
        Self::with_lane(self.name.clone(), zones, times, Arc::clone(&self.lane))
    }

    fn with_lane(
        name: String,
        zones: Vec<String>,
        times: Times,
        lane: Arc<tokio::sync::Mutex<()>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            times,
            configured_zones: zones,
            driver: OnceLock::new(),
            life: watch::Sender::new(Life::Opening),
            known: ArcSwapOption::empty(),
            scope: ArcSwap::default(),
            health: Mutex::default(),
            lane,
            epoch: AtomicU64::new(0),
            flight: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            held: AtomicBool::new(false),
        })
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its zones: those of the configuration, else those that it found; `None` until it has.
    pub fn zones(&self) -> Option<Vec<String>> {
        if !self.configured_zones.is_empty() {
            return Some(self.configured_zones.clone());
        }
        self.known.load().as_ref().map(|known| known.capabilities.zones.clone())
    }

    /// Says which names are the backend's own; until then its list is empty of all. A listing that was
    /// begun under another scope is not joined any more.
    pub fn set_scope(&self, scope: Scope) {
        if **self.scope.load() != scope {
            self.scope.store(Arc::new(scope));
            self.outdate_lists();
        }
    }

    /// What a call is told.
    fn call(id: &str, time_left: Duration) -> DriverCall {
        DriverCall { id: id.to_owned(), time_left }
    }
}
