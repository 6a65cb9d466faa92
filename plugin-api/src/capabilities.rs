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
    /// The provider-specific properties that are stored and listed back, by their exact names as
    /// ExternalDNS sends them (`webhook/comment`); `None`: all of them, whatever their names.
    pub properties: Option<Vec<String>>,
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

    /// Names the provider-specific properties that are stored; an empty list says that there are
    /// none. The daemon takes others from an endpoint before ExternalDNS compares it with what is
    /// listed: a property that never comes back would be an update in every loop.
    #[must_use]
    pub fn with_properties<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.properties = Some(names.into_iter().map(Into::into).collect());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_plugin_does_not_say_limits_nothing() {
        let older: Capabilities = serde_json::from_str(r#"{"atomic_units": true, "min_ttl": 60}"#).unwrap();
        assert_eq!(older, Capabilities::default().with_atomic_units().with_ttl_range(60, 0));
        assert_eq!(older.properties, None);
        let none = Capabilities::default().with_properties([] as [&str; 0]);
        let text = serde_json::to_string(&none).unwrap();
        assert_eq!(serde_json::from_str::<Capabilities>(&text).unwrap(), none, "none is not the same as all");
    }
}
