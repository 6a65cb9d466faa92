//! What `export` and `import` share: RRsets by name and type, in the order of a zone.

use std::collections::BTreeMap;

use zonemux_master_file::name;
use zonemux_plugin::Endpoint;
use zonemux_plugin::dns::canonical;

/// A name and a type, in an order: names as in RFC 4034, section 6.1, then types by their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    order: Vec<u8>,
    /// The type.
    pub(super) record_type: String,
    /// The canonical owner name.
    pub(super) name: String,
}

impl Key {
    /// Of a canonical name.
    pub(super) fn new(name: &str, record_type: &str) -> Self {
        let mut order = Vec::with_capacity(name.len() + 1);
        name::sort_key(name, &mut order);
        Self { order, record_type: record_type.to_owned(), name: name.to_owned() }
    }

    /// Of a record as it is listed; a name that is none counts as it is written.
    pub(super) fn of(record: &Endpoint) -> Self {
        let name = canonical(&record.dns_name);
        Self::new(name.as_deref().unwrap_or(&record.dns_name), &record.record_type)
    }
}

/// RRsets of one zone, or of several.
pub(super) type Sets<T> = BTreeMap<Key, T>;
