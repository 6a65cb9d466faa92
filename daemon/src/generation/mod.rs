//! A generation: one configuration, and all that was made from it. One of them serves; a reload makes
//! the next beside it and puts it in its place.

mod plugins;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub use plugins::{LOAD_LIMIT, LoadError, PluginFault, Prepared, load};

use crate::assemble::Parts;
use crate::config::Config;

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
}

/// Where a daemon listens, with the real ports where port 0 was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// For ExternalDNS.
    pub webhook: Vec<String>,
    /// For probes and metrics.
    pub admin: Vec<String>,
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
