//! A store in memory for tests, which can be told to fail.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Store, StoreError, StoreErrorKind, StoreKey};

/// Values in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    values: Mutex<BTreeMap<StoreKey, Vec<u8>>>,
    aside: Mutex<Vec<Vec<u8>>>,
    full: AtomicBool,
}

impl Memory {
    /// From now on there is no room for anything, or there is again.
    pub(crate) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    /// The bytes of a value.
    pub(crate) fn value(&self, key: &StoreKey) -> Option<Vec<u8>> {
        self.values.lock().unwrap().get(key).cloned()
    }

    /// Sets the bytes of a value, as another process would.
    pub(crate) fn set(&self, key: &StoreKey, value: impl Into<Vec<u8>>) {
        self.values.lock().unwrap().insert(key.clone(), value.into());
    }

    /// What was set aside.
    pub(crate) fn aside(&self) -> Vec<Vec<u8>> {
        self.aside.lock().unwrap().clone()
    }

    fn writable(&self, key: &StoreKey) -> Result<(), StoreError> {
        if !self.full.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(StoreError {
            action: "write",
            place: format!("`{key}`"),
            reason: "no room in this test".into(),
            kind: StoreErrorKind::Full,
        })
    }
}

impl Store for Memory {
    fn read(&self, key: &StoreKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.value(key))
    }

    fn replace(&self, key: &StoreKey, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.writable(key)?;
        self.set(key, parts.concat());
        Ok(())
    }

    fn append(&self, key: &StoreKey, entry: &[u8]) -> Result<(), StoreError> {
        self.writable(key)?;
        self.values.lock().unwrap().entry(key.clone()).or_default().extend_from_slice(entry);
        Ok(())
    }

    fn remove(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.writable(key)?;
        self.values.lock().unwrap().remove(key);
        Ok(())
    }

    fn set_aside(&self, key: &StoreKey) -> Result<String, StoreError> {
        self.writable(key)?;
        let mut aside = self.aside.lock().unwrap();
        aside.extend(self.value(key));
        Ok(format!("{key} number {}", aside.len()))
    }
}
