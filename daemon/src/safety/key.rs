//! What names an RRset.

use std::fmt;

use serde::{Deserialize, Serialize};
use zonemux_plugin::{EndpointView, dns};

/// What names an RRset: changes and lists are compared by it, tables are keyed by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordKey {
    /// The owner name, [canonical](dns::canonical) where it is a domain name.
    pub name: String,
    /// The record type.
    pub record_type: String,
    /// Empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub set_identifier: String,
}

impl RecordKey {
    /// What names an endpoint.
    pub fn of(endpoint: &impl EndpointView) -> Self {
        let name = endpoint.dns_name();
        Self {
            name: dns::canonical(name).map_or_else(|_| name.to_owned(), |name| name.into_owned()),
            record_type: endpoint.record_type().to_owned(),
            set_identifier: endpoint.set_identifier().to_owned(),
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.record_type)?;
        if !self.set_identifier.is_empty() {
            write!(f, " ({})", self.set_identifier)?;
        }
        Ok(())
    }
}
