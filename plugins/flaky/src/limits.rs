//! What the backend says it can store, and what becomes of the rest.

use zonemux_plugin::dns::clamp_ttl;
use zonemux_plugin::{Capabilities, Endpoint};

use crate::settings::Settings;

/// The limits of a server of which the settings tell: it refuses other types, moves a TTL within its
/// bounds, and forgets other properties.
#[derive(Debug)]
pub(crate) struct Limits {
    record_types: Vec<String>,
    min_ttl: u32,
    max_ttl: u32,
    properties: Option<Vec<String>>,
    atomic_units: Option<bool>,
}

impl Limits {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            record_types: settings.record_types.clone(),
            min_ttl: settings.min_ttl,
            max_ttl: settings.max_ttl,
            properties: settings.properties.clone(),
            atomic_units: settings.atomic_units,
        }
    }

    /// The capabilities of the memory backend within these limits.
    pub(crate) fn capabilities(&self, of_memory: Capabilities) -> Capabilities {
        let mut capabilities =
            of_memory.with_record_types(&self.record_types).with_ttl_range(self.min_ttl, self.max_ttl);
        capabilities.properties.clone_from(&self.properties);
        capabilities.atomic_units = self.atomic_units.unwrap_or(capabilities.atomic_units);
        capabilities
    }

    /// Whether a record is stored as it comes, and none is refused.
    pub(crate) fn is_none(&self) -> bool {
        self.record_types.is_empty() && (self.min_ttl, self.max_ttl) == (0, 0) && self.properties.is_none()
    }

    /// Whether records of a type can be stored.
    pub(crate) fn has_type(&self, record_type: &str) -> bool {
        self.record_types.is_empty() || self.record_types.iter().any(|stored| stored == record_type)
    }

    /// A record as it is stored.
    pub(crate) fn stored(&self, mut record: Endpoint) -> Endpoint {
        record.record_ttl = clamp_ttl(record.record_ttl, self.min_ttl, self.max_ttl);
        if let Some(properties) = &self.properties {
            record.provider_specific.retain(|property| properties.contains(&property.name));
        }
        record
    }
}
