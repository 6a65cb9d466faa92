//! A backend for tests, written by a script, behind what protects it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use zonemux_plugin::{Capabilities, Endpoint, Endpoints};

use super::{Policy, RecordKey, SafeBackend, SafeCall, State};
use crate::backend::{
    Backend, BackendError, Batch, Driver, DriverCall, DriverFuture, Failure, Instance, Lease, ListSink,
    Opened, Selection, Times,
};
use crate::config::load_text;
use crate::journal::{Journal, Limits};
use crate::store::Store;
use crate::wire::Changes;

/// What a backend does with the batch of a numbered apply, counted from 0: it names the changes that
/// it refuses before anything is done.
pub(in crate::safety) type Script =
    Box<dyn Fn(usize, &Batch) -> Result<Vec<Failure>, BackendError> + Send + Sync>;

/// A backend `lan` with the zone `example.org`, and its records.
pub(in crate::safety) struct Scripted {
    script: Script,
    applies: AtomicUsize,
    records: Mutex<Vec<Endpoint>>,
}

impl Scripted {
    /// Its records, as `name type target`, sorted.
    pub(in crate::safety) fn records(&self) -> Vec<String> {
        let records = self.records.lock().unwrap();
        let line = |record: &Endpoint| format!("{} {}", RecordKey::of(record), record.targets[0]);
        let mut lines: Vec<String> = records.iter().map(line).collect();
        lines.sort();
        lines
    }
}

/// The backend behind its protection, and what it stands on.
pub(in crate::safety) struct Fixture {
    pub(in crate::safety) scripted: Arc<Scripted>,
    pub(in crate::safety) safe: Arc<SafeBackend>,
    _journal: tempfile::TempDir,
}

impl Fixture {
    /// A backend with records and a script; `keys` are of its configuration.
    pub(in crate::safety) fn new(
        store: &Arc<dyn Store>,
        keys: &str,
        records: Vec<Endpoint>,
        script: Script,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "version = 1\n[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n\
             guards = {{ max_deletes = \"none\" }}\n{keys}\n"
        );
        let config = load_text(&folder.path().join("config.toml"), &config).unwrap().config;
        let policy = Policy::of(config.backends.values().next().unwrap());
        let journal = Arc::new(Journal::open(folder.path(), Limits { max_size: 1 << 20, keep: 1 }).unwrap());
        let state = State::open("lan", store, &policy).unwrap();
        let limit = Duration::from_secs(60);
        let times = Times { call: limit, list: limit, apply: limit };
        let backend = Backend::new("lan", vec!["example.org".into()], times, state.writes(), None);
        let safe = SafeBackend::new(policy, Arc::clone(&backend), state, journal);
        backend.own_all_zones();
        safe.refresh();
        let scripted =
            Arc::new(Scripted { script, applies: AtomicUsize::new(0), records: Mutex::new(records) });
        backend.start(Arc::new(Opens(Arc::clone(&scripted))), || {});
        Self { scripted, safe, _journal: folder }
    }

    /// A call that has time.
    pub(in crate::safety) fn call() -> SafeCall {
        SafeCall::new("default", "test", Instant::now() + Duration::from_secs(30))
    }
}

/// A batch of deletes and creates.
pub(in crate::safety) fn batch(delete: &[Endpoint], create: &[Endpoint]) -> Batch {
    let endpoints: Endpoints = delete.iter().chain(create).collect();
    let position = |index: usize| u32::try_from(index).unwrap();
    let delete: Vec<u32> = (0..delete.len()).map(position).collect();
    let create = (delete.len()..endpoints.len()).map(position).collect();
    Batch::all(Arc::new(Changes { endpoints, create, update: Vec::new(), delete }))
}

struct Opens(Arc<Scripted>);

struct Open(Arc<Scripted>);

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Driver for Opens {
    fn open(&self, _: DriverCall) -> DriverFuture<Opened> {
        let instance = Arc::new(Open(Arc::clone(&self.0)));
        let mut capabilities = Capabilities::default();
        capabilities.atomic_units = true;
        Box::pin(async move { Ok(Opened { instance, capabilities }) })
    }

    fn adjusts(&self, _: &Capabilities) -> bool {
        false
    }

    fn adjust(&self, _: DriverCall, _: &Capabilities, _: Selection, _: ListSink) -> DriverFuture<()> {
        Box::pin(async { Ok(()) })
    }
}

impl Instance for Open {
    fn records(&self, _: DriverCall, mut sink: ListSink) -> DriverFuture<()> {
        let records = self.0.records.lock().unwrap().clone();
        Box::pin(async move {
            for record in &records {
                sink.push(record);
            }
            sink.finish();
            Ok(())
        })
    }

    fn apply(&self, _: DriverCall, batch: Arc<Batch>, _: Lease) -> DriverFuture<Vec<Failure>> {
        let scripted = Arc::clone(&self.0);
        Box::pin(async move {
            let failures = (scripted.script)(scripted.applies.fetch_add(1, Ordering::SeqCst), &batch)?;
            let mut records = scripted.records.lock().unwrap();
            for (id, change) in batch.iter() {
                if failures.iter().any(|failure| failure.change == id) {
                    continue;
                }
                let key = RecordKey::of(&change.endpoint());
                records.retain(|record| RecordKey::of(record) != key);
                records.extend(change.desired().map(|new| zonemux_plugin::EndpointView::to_endpoint(&new)));
            }
            Ok(failures)
        })
    }

    fn check(&self, _: DriverCall) -> DriverFuture<Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn close(&self, _: DriverCall) -> DriverFuture<()> {
        Box::pin(async { Ok(()) })
    }
}
