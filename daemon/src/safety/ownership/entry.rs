//! One ownership TXT, and the record that it belongs to.

use serde::{Deserialize, Serialize};
use zonemux_plugin::__private::owned_records;
use zonemux_plugin::{Endpoint, EndpointView, is_ownership_txt};

use crate::safety::key::RecordKey;

/// The types that the registry keeps an ownership TXT for.
const OWNED_TYPES: [&str; 10] = ["A", "AAAA", "CNAME", "TXT", "MX", "SRV", "NS", "PTR", "NAPTR", "DNAME"];

/// An ownership TXT as the client sent it, and the record that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnershipEntry {
    txt: Endpoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<RecordKey>,
}

impl OwnershipEntry {
    /// The entry of a TXT that belongs to `record`, where that is known. `None` unless the TXT
    /// [says in readable text](is_readable_ownership) that it is one of the registry's: a user's TXT
    /// belongs to the backend alone.
    pub fn new(txt: &impl EndpointView, record: Option<RecordKey>) -> Option<Self> {
        is_readable_ownership(txt).then(|| Self { txt: txt.to_endpoint(), record })
    }

    /// The TXT, with all that the client sent.
    pub fn txt(&self) -> &Endpoint {
        &self.txt
    }

    /// The record that it belongs to; `None` where that is not known.
    pub fn record(&self) -> Option<&RecordKey> {
        self.record.as_ref()
    }

    /// The key of the TXT.
    pub fn key(&self) -> RecordKey {
        RecordKey::of(&self.txt)
    }

    /// Which ExternalDNS it names as the owner (`--txt-owner-id`).
    pub fn owner(&self) -> Option<&str> {
        let text = unquoted(self.txt.targets.first()?);
        text.split(',').find_map(|token| token.trim().strip_prefix("external-dns/owner="))
    }
}

/// Whether a record is a TXT of the registry that can be read as one. Its text decides: the client's
/// label alone is no proof, and an encrypted text could not be told from a user's.
pub fn is_readable_ownership(endpoint: &impl EndpointView) -> bool {
    endpoint.record_type() == "TXT" && endpoint.targets().len() == 1 && endpoint.targets().all(is_heritage)
}

/// Whether a text says that ExternalDNS owns a record: in quotes, as the registry sends it, or without.
pub fn is_heritage(target: &str) -> bool {
    let rest = unquoted(target).strip_prefix("heritage=external-dns");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
}

fn unquoted(target: &str) -> &str {
    let text = target.trim_ascii();
    text.strip_prefix('"').map_or(text, |rest| rest.strip_suffix('"').unwrap_or(rest))
}

/// The record that an ownership TXT belongs to: the likeliest of those that `is_known` (of its unit, or
/// of the backend's list) says are there. Where it knows none, what the client's label says; a name
/// alone is too little to hide a TXT for.
pub fn owned_record(txt: &impl EndpointView, is_known: impl Fn(&RecordKey) -> bool) -> Option<RecordKey> {
    if !is_ownership_txt(txt) {
        return None;
    }
    let candidates = owned_records(txt);
    let key = |name: &str, record_type: &str| RecordKey {
        name: name.to_owned(),
        record_type: record_type.to_owned(),
        set_identifier: txt.set_identifier().to_owned(),
    };
    let likely = candidates.iter().flat_map(|owned| {
        let types = owned.record_type.as_ref().map_or(&OWNED_TYPES[..], std::slice::from_ref);
        types.iter().map(|record_type| key(&owned.name, record_type))
    });
    let this = RecordKey::of(txt);
    likely.filter(|record| *record != this).find(is_known).or_else(|| {
        let labelled = candidates.iter().find(|owned| owned.labelled)?;
        Some(key(&labelled.name, labelled.record_type?))
    })
}
