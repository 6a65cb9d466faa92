//! The last complete list of a backend: in memory, to decide changes on, and as a snapshot in the store,
//! to be served when the backend fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::snapshot::{Mark, Snapshot, Taken, is_same};
use crate::backend::{List, Scope};
use crate::store::Store;
use crate::wire;

/// How long a list says what is there, if nothing was written through us since: others may write too.
/// ExternalDNS applies what it planned within seconds, a large cluster within a minute.
const FRESH: Duration = Duration::from_secs(120);

/// The last complete list of one backend.
#[derive(Debug)]
pub(super) struct Kept {
    store: Arc<dyn Store>,
    backend: String,
    /// Whether an earlier process may have shown a list.
    of_before: bool,
    latest: Mutex<Option<Latest>>,
    /// Held while a snapshot is written: one at a time, and the last one last.
    saved: Mutex<Option<Saved>>,
}

#[derive(Debug, Clone)]
struct Latest {
    list: Arc<List>,
    taken: Taken,
    /// What it was made for.
    scope: Arc<Scope>,
}

/// What is in the store.
#[derive(Debug)]
struct Saved {
    list: Arc<List>,
    zones: Vec<String>,
    mark: Mark,
}

impl Kept {
    /// Blocks on the store.
    pub(super) fn open(store: Arc<dyn Store>, backend: &str) -> Self {
        let of_before = Snapshot::may_be_there(&*store, backend);
        let backend = backend.to_owned();
        Self { store, backend, of_before, latest: Mutex::default(), saved: Mutex::default() }
    }

    /// Whether an earlier process may have shown a list, on which changes that come now were planned.
    pub(super) fn has_list_of_before(&self) -> bool {
        self.of_before
    }

    /// Takes a list that was just made. [`save`](Self::save) is to follow, where blocking is allowed.
    pub(super) fn keep(&self, list: &Arc<List>, scope: Arc<Scope>) {
        let taken = Taken::now(SystemTime::now(), Instant::now());
        let mut latest = lock(&self.latest);
        // One that was begun earlier may end later.
        if latest.as_ref().is_none_or(|latest| latest.list.begun() <= list.begun()) {
            *latest = Some(Latest { list: Arc::clone(list), taken, scope });
        }
    }

    /// The last list, if it says what is there: begun after the last write, and not long ago.
    pub(super) fn fresh(&self, epoch: u64) -> Option<Arc<List>> {
        let latest = lock(&self.latest).clone()?;
        let begun = latest.list.begun()?;
        (epoch.is_multiple_of(2) && latest.list.epoch() == epoch && begun.elapsed() < FRESH)
            .then_some(latest.list)
    }

    /// How old the last list is; `None` where there is none, or its age is not known.
    pub(super) fn age(&self) -> Option<Duration> {
        lock(&self.latest).as_ref()?.taken.age(SystemTime::now(), Instant::now())
    }

    /// How many records the last list has.
    pub(super) fn records(&self) -> Option<u64> {
        Some(lock(&self.latest).as_ref()?.list.json.count as u64)
    }

    /// Writes the last list as a snapshot, or notes that it is still the same. Blocks.
    pub(super) fn save(&self, scope: &Scope) {
        let mut saved = lock(&self.saved);
        let Some(Latest { list, taken, .. }) = lock(&self.latest).clone() else { return };
        let same = saved.as_ref().filter(|saved| {
            saved.zones == scope.zones()
                && (Arc::ptr_eq(&saved.list, &list) || is_same(&saved.list.json, &list.json))
        });
        let result = match same {
            Some(same) => {
                Snapshot::confirm(&*self.store, &self.backend, same.mark, taken.at()).map(|()| same.mark)
            }
            None => Snapshot::save(&*self.store, &self.backend, scope.zones(), &list.json, taken.at()),
        };
        match result {
            Ok(mark) => *saved = Some(Saved { list, zones: scope.zones().to_vec(), mark }),
            Err(error) => tracing::error!(
                backend = self.backend, %error, hint = error.hint(),
                "the list can't be kept: after a restart there is nothing to serve while the backend fails"
            ),
        }
    }

    /// The last list if it is not older than `max`, and how old it is: from memory, else from the store.
    /// Blocks.
    pub(super) fn stale(&self, scope: &Arc<Scope>, max: Duration) -> Option<(Arc<List>, Duration)> {
        self.load(scope);
        let latest = lock(&self.latest).clone()?;
        if latest.scope != *scope {
            // A reload gave some of its names to a neighbour, or took them from one.
            tracing::info!(
                backend = self.backend,
                "the last complete list is of other zones, and not served"
            );
            return None;
        }
        let age = latest.taken.age(SystemTime::now(), Instant::now());
        if let Some(age) = age.filter(|age| *age <= max) {
            Some((latest.list, age))
        } else {
            tracing::warn!(
                backend = self.backend, ?age, max_stale = ?max,
                "the last complete list is too old to be served"
            );
            None
        }
    }

    /// Whether there is a list that could be served in place of a backend that fails.
    pub(super) fn can_serve(&self, max: Duration) -> bool {
        self.age().is_some_and(|age| age <= max)
    }

    /// Reads the snapshot of an earlier process, where there is no list yet. Blocks.
    pub(super) fn load(&self, scope: &Arc<Scope>) {
        if scope.zones().is_empty() || lock(&self.latest).is_some() {
            return;
        }
        let snapshot = match Snapshot::load(&*self.store, &self.backend, scope.zones()) {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(
                    backend = self.backend, %error, hint = error.hint(), "the snapshot is refused"
                );
                return;
            }
        };
        let endpoints = match wire::endpoints(&snapshot.list.to_json()) {
            Ok(endpoints) if endpoints.len() == snapshot.list.count => endpoints,
            Ok(_) | Err(_) => {
                tracing::error!(
                    backend = self.backend,
                    "the snapshot is refused: it is no list of endpoints"
                );
                return;
            }
        };
        let list = Arc::new(List::of(scope, endpoints.iter()));
        let taken = Taken::before(snapshot.taken_at, SystemTime::now(), Instant::now());
        *lock(&self.saved) =
            Some(Saved { list: Arc::clone(&list), zones: scope.zones().to_vec(), mark: snapshot.mark });
        let mut latest = lock(&self.latest);
        if latest.is_none() {
            *latest = Some(Latest { list, taken, scope: Arc::clone(scope) });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
