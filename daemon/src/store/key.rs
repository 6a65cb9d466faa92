//! What a value belongs to.

use std::fmt;

/// A backend's name and a word for what is kept of it, such as `lan` and `quarantine`. It becomes a path,
/// or a key of another store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreKey {
    backend: String,
    what: &'static str,
}

impl StoreKey {
    /// The key of `what` is kept of `backend`.
    pub fn new(backend: impl Into<String>, what: &'static str) -> Self {
        Self { backend: backend.into(), what }
    }

    /// The backend's name.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// The word.
    pub fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.what)
    }
}
