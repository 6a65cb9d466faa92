//! Takes a backend's list while the backend produces it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;
use zonemux_plugin::__private::HERITAGE;
use zonemux_plugin::{Endpoint, EndpointView, ErrorKind, is_ownership_txt};

use super::counted::{Counted, Counts};
use super::driver::BackendError;
use super::encrypted::{Candidates, Encrypted};
use super::index::Index;
use super::scope::Scope;
use crate::wire::{EncodedList, ListEncoder};

/// How much of a list is taken, in bytes of JSON: more than a million records. One that goes on and on would
/// otherwise take all memory before its time is over.
const LARGEST: u64 = 256 << 20;

/// A complete list of one backend, encoded.
#[derive(Debug, Default)]
pub struct List {
    /// ExternalDNS's JSON, without the brackets.
    pub json: EncodedList,
    /// How many records of each type, for the metrics.
    pub types: Vec<(&'static str, u64)>,
    /// Records that the backend listed though they are not its own, and that are left out.
    pub foreign: u64,
    scope: Option<Arc<Scope>>,
    /// Records of each of the scope's zones, ownership TXT among them.
    records: Vec<u64>,
    index: Index,
    ownership: OnceLock<Ownership>,
    /// The number of writes when it was begun.
    epoch: u64,
    /// When it was begun.
    begun: Option<Instant>,
}

/// What can be told of ownership TXT when all records are known. Made when it is first asked for: most lists are
/// served and forgotten.
#[derive(Debug)]
struct Ownership {
    encrypted: Encrypted,
    /// Records of each zone, no ownership TXT counted.
    zones: Vec<(String, u64)>,
}

impl List {
    /// A list that was kept: its records as they were listed then.
    pub fn of<E: EndpointView>(scope: &Arc<Scope>, endpoints: impl IntoIterator<Item = E>) -> Self {
        let mut builder = Builder::new(Some(Arc::clone(scope)));
        for endpoint in endpoints {
            builder.push(&endpoint);
        }
        builder.finish()
    }

    /// The records of a canonical name, a type and a set identifier: one, or as many as the backend
    /// listed.
    pub fn find(&self, name: &str, record_type: &str, set_identifier: &str) -> Vec<Endpoint> {
        self.index.find(&self.json, name, record_type, set_identifier)
    }

    /// How many records each zone of the backend has, ownership TXT not counted.
    pub fn zones(&self) -> &[(String, u64)] {
        &self.ownership().zones
    }

    /// Whether the TXT of a canonical name and a set identifier is an ownership TXT that the registry has
    /// encrypted: by the list as a whole, since its text does not say.
    pub fn is_encrypted_ownership(&self, name: &str, set_identifier: &str) -> bool {
        self.ownership().encrypted.contains(name, set_identifier)
    }

    fn ownership(&self) -> &Ownership {
        self.ownership.get_or_init(|| {
            let mut counts = self.records.clone();
            let candidates = self.other_texts(|zone| counts[zone] -= 1);
            let has = |hash| self.index.contains(&self.json, hash);
            let encrypted = candidates.settle(has, |zone| counts[zone] -= 1);
            let zones = self.scope.iter().flat_map(|scope| scope.zones().iter().cloned());
            Ownership { encrypted, zones: zones.zip(counts).collect() }
        })
    }

    /// Tells the zone of each ownership TXT that can be read; returns those of the other TXT that may be encrypted.
    fn other_texts(&self, mut readable: impl FnMut(usize)) -> Candidates {
        let mut candidates = Candidates::default();
        let Some(scope) = &self.scope else { return candidates };
        let mut texts = self.json.texts();
        for offset in self.index.texts() {
            // Nearly all, told from the text as it stands.
            if let Some(name) = texts.name_of_text_at(offset, HERITAGE) {
                scope.place(name).into_iter().for_each(|(_, zone)| readable(zone));
                continue;
            }
            let Some(endpoint) = texts.endpoint_at(offset) else { continue };
            let Some((name, zone)) = scope.place(&endpoint.dns_name) else { continue };
            if is_ownership_txt(&endpoint) {
                readable(zone);
            } else {
                candidates.push(&name, &endpoint, zone);
            }
        }
        candidates
    }

