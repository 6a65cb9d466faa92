//! Takes a backend's list while the backend produces it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zonemux_plugin::{EndpointView, ErrorKind};

use super::driver::BackendError;
use super::scope::Scope;
use crate::wire::{EncodedList, ListEncoder};

/// Record types that are counted under their own name; a metric's labels must stay few.
const COUNTED_TYPES: [&str; 11] =
    ["A", "AAAA", "CAA", "CNAME", "DNAME", "MX", "NAPTR", "NS", "PTR", "SRV", "TXT"];

/// A complete list of one backend, encoded.
#[derive(Debug, Default)]
pub struct List {
    /// ExternalDNS's JSON, without the brackets.
    pub json: EncodedList,
    /// How many records of each type, for the metrics.
    pub types: Vec<(&'static str, u64)>,
    /// Records that the backend listed though they are not its own, and that are left out.
    pub foreign: u64,
}

/// The writing end, given to a driver; ends with the call, whoever still holds it.
pub struct ListSink {
    shared: Arc<Mutex<State>>,
}

/// The reading end, kept by the caller.
pub struct ListSource {
    shared: Arc<Mutex<State>>,
}

enum State {
    Open(Box<Builder>),
    Finished(Box<Builder>),
    Closed,
}

struct Builder {
    encoder: ListEncoder,
    /// `None`: every name is taken.
    scope: Option<Arc<Scope>>,
    counts: [u64; COUNTED_TYPES.len() + 1],
    foreign: u64,
}

/// Both ends of a list. With a scope, names outside it are left out.
pub fn list(scope: Option<Arc<Scope>>) -> (ListSink, ListSource) {
    let builder = Builder { encoder: ListEncoder::new(), scope, counts: [0; _], foreign: 0 };
    let shared = Arc::new(Mutex::new(State::Open(Box::new(builder))));
    (ListSink { shared: Arc::clone(&shared) }, ListSource { shared })
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ListSink {
    /// Takes one endpoint; `false`: nobody waits for the list any more.
    pub fn push(&mut self, endpoint: &impl EndpointView) -> bool {
        match &mut *lock(&self.shared) {
            State::Open(builder) => {
                builder.push(endpoint);
                true
            }
            // A list that goes on after it was said to be complete is none.
            state => {
                *state = State::Closed;
                false
            }
        }
    }

    /// Says that the list is complete.
    pub fn finish(&mut self) -> bool {
        let mut state = lock(&self.shared);
        match std::mem::replace(&mut *state, State::Closed) {
            State::Open(builder) => {
                *state = State::Finished(builder);
                true
            }
            State::Finished(_) | State::Closed => false,
        }
    }
}

impl ListSource {
    /// The list, after the backend's call has returned well.
    ///
    /// # Errors
    ///
    /// When the backend did not say that the list is complete: a part of a list is never shown.
    pub fn take(self) -> Result<List, BackendError> {
        match std::mem::replace(&mut *lock(&self.shared), State::Closed) {
            State::Finished(builder) => Ok(builder.finish()),
            State::Open(_) | State::Closed => {
                Err(BackendError::new(ErrorKind::Internal, "the list was not finished, so it may be a part"))
            }
        }
    }
}

impl Drop for ListSource {
    fn drop(&mut self) {
        // Nobody reads it: a plugin that goes on pushes into nothing.
        *lock(&self.shared) = State::Closed;
    }
}

impl Builder {
    fn push(&mut self, endpoint: &impl EndpointView) {
        if self.scope.as_ref().is_some_and(|scope| !scope.covers(endpoint.dns_name())) {
            self.foreign += 1;
            return;
        }
        let record_type = endpoint.record_type();
        let counted = COUNTED_TYPES.iter().position(|counted| *counted == record_type);
        self.counts[counted.unwrap_or(COUNTED_TYPES.len())] += 1;
        self.encoder.push(endpoint);
    }

    fn finish(self) -> List {
        let names = COUNTED_TYPES.into_iter().chain(["other"]);
        let types = names.zip(self.counts).collect();
        List { json: self.encoder.finish(), types, foreign: self.foreign }
    }
}

impl fmt::Debug for ListSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListSink")
    }
}

impl fmt::Debug for ListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListSource")
    }
}
