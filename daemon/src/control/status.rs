//! `GET /status`: everything that is worth a look, names and errors included.

use serde::{Deserialize, Serialize};

use crate::assemble::Parts;
use crate::backend::BackendStatus;
use crate::reload::Outcome;
use crate::safety::SafetyStatus;

/// `GET /status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started, in seconds since 1970.
    pub started_at: u64,
    /// How many configurations have served since then, the one that serves now included.
    pub generation: u64,
    /// What came of the last attempt to read the configuration.
    pub reload: Outcome,
    /// Where ExternalDNS finds it.
    pub webhook: Vec<String>,
    /// Where probes and metrics are.
    pub admin: Vec<String>,
    /// Its views.
    pub views: Vec<ViewStatus>,
    /// Its backends.
    pub backends: Vec<SafeStatus>,
}

/// A view in [`Status`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ViewStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its path prefix.
    pub path: String,
    /// The names of its backends.
    pub backends: Vec<String>,
    /// Whether all of its backends can be listed, or a snapshot be served in their place.
    pub ready: bool,
}

/// A backend in [`Status`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SafeStatus {
    /// The backend itself.
    #[serde(flatten)]
    pub status: BackendStatus,
    /// What protects it.
    pub safety: SafetyStatus,
}

impl ViewStatus {
    /// The views of these parts.
    pub fn of(parts: &Parts) -> Vec<Self> {
        let status = |view: &crate::view::View| Self {
            name: view.name().to_owned(),
            path: view.path().to_owned(),
            backends: view.backends().iter().map(|backend| backend.name().to_owned()).collect(),
            ready: view.backends().iter().all(|backend| backend.can_list()),
        };
        parts.views.values().map(|view| status(view)).collect()
    }
}

impl SafeStatus {
    /// The backends of these parts. May wait for others who wait for the disk.
    pub fn of(parts: &Parts) -> Vec<Self> {
        let status = |safe: &crate::safety::SafeBackend| Self {
            status: safe.backend().status(),
            safety: safe.safety(),
        };
        parts.safe.values().map(|safe| status(safe)).collect()
    }
}
