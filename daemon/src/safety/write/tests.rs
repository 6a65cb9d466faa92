//! Where a write may wait for the disk, and what is left when there is no room.

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use zonemux_plugin::{ChangeId, Endpoint, ErrorKind};

use crate::backend::{BackendError, Batch, Failure};
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
    let of_fixture: Arc<dyn Store> = store.clone();
    let fixture = Fixture::new(&of_fixture, "ownership = \"virtual\"", Vec::new(), script);
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

#[tokio::test]
async fn a_unit_that_is_half_done_when_the_disk_is_full_is_mended_all_the_same() {
    let store = Arc::new(Memory::default());
    let full = Arc::clone(&store);
    let refuse = |batch: &Batch| {
        let creates = batch.iter().map(|(id, _)| id).filter(|id| matches!(id, ChangeId::Create(_)));
        let kind = ErrorKind::Permanent;
        creates.map(|change| Failure { change, kind, reason: "no CNAME here".into() }).collect()
    };
    let script = Box::new(move |number, batch: &Batch| match number {
        // It promises whole units, and deletes the A of one whose CNAME it refuses.
        0 => {
            full.set_full(true);
            Ok(refuse(batch))
        }
        // Nor does it put that back.
        1 => Err(BackendError::new(ErrorKind::Retryable, "not now")),
        _ if batch.iter().any(|(_, change)| change.endpoint().record_type() == "CNAME") => Ok(refuse(batch)),
        _ => Ok(Vec::new()),
    });
    let of_fixture: Arc<dyn Store> = store.clone();
    let fixture = Fixture::new(&of_fixture, "", vec![www("A", "192.0.2.1")], script);
    let retype = batch(&[www("A", "192.0.2.1")], &[www("CNAME", "web.example.net")]);
    let tally = fixture.safe.apply(Fixture::call(), retype).await;
    assert_eq!((tally.applied, fixture.scripted.records()), (0, Vec::new()), "{tally:?}");
    store.set_full(false);
    let shown = fixture.safe.records(&Fixture::call()).await.unwrap();
    assert_eq!(
        (fixture.scripted.records(), shown.listed.count),
        (vec!["www.example.org A 192.0.2.1".into()], 1)
    );
    assert!(!fixture.safe.state().is_unconfirmed());
    assert!(store.value(&StoreKey::new("lan", "unconfirmed")).is_none());
}
