//! Mirrors: backends that are written to beside their primary, and never read from for a view.
//!
//! What a primary's apply has done is given to the `link` of each mirror, in the primary's order (`work`).
//! A task (`follow`) writes it there. After a start, a failure, or anything whose outcome is not known, it
//! compares instead: the primary's complete list with the mirror's (`round`, `desired`), and writes what
//! differs (`reconcile`). Only what zonemux wrote there, or what is not there, is ever touched (`written`).

mod desired;
mod follow;
mod link;
mod reconcile;
mod report;
mod round;
mod status;
#[cfg(test)]
mod tests;
mod work;
mod written;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

pub(super) use link::Link;
pub use status::{MirrorState, MirrorStatus};
pub(super) use work::{Promise, Work};

use super::SafeBackend;
use super::asked::{moment, seconds};
use super::call::SafeCall;
use super::outcome::Tally;
use crate::backend::Scope;
use crate::config::{self, BackendName};
use crate::store::{Store, StoreError, StoreKey, Table};
use link::NotThere;
use round::Pair;
use written::Written;

const BEHIND: &str = "mirror-behind";

/// What is remembered of a backend as a mirror: under its name, for as long as that is known.
#[derive(Debug)]
pub(super) struct Mirrored {
    name: String,
    written: Mutex<Written>,
    /// Since when it is behind, in seconds since 1970, by primary.
    behind: Mutex<Table<u64>>,
    /// By primary.
    links: Mutex<BTreeMap<String, Following>>,
}

#[derive(Debug)]
struct Following {
    link: Arc<Link>,
    /// Ends the task that follows.
    ended: CancellationToken,
}

impl Mirrored {
    /// Reads what is remembered. Blocks on the store.
    pub(super) fn open(store: &Arc<dyn Store>, name: &str) -> Result<Self, StoreError> {
        Ok(Self {
            name: name.to_owned(),
            written: Mutex::new(Written::open(store, name)?),
            behind: Mutex::new(Table::open(Arc::clone(store), StoreKey::new(name, BEHIND))?),
            links: Mutex::default(),
        })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        lock(&self.written)
    }

    /// The link from a primary.
    fn link(&self, primary: &str) -> Arc<Link> {
        let since = lock(&self.behind).get(primary).copied().map(moment);
        let mut links = lock(&self.links);
        let new =
            || Following { link: Link::new(primary, &self.name, since), ended: CancellationToken::new() };
        Arc::clone(&links.entry(primary.to_owned()).or_insert_with(new).link)
    }

    /// Ends the task that follows a primary, in favour of a new one.
    fn renew(&self, primary: &str) -> CancellationToken {
        let ended = CancellationToken::new();
        if let Some(following) = lock(&self.links).get_mut(primary) {
            std::mem::replace(&mut following.ended, ended.clone()).cancel();
        }
        ended
    }

    /// Ends what follows other primaries than these.
    fn leave(&self, primaries: &[&str]) {
        lock(&self.links).retain(|primary, following| {
            let stays = primaries.contains(&primary.as_str());
            if !stays {
                following.ended.cancel();
                following.link.retire();
            }
            stays
        });
    }

    /// Stores since when it is behind a primary; `None`: it is not. Blocks where that is new.
    fn remember_since(&self, primary: &str, since: Option<SystemTime>) -> Result<(), StoreError> {
        let mut behind = lock(&self.behind);
        let since = since.map(seconds);
        if behind.get(primary).copied() == since {
            return Ok(());
        }
        behind.commit([(primary.to_owned(), since)])
    }
}

/// The mirrors of one generation.
#[derive(Debug, Clone, Default)]
pub struct Mirrors {
    pairs: Vec<Arc<Connection>>,
    backends: Vec<Arc<SafeBackend>>,
}

