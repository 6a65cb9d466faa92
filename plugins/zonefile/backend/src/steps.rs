//! The steps of writing a zone, told to whoever watches: a test that ends the process between two of
//! them.

use std::sync::OnceLock;

static WATCHER: OnceLock<fn(&'static str)> = OnceLock::new();

/// Calls a function before each step, for the rest of the process; the first one that is given.
#[doc(hidden)]
pub fn watch(watcher: fn(&'static str)) {
    let _first = WATCHER.set(watcher);
}

/// Tells that a step is about to be done.
pub(crate) fn step(name: &'static str) {
    if let Some(watcher) = WATCHER.get() {
        watcher(name);
    }
}
