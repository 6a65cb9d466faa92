//! A generation: one configuration, and all that was made from it. One of them serves; a reload makes
//! the next beside it and puts it in its place.

mod in_flight;
mod kept;
mod plugins;
mod removed;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

pub use in_flight::InFlight;
pub use kept::same_instance;
pub use plugins::{Judged, LOAD_LIMIT, LoadError, PluginFault, PluginFile, Prepared, describe, judge, load};
pub use removed::RemovedView;

use crate::assemble::Parts;
use crate::config::{BackendName, Config};
use crate::http::Server;

/// One configuration, and all that was made from it.
#[derive(Debug)]
pub struct Generation {
    /// Counted from 1, which is the one that the daemon started with.
    pub number: u64,
    /// What it was made from.
    pub config: Arc<Config>,
    /// Its backends and views.
    pub parts: Parts,
    /// Where the daemon listens.
    pub addresses: Addresses,
    /// The calls that it answers.
    pub in_flight: InFlight,
    /// The files of its backends' plugins; those that are not loaded, or not yet, are missing.
    files: Mutex<BTreeMap<BackendName, PluginFile>>,
}

impl Generation {
    /// A generation that has loaded these plugins so far.
    pub fn new(
        number: u64,
        config: Arc<Config>,
        parts: Parts,
        addresses: Addresses,
        files: BTreeMap<BackendName, PluginFile>,
    ) -> Self {
        let files = Mutex::new(files);
        Self { number, config, parts, addresses, in_flight: InFlight::default(), files }
    }

    /// A backend's plugin is loaded.
    pub fn loaded(&self, backend: BackendName, file: PluginFile) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(backend, file);
    }

    /// The file of a backend's plugin, if it is loaded.
    pub fn file(&self, backend: &BackendName) -> Option<PluginFile> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(backend).cloned()
    }
}

/// Where a daemon listens, with the real ports where port 0 was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// For ExternalDNS.
    pub webhook: Vec<String>,
    /// For probes and metrics.
    pub admin: Vec<String>,
}

impl Addresses {
    /// Where these servers listen.
    pub fn of(webhook: &Server, admin: &Server) -> Self {
        let shown = |server: &Server| server.addresses().iter().map(ToString::to_string).collect();
        Self { webhook: shown(webhook), admin: shown(admin) }
    }
}

/// The generation that serves, for all who look at it.
#[derive(Debug, Clone)]
pub struct Current(Arc<ArcSwap<Generation>>);

impl Current {
    /// Begins with a generation.
    pub fn new(generation: Generation) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(generation)))
    }

    /// The one that serves now. Whoever holds it keeps its backends in memory, but not open.
    pub fn get(&self) -> Arc<Generation> {
        self.0.load_full()
    }

    /// Puts another in its place, and gives back the one before.
    pub fn replace(&self, generation: Generation) -> Arc<Generation> {
        self.0.swap(Arc::new(generation))
    }

    /// Routes and scopes anew. To be called when a backend of whichever generation has found its zones.
    pub fn refresh(&self) {
        self.0.load().parts.refresh();
    }
}