#[derive(Debug)]
struct Connection {
    primary: Arc<SafeBackend>,
    mirror: Arc<SafeBackend>,
    link: Arc<Link>,
    /// Zones of the primary, and those that the mirror takes from others.
    zones: [Vec<String>; 2],
}

impl Mirrors {
    /// Tells each backend of a generation what its mirrors are. Nothing is written before
    /// [`follow`](Self::follow).
    pub fn connect(
        config: &BTreeMap<BackendName, config::Backend>,
        safe: &BTreeMap<BackendName, Arc<SafeBackend>>,
    ) -> Self {
        let mut pairs = Vec::new();
        for (name, settings) in config {
            let Some(primary) = safe.get(name) else { continue };
            let mirrors = settings.mirrors.iter().filter_map(|mirror| Some((mirror, safe.get(mirror)?)));
            let connected: Vec<_> = mirrors
                .map(|(mirror_name, mirror)| {
                    let link = mirror.state.mirrored.link(name.as_str());
                    let others = config
                        .iter()
                        .filter(|(other, backend)| *other != name && backend.mirrors.contains(mirror_name));
                    let others = others.flat_map(|(_, backend)| zones(backend)).collect();
                    let (primary, mirror) = (Arc::clone(primary), Arc::clone(mirror));
                    Arc::new(Connection { primary, mirror, link, zones: [zones(settings).collect(), others] })
                })
                .collect();
            let links = connected.iter().map(|connection| Arc::clone(&connection.link)).collect();
            // Made for this generation just now, so that nobody has told it yet.
            let _told = primary.mirrors.set(links);
            pairs.extend(connected);
        }
        Self { pairs, backends: safe.values().cloned().collect() }
    }

    /// Begins to keep the mirrors equal, in the place of the generation before, whose tasks end. To be
    /// called when this generation serves, inside a tokio runtime.
    pub fn follow(&self) {
        for backend in &self.backends {
            let pairs = self.pairs.iter().filter(|pair| Arc::ptr_eq(&pair.mirror, backend));
            let primaries: Vec<&str> = pairs.map(|pair| pair.primary.name()).collect();
            backend.state.mirrored.leave(&primaries);
        }
        for connection in &self.pairs {
            let Connection { primary, mirror, link, zones: [own, others] } = &**connection;
            let scope = Scope::new(own.iter().map(String::as_str), others.iter().map(String::as_str));
            let pair = Pair {
                primary: Arc::clone(primary),
                mirror: Arc::clone(mirror),
                link: Arc::clone(link),
                scope,
                ended: mirror.state.mirrored.renew(primary.name()),
            };
            Arc::new(pair).start();
        }
    }
}

fn zones(backend: &config::Backend) -> impl Iterator<Item = String> {
    backend.zones.iter().map(|zone| zone.as_str().to_owned())
}

impl SafeBackend {
    fn links(&self) -> &[Arc<Link>] {
        self.mirrors.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// How its mirrors stand.
    pub fn mirror_status(&self) -> Vec<MirrorStatus> {
        self.links().iter().map(|link| link.status()).collect()
    }

    /// What its mirrors are owed by a write that is about to begin.
    pub(super) fn promise_mirrors(&self) -> Vec<Promise> {
        self.links().iter().map(Link::promise).collect()
    }

    /// Waits until every mirror has what a call has written, if it must; what was applied counts as
    /// failed for each that has not.
    pub(super) async fn wait_for_mirrors(&self, call: &SafeCall, tally: &mut Tally) {
        let there = tally.applied + tally.unchanged;
        if !self.policy.mirror_required || there == 0 {
            return;
        }
        for link in self.links() {
            let Err(why) = link.wait(link.asked(), call.deadline).await else { continue };
            tracing::warn!(
                backend = self.name(),
                mirror = link.mirror,
                view = call.view,
                request_id = call.request_id,
                in_time = why != NotThere::Late,
                "the backend has what was asked for, but its mirror, which is required, has not"
            );
            tally.failed += there;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
