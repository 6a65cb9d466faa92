//! What belongs to a backend's name, and outlives a reload: its write lane, its breaker, what is held, set
//! aside and not confirmed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::breaker::Breaker;
use super::guard::Held;
use super::intention::Mark;
use super::kept::Kept;
use super::mirror::Mirrored;
use super::ownership::Ownership;
use super::policy::Policy;
use super::quarantine::Quarantine;
use super::running::RunningApply;
use super::shown::ShownLists;
use zonemux_plugin::Capabilities;

use crate::backend::Writes;
use crate::store::{Store, StoreError, StoreKey};

const CAPABILITIES: &str = "capabilities";

/// What is remembered of a backend under its name.
#[derive(Debug)]
pub struct State {
    pub(super) writes: Arc<Writes>,
    pub(super) running: RunningApply,
    pub(super) mark: Mark,
    /// Whether there is a mark in the store.
    unconfirmed: AtomicBool,
    /// How often mending was refused since the mark was set.
    pub(super) mending: AtomicU32,
    pub(super) breaker: Breaker,
    pub(super) kept: Kept,
    /// What the backend said that it can do, as it is stored.
    capabilities: Mutex<Option<Capabilities>>,
    store: Arc<dyn Store>,
    name: String,
    shown: Mutex<ShownLists>,
    held: Mutex<Held>,
    quarantine: Mutex<Quarantine>,
    ownership: Mutex<Ownership>,
    /// What is remembered of it as a mirror of others.
    pub(super) mirrored: Mirrored,
}

impl State {
    /// Reads what is remembered of a backend. Blocks on the store.
    ///
    /// # Errors
    ///
    /// When it can't be read: nothing may be done to a backend of which it is not known what is held or
    /// unconfirmed.
    pub fn open(name: &str, store: &Arc<dyn Store>, policy: &Policy) -> Result<Arc<Self>, StoreError> {
        let mark = Mark::of(Arc::clone(store), name);
        let unconfirmed = AtomicBool::new(mark.is_set()?);
        if unconfirmed.load(Ordering::Relaxed) {
            tracing::warn!(
                backend = name,
                "an apply had not ended when zonemux did; its outcome is read from the next list"
            );
        }
        Ok(Arc::new(Self {
            writes: Arc::default(),
            running: RunningApply::default(),
            mark,
            unconfirmed,
            mending: AtomicU32::new(0),
            breaker: Breaker::new(policy.breaker.failures, policy.breaker.cooldown.into()),
            kept: Kept::open(Arc::clone(store), name),
            capabilities: Mutex::new(read_capabilities(name, &**store)?),
            store: Arc::clone(store),
            name: name.to_owned(),
            shown: Mutex::new(ShownLists::open(Arc::clone(store), name)?),
            held: Mutex::new(Held::open(store, name)?),
            quarantine: Mutex::new(Quarantine::open(store, name, policy.retry)?),
            ownership: Mutex::new(Ownership::open(store, name)?),
            mirrored: Mirrored::open(store, name)?,
        }))
    }

    /// Takes over what a new generation says; what is remembered stays.
    pub(super) fn adopt(&self, policy: &Policy) {
        self.breaker.set_limits(policy.breaker.failures, policy.breaker.cooldown.into());
        self.quarantine().set_retry(policy.retry);
    }

    /// The order of writes, for an instance of the backend.
    pub fn writes(&self) -> Arc<Writes> {
        Arc::clone(&self.writes)
    }

    /// What the backend said that it can do when it was last open.
    pub fn capabilities(&self) -> Option<Capabilities> {
        lock(&self.capabilities).clone()
    }

    /// Stores what the backend says that it can do, so that adjusting answers the same while it is down.
    /// Blocks where it is new.
    pub(super) fn remember_capabilities(&self, capabilities: &Capabilities) {
        let mut known = lock(&self.capabilities);
        if known.as_ref() == Some(capabilities) {
            return;
        }
        let key = StoreKey::new(&*self.name, CAPABILITIES);
        let stored = match serde_json::to_vec(capabilities) {
            Ok(json) => self.store.replace(&key, &[&json]).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match stored {
            Ok(()) => *known = Some(capabilities.clone()),
            Err(error) => tracing::warn!(
                backend = self.name,
                error,
                "what the backend can do can't be stored; after a restart it must answer before endpoints are adjusted"
            ),
        }
    }

    pub(super) fn is_unconfirmed(&self) -> bool {
        self.unconfirmed.load(Ordering::SeqCst)
    }

    pub(super) fn set_unconfirmed(&self, unconfirmed: bool) {
        self.unconfirmed.store(unconfirmed, Ordering::SeqCst);
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, ShownLists> {
        lock(&self.shown)
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }

    pub(super) fn quarantine(&self) -> MutexGuard<'_, Quarantine> {
        lock(&self.quarantine)
    }

    pub(super) fn ownership(&self) -> MutexGuard<'_, Ownership> {
        lock(&self.ownership)
    }
}

/// What is stored; what can't be used is as good as nothing, since the backend says it again.
fn read_capabilities(name: &str, store: &dyn Store) -> Result<Option<Capabilities>, StoreError> {
    let stored = store.read(&StoreKey::new(name, CAPABILITIES))?;
    Ok(stored.and_then(|json| serde_json::from_slice(&json).ok()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
