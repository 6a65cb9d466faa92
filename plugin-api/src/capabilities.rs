//! What a backend can do, as it says once it is open.

use serde::{Deserialize, Serialize};

/// What a backend can do. The daemon stores it, so that it can adjust endpoints while the backend
/// is down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether a record, its ownership TXT, and what it replaces at its name are written in one
    /// step, so that a crash can't leave half of them.
    pub atomic_units: bool,
    /// The record types that can be stored; empty: every type.
    pub record_types: Vec<String>,
    /// The zones that the backend found by itself; used where the configuration names none.
    pub zones: Vec<String>,
    /// The lowest TTL that can be stored, in seconds; 0: any.
    pub min_ttl: u32,
    /// The highest TTL that can be stored, in seconds; 0: any.
    pub max_ttl: u32,
}

impl Capabilities {
    /// Says that whole units are written in one step.
    #[must_use]
    pub fn with_atomic_units(mut self) -> Self {
        self.atomic_units = true;
        self
    }

    /// Limits the record types.
    #[must_use]
    pub fn with_record_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.record_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Names the zones that the backend found by itself.
    #[must_use]
    pub fn with_zones<T: Into<String>>(mut self, zones: impl IntoIterator<Item = T>) -> Self {
        self.zones = zones.into_iter().map(Into::into).collect();
        self
    }

    /// Limits the TTL, in seconds; 0 leaves an end open.
    #[must_use]
    pub fn with_ttl_range(mut self, min: u32, max: u32) -> Self {
        (self.min_ttl, self.max_ttl) = (min, max);
        self
    }
}