    /// Under which [number](super::Writes::epoch) it was begun.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When it was begun; `None` for one that was kept.
    pub fn begun(&self) -> Option<Instant> {
        self.begun
    }
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
    /// It grew beyond [`LARGEST`].
    TooLarge,
    Closed,
}

struct Builder {
    encoder: ListEncoder,
    /// `None`: every name is taken.
    scope: Option<Arc<Scope>>,
    /// The position of the last record's zone.
    near: usize,
    counts: Counts,
    foreign: u64,
    records: Vec<u64>,
    index: Index,
}

/// Both ends of a list. With a scope, names outside it are left out.
pub fn list(scope: Option<Arc<Scope>>) -> (ListSink, ListSource) {
    let shared = Arc::new(Mutex::new(State::Open(Box::new(Builder::new(scope)))));
    (ListSink { shared: Arc::clone(&shared) }, ListSource { shared })
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ListSink {
    /// Takes one endpoint; `false`: nobody waits for the list any more.
    pub fn push(&mut self, endpoint: &impl EndpointView) -> bool {
        match &mut *lock(&self.shared) {
            State::Open(builder) if builder.encoder.next_offset() < LARGEST => {
                builder.push(endpoint);
                true
            }
            state @ (State::Open(_) | State::TooLarge) => {
                *state = State::TooLarge;
                false
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
            State::TooLarge => {
                *state = State::TooLarge;
                false
            }
            State::Finished(_) | State::Closed => false,
        }
    }
}

impl ListSource {
    /// The list, after the backend's call has returned well; `epoch` and `begun` say of when it is.
    ///
    /// # Errors
    ///
    /// When the backend did not say that the list is complete: a part of a list is never shown.
    pub fn take(self, epoch: u64, begun: Instant) -> Result<List, BackendError> {
        match std::mem::replace(&mut *lock(&self.shared), State::Closed) {
            State::Finished(builder) => Ok(List { epoch, begun: Some(begun), ..builder.finish() }),
            State::TooLarge => {
                let message = format!("the list is larger than {} MiB", LARGEST >> 20);
                Err(BackendError::new(ErrorKind::Internal, message))
            }
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
    fn new(scope: Option<Arc<Scope>>) -> Self {
        let zones = scope.as_ref().map_or(0, |scope| scope.zones().len());
        Self {
            encoder: ListEncoder::new(),
            scope,
            near: 0,
            counts: Counts::default(),
            foreign: 0,
            records: vec![0; zones],
            index: Index::default(),
        }
    }

    fn push(&mut self, endpoint: &impl EndpointView) {
        let record_type = Counted::of(endpoint.record_type());
        if let Some(scope) = &self.scope {
            let listed = endpoint.dns_name();
            let mut name = Cow::Borrowed(listed);
            if !scope.is_quickly_in(self.near, listed) {
                let Some((canonical, zone)) = scope.place(listed) else {
                    self.foreign += 1;
                    return;
                };
                (name, self.near) = (canonical, zone);
            }
            self.records[self.near] += 1;
            // Borrowed without its last dot, it is not as it was listed.
            let is_canonical = matches!(name, Cow::Borrowed(name) if name.len() == listed.len());
            self.index.push(endpoint, record_type, is_canonical, self.encoder.next_offset());
        }
        self.counts.add(record_type);
        self.encoder.push(endpoint);
    }

    fn finish(self) -> List {
        List {
            json: self.encoder.finish(),
            types: self.counts.by_name(),
            foreign: self.foreign,
            scope: self.scope,
            records: self.records,
            index: self.index,
            ownership: OnceLock::new(),
            epoch: 0,
            begun: None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_end_is_refused_before_it_takes_all_memory() {
        let large = Endpoint::new("a.example.org", "TXT", ["x".repeat(1 << 20)]);
        let (mut sink, source) = list(None);
        let taken = (0..1000).take_while(|_| sink.push(&large)).count();
        assert!((250..=256).contains(&taken), "{taken}");
        assert!(!sink.push(&large) && !sink.finish(), "it stays so");
        let error = source.take(0, Instant::now()).unwrap_err();
        assert_eq!(error.message, "the list is larger than 256 MiB");
    }
}
