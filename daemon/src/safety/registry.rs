//! What is remembered of every backend, for as long as the process lives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use super::ownership::{Ownership, OwnershipTables};
use super::{Policy, SafeBackend, State};
use crate::backend::Backend;
use crate::journal::Journal;
use crate::store::{Store, StoreError};

/// How often what nobody asks for any more is looked for.
const TIDY: Duration = Duration::from_secs(60);

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

    /// Forgets what nobody asked for in 24 hours: held units, grants, quarantine. Blocks on the store.
    pub fn expire(&self, now: SystemTime) {
        for (name, state) in self.all() {
            // One after the other, so that no two of their locks are held at once.
            let held = state.held().expire(now);
            let quarantine = state.quarantine().expire(now);
            if let Err(error) = held.and(quarantine) {
                tracing::warn!(
                    backend = name, %error, hint = error.hint(),
                    "what nobody asks for any more can't be forgotten yet"
                );
            }
            state.set_counts(&name);
        }
    }

    /// Does that every minute for as long as the registry is there. Must be called inside a tokio
    /// runtime.
    pub fn keep_tidy(self: &Arc<Self>) {
        let registry: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(TIDY).await;
                let Some(registry) = registry.upgrade() else { return };
                let tidy = tokio::task::spawn_blocking(move || registry.expire(SystemTime::now()));
                if let Err(error) = tidy.await {
                    tracing::error!(%error, "looking for what nobody asks for any more broke off");
                }
            }
        });
    }

    fn all(&self) -> Vec<(String, Arc<State>)> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.iter().map(|(name, state)| (name.clone(), Arc::clone(state))).collect()
    }
}

impl OwnershipTables for Registry {
    fn backends(&self) -> Vec<String> {
        self.all().into_iter().map(|(name, _)| name).collect()
    }

    fn with(&self, backend: &str, run: &mut dyn FnMut(&mut Ownership)) {
        let state = self.all().into_iter().find(|(name, _)| name == backend);
        if let Some((_, state)) = state {
            run(&mut state.ownership());
        }
    }
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::ErrorKind;

    use super::*;
    use crate::config::load_text;
    use crate::journal::Limits;
    use crate::safety::guard::HeldUnit;
    use crate::safety::identity::{StateHash, UnitId};
    use crate::safety::key::RecordKey;
    use crate::safety::quarantine::Refused;
    use crate::store::memory::Memory;

    const CONFIG: &str = "version = 1\n[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n";

    #[test]
    fn what_nobody_asks_for_in_a_day_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let config = load_text(&folder.path().join("config.toml"), CONFIG).unwrap().config;
        let policy = Policy::of(config.backends.values().next().unwrap());
        let journal = Journal::open(folder.path(), Limits { max_size: 1 << 20, keep: 1 }).unwrap();
        let registry = Registry::new(Arc::new(Memory::default()), Arc::new(journal));
        let state = registry.state("lan", &policy).unwrap();
        let keys = ["www", "mail"].map(|name| RecordKey {
            name: format!("{name}.example.org"),
            record_type: "A".into(),
            set_identifier: String::new(),
        });
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let unit = HeldUnit { keys: keys[..1].to_vec(), zone: "example.org".into() };
        state.held().replace("default", [unit], |_| false, now).unwrap();
        let refused = Refused {
            unit: UnitId::of(&keys[1..]),
            hash: StateHash::builder().finish(),
            keys: keys[1..].to_vec(),
            kind: ErrorKind::Permanent,
            reason: "no".into(),
        };
        state.quarantine().refused([refused], now).unwrap();
        let counts = || (state.held().len(), state.quarantine().len());
        registry.expire(now + Duration::from_secs(23 * 3600));
        assert_eq!(counts(), (1, 1));
        registry.expire(now + Duration::from_secs(24 * 3600));
        assert_eq!(counts(), (0, 0));
    }
}
