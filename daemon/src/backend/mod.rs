//! A backend as the daemon sees it: opened behind the listener, listed by one shared task, written
//! by one call at a time.

mod batch;
mod counted;
mod driver;
mod encrypted;
mod handover;
mod index;
mod lifecycle;
mod list;
mod listing;
mod scope;
mod status;
mod writes;
mod writing;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zonemux_plugin::Capabilities;

pub use batch::{Batch, Part, Selection};
pub use driver::{BackendError, Driver, DriverCall, DriverFuture, Failure, Instance, Lease, Opened};
pub use handover::Held;
pub use lifecycle::Adjusting;
pub use list::{List, ListSink, ListSource, list};
pub use listing::ListResult;
pub use scope::Scope;
pub use status::{BackendState, BackendStatus, ProcessStatus};
pub use writes::{Turn, Writes};

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

/// Takes a complete list.
type ListedHook = Arc<dyn Fn(&Arc<List>) + Send + Sync>;

/// A configured backend.
pub struct Backend {
    name: String,
    times: Times,
    configured_zones: Vec<String>,
    driver: OnceLock<Arc<dyn Driver>>,
    life: watch::Sender<Life>,
    /// What the backend said it can do when it was last opened; kept while it is down.
    known: ArcSwapOption<Known>,
    /// What it said in an earlier process, until it is open.
    remembered: Option<Capabilities>,
    scope: ArcSwap<Scope>,
    health: Mutex<Health>,
    writes: Arc<Writes>,
    flight: Mutex<Option<Arc<Flight>>>,
    /// Who is told of every complete list, whoever asked for it.
    listed: Mutex<Option<ListedHook>>,
    tasks: TaskTracker,
    closing: CancellationToken,
    /// Calls are refused while another is about to own what this one owns.
    held: AtomicBool,
    /// Another instance has taken its place under its name.
    superseded: AtomicBool,
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
    /// `remembered` is what it said that it can do when it was last open.
    pub fn new(
        name: impl Into<String>,
        zones: Vec<String>,
        times: Times,
        writes: Arc<Writes>,
        remembered: Option<Capabilities>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            times,
            configured_zones: zones,
            driver: OnceLock::new(),
            life: watch::Sender::new(Life::Opening),
            known: ArcSwapOption::empty(),
            remembered,
            scope: ArcSwap::default(),
            health: Mutex::default(),
            writes,
            flight: Mutex::default(),
            listed: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            held: AtomicBool::new(false),
            superseded: AtomicBool::new(false),
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

    /// Says who is told of every complete list from now on, whoever asked for it.
    pub fn on_list(&self, listed: impl Fn(&Arc<List>) + Send + Sync + 'static) {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listed));
    }

    fn tell_listed(&self, list: &Arc<List>) {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(listed) = listed {
            listed(list);
        }
    }

    /// How long its calls may take.
    pub fn times(&self) -> Times {
        self.times
    }

    /// What it can do, as it said when it was last open; `None` before it was.
    pub fn capabilities(&self) -> Option<Capabilities> {
        self.known.load().as_ref().map(|known| known.capabilities.clone())
    }

    /// Runs a task that [`close`](Self::close) waits for.
    pub fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.tasks.spawn(task)
    }

    /// Whether the backend is being closed, and nothing new is to be begun.
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Waits until [`is_closing`](Self::is_closing).
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Says which names are the backend's own; until then its list is empty of all. Lists that were begun
    /// under another scope don't count any more.
    pub fn set_scope(&self, scope: Scope) {
        if **self.scope.load() != scope {
            self.scope.store(Arc::new(scope));
            self.outdate_lists();
        }
    }

    /// Another instance takes its place under its name: what it lists from now on is for calls that it
    /// still answers, and for nobody else.
    pub fn supersede(&self) {
        // In this order: who sees the new number also sees the mark.
        self.superseded.store(true, Ordering::SeqCst);
        self.outdate_lists();
    }

    /// Whether another instance has taken its place.
    pub fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::SeqCst)
    }

    /// Whatever was listed before may not be what is to be listed now.
    fn outdate_lists(&self) {
        self.writes.outdate();
        self.forget_list();
    }

    /// Says that all names in its zones are its own: it has no neighbours.
    pub fn own_all_zones(&self) {
        let zones = self.zones().unwrap_or_default();
        self.set_scope(Scope::new(zones.iter().map(String::as_str), []));
    }

    /// Which names are its own.
    pub fn scope(&self) -> Arc<Scope> {
        self.scope.load_full()
    }

    /// What a call is told.
    fn call(id: &str, time_left: Duration) -> DriverCall {
        DriverCall { id: id.to_owned(), time_left }
    }
}
