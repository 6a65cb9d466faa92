//! Where a write may wait for the disk, and what is left when there is no room.

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use zonemux_plugin::Endpoint;

use crate::safety::fixture::{Fixture, batch};
use crate::store::memory::Memory;
use crate::store::{Store, StoreError, StoreKey};

fn www(record_type: &str, target: &str) -> Endpoint {
    Endpoint::new("www.example.org", record_type, [target])
}

fn ownership() -> Endpoint {
    let mut txt = Endpoint::new("a-www.example.org", "TXT", ["\"heritage=external-dns\""]);
    txt.labels.insert("ownedRecord".into(), "www.example.org".into());
    txt
}

/// A store that knows on which threads it was waited for.
#[derive(Debug, Default)]
struct Watched {
    memory: Memory,
    threads: Mutex<Vec<(StoreKey, ThreadId)>>,
}

impl Watched {
    fn note(&self, key: &StoreKey) {
        self.threads.lock().unwrap().push((key.clone(), thread::current().id()));
    }
}

impl Store for Watched {
    fn read(&self, key: &StoreKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.read(key)
    }

    fn replace(&self, key: &StoreKey, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.note(key);
        self.memory.replace(key, parts)
    }

    fn append(&self, key: &StoreKey, entry: &[u8]) -> Result<(), StoreError> {
        self.note(key);
        self.memory.append(key, entry)
    }

    fn remove(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.note(key);
        self.memory.remove(key)
    }

    fn set_aside(&self, key: &StoreKey) -> Result<String, StoreError> {
        self.memory.set_aside(key)
    }
}

#[tokio::test]
async fn no_thread_that_serves_waits_for_the_disk_while_ownership_is_stored() {
    let store = Arc::new(Watched::default());
    let script = Box::new(|_, _: &_| Ok(Vec::new()));
    let fixture = Fixture::new(store.clone(), "ownership = \"virtual\"", Vec::new(), script);
    let created = batch(&[], &[www("A", "192.0.2.1"), ownership()]);
    let tally = fixture.safe.apply(Fixture::call(), created).await;
    assert_eq!(tally.applied, 1, "{tally:?}");
    assert_eq!(fixture.scripted.records(), ["www.example.org A 192.0.2.1"]);
    // It is there when the answer is.
    let key = StoreKey::new("lan", "ownership");
    assert!(store.memory.value(&key).is_some());
    let threads = store.threads.lock().unwrap().clone();
    assert!(threads.iter().any(|(written, _)| *written == key), "{threads:?}");
    let here: Vec<_> = threads.iter().filter(|(_, of)| *of == thread::current().id()).collect();
    assert!(here.is_empty(), "{here:?}");
}
