//! What `export` and `import` share: RRsets by name and type, in the order of a zone.

use std::collections::BTreeMap;

use zonemux_master_file::{name, rdata};
use zonemux_plugin::dns::canonical_target;

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
}

/// RRsets of one zone, or of several.
pub(super) type Sets<T> = BTreeMap<Key, T>;

/// A target in its one spelling, by which two are compared.
pub(super) fn spelled(record_type: &str, target: &str) -> String {
    if rdata::is_known(record_type) {
        return canonical_target(record_type, target).into_owned();
    }
    rdata::listed(record_type, target).unwrap_or_else(|| target.to_owned())
}
