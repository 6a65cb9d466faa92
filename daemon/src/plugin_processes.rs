//! Whose plugins' processes run, by their numbers: the only thing about them that they can't forge. Written by whoever
//! starts them, read by whoever is called by one; neither has to know the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static RUNNING: Mutex<BTreeMap<u32, Arc<str>>> = Mutex::new(BTreeMap::new());

/// The backend of a plugin's process that runs, given its number.
pub fn backend_of(pid: u32) -> Option<Arc<str>> {
    running().get(&pid).cloned()
}

/// A process that is known, until this is dropped: once it has been waited for, its number may be another's.
#[derive(Debug)]
pub struct Known {
    pid: u32,
    backend: Arc<str>,
}

impl Known {
    /// From now on.
    pub fn new(pid: u32, backend: &str) -> Self {
        let backend: Arc<str> = backend.into();
        running().insert(pid, Arc::clone(&backend));
        Self { pid, backend }
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        let mut running = running();
        if running.get(&self.pid).is_some_and(|backend| Arc::ptr_eq(backend, &self.backend)) {
            running.remove(&self.pid);
        }
    }
}

fn running() -> MutexGuard<'static, BTreeMap<u32, Arc<str>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_one_of_whoever_has_it_now() {
        // No process has such a number.
        let pid = u32::MAX;
        let first = Known::new(pid, "lan");
        assert_eq!(backend_of(pid).as_deref(), Some("lan"));
        let second = Known::new(pid, "edge");
        drop(first);
        assert_eq!(backend_of(pid).as_deref(), Some("edge"));
        drop(second);
        assert_eq!(backend_of(pid), None);
    }
}
