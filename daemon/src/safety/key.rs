//! What names an RRset.

use std::fmt;

use serde::{Deserialize, Serialize};
use zonemux_plugin::{EndpointView, dns};

/// What names an RRset: two endpoints with one key are the same record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordKey {
    /// The owner name, canonical; one that is no domain name stays as it was sent.
    pub name: String,
    /// `A`, `TXT`, …
    pub record_type: String,
    /// Tells RRsets of one name and type apart; mostly empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set_identifier: String,
}

impl RecordKey {
    /// The key of an endpoint.
    pub fn of(endpoint: &impl EndpointView) -> Self {
        let name = endpoint.dns_name();
        Self {
            name: dns::canonical(name).map_or_else(|_| name.to_owned(), std::borrow::Cow::into_owned),
            record_type: endpoint.record_type().to_owned(),
            set_identifier: endpoint.set_identifier().to_owned(),
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.record_type)?;
        if self.set_identifier.is_empty() { Ok(()) } else { write!(f, " ({})", self.set_identifier) }
    }
}
