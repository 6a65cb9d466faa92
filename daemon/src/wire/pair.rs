//! Which old record an update replaces.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use zonemux_plugin::{EndpointRef, Endpoints};

/// Pairs each new record with the old one of the same name, type and set identifier. ExternalDNS's
/// two lists need not be in one order, and an old one may be missing. An old record without a new one
/// asks for nothing, and is left out.
pub(super) fn pair(endpoints: &Endpoints, old: &[u32], new: &[u32]) -> Vec<(Option<u32>, u32)> {
    let key = |&position: &u32| endpoints.get(position as usize).map(Identity);
    let mut unpaired = HashMap::with_capacity(old.len());
    for position in old {
        if let Some(key) = key(position) {
            unpaired.entry(key).or_insert(*position);
        }
    }
    let pairs =
        new.iter().map(|position| (key(position).and_then(|key| unpaired.remove(&key)), *position)).collect();
    if !unpaired.is_empty() {
        tracing::debug!(records = unpaired.len(), "updateOld names records that updateNew does not");
    }
    pairs
}

/// What makes two endpoints the same record: names compare without case and trailing dot.
struct Identity<'a>(EndpointRef<'a>);

impl<'a> Identity<'a> {
    fn name(&self) -> &'a str {
        let name = self.0.dns_name();
        name.strip_suffix('.').unwrap_or(name)
    }
}

impl PartialEq for Identity<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name().eq_ignore_ascii_case(other.name())
            && self.0.record_type().eq_ignore_ascii_case(other.0.record_type())
            && self.0.set_identifier() == other.0.set_identifier()
    }
}

impl Eq for Identity<'_> {}

impl Hash for Identity<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut hash_lower = |text: &str| {
            let mut lower = [0; 64];
            for part in text.as_bytes().chunks(lower.len()) {
                let lower = &mut lower[..part.len()];
                lower.copy_from_slice(part);
                lower.make_ascii_lowercase();
                state.write(lower);
            }
            state.write_u8(0xff);
        };
        hash_lower(self.name());
        hash_lower(self.0.record_type());
        self.0.set_identifier().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::Endpoint;

    use super::*;

    fn endpoint(name: &str, record_type: &str, set_identifier: &str) -> Endpoint {
        let endpoint = Endpoint::new(name, record_type, ["192.0.2.1"]);
        Endpoint { set_identifier: set_identifier.to_owned(), ..endpoint }
    }

    #[test]
    fn pairs_by_identity_and_not_by_index() {
        let endpoints: Endpoints = [
            endpoint("a.example.org", "A", ""),
            endpoint("b.example.org", "A", ""),
            endpoint("b.example.org", "A", "north"),
            endpoint("gone.example.org", "A", ""),
            endpoint("b.example.org", "A", "north"),
            endpoint("B.Example.org.", "A", ""),
            endpoint("a.example.org", "AAAA", ""),
            endpoint("a.example.org", "A", ""),
            endpoint("b.example.org", "A", "North"),
        ]
        .iter()
        .collect();
        let pairs = pair(&endpoints, &[0, 1, 2, 3], &[4, 5, 6, 7, 8]);
        assert_eq!(pairs, [(Some(2), 4), (Some(1), 5), (None, 6), (Some(0), 7), (None, 8)]);
    }

    #[test]
    fn a_record_named_twice_is_paired_once() {
        let record = endpoint("a.example.org", "A", "");
        let endpoints: Endpoints = [record.clone(), record.clone(), record.clone(), record].iter().collect();
        assert_eq!(pair(&endpoints, &[0, 1], &[2, 3]), [(Some(0), 2), (None, 3)]);
    }
}
