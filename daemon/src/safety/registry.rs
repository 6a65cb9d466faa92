//! What is remembered of every backend, for as long as the process lives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Policy, SafeBackend, State};
use crate::backend::Backend;
use crate::journal::Journal;
use crate::store::{Store, StoreError};

/// The states of backends by name, and what they are kept in: one for the process, whatever
/// generations come and go.
#[derive(Debug)]
pub struct Registry {
    store: Arc<dyn Store>,
    journal: Arc<Journal>,
    states: Mutex<BTreeMap<String, Arc<State>>>,
}

impl Registry {
    /// A registry over what earlier processes remembered.
    pub fn new(store: Arc<dyn Store>, journal: Arc<Journal>) -> Self {
        Self { store, journal, states: Mutex::default() }
    }

    /// The journal of all.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Protects a backend with what is remembered under its name. Blocks on the store.
    pub fn protect(&self, policy: Policy, backend: Arc<Backend>) -> Result<Arc<SafeBackend>, StoreError> {
        let state = self.state(backend.name(), &policy)?;
        Ok(SafeBackend::new(policy, backend, state, Arc::clone(&self.journal)))
    }

    /// What is remembered of a backend; read once.
    pub fn state(&self, name: &str, policy: &Policy) -> Result<Arc<State>, StoreError> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get(name) {
            return Ok(Arc::clone(state));
        }
        let state = State::open(name, &self.store, policy)?;
        states.insert(name.to_owned(), Arc::clone(&state));
        Ok(state)
    }
}
