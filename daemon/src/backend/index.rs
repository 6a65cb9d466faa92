//! Finds single records in a list that is kept as text: a few bytes a record instead of a second copy of the
//! list.

use std::hash::BuildHasher;
use std::sync::{LazyLock, OnceLock};

use foldhash::quality::RandomState;
use zonemux_plugin::{Endpoint, EndpointView, dns};

use super::counted::{Counted, OTHER, TXT};
use crate::wire::EncodedList;

/// One for the process: hashes are compared between lists, and never stored. Seeded at random; a record
/// found by its hash is compared in full, so that a collision costs no more than time.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Where each record of an [`EncodedList`] stands, by what names it.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// In the order of the list.
    entries: Vec<Entry>,
    /// Made from the text when it is first asked for, since most lists are served and forgotten.
    sorted: OnceLock<Sorted>,
}

#[derive(Debug)]
struct Sorted {
    /// Hashes and offsets, sorted by hash.
    hashes: Vec<(u64, u32)>,
    /// Where the chunks of the text begin.
    starts: Vec<u64>,
}

/// What is noted of a record while the list is made, so that its key is read out of the text in a few steps.
#[derive(Debug)]
struct Entry {
    offset: u32,
    record_type: Counted,
    /// Whether it is without set identifier, and its name canonical as it was listed.
    is_plain: bool,
}

/// The hash of (canonical name, type, set identifier).
pub(super) fn key_hash(name: &str, record_type: &str, set_identifier: &str) -> u64 {
    HASHER.hash_one((name, record_type, set_identifier))
}

impl Index {
    /// Adds the record that is about to be written at an offset; `is_canonical` says whether its name is canonical
    /// as it stands. Beyond 4 GiB of text nothing is found, which nobody can be sent either.
    #[inline]
    pub(super) fn push(
        &mut self,
        endpoint: &impl EndpointView,
        record_type: Counted,
        is_canonical: bool,
        offset: u64,
    ) {
        let Ok(offset) = u32::try_from(offset) else { return };
        let is_plain = is_canonical && endpoint.set_identifier().is_empty();
        self.entries.push(Entry { offset, record_type, is_plain });
    }

    /// Where the TXT records stand, in the order of the list.
    pub(super) fn texts(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().filter(|entry| entry.record_type == TXT).map(|entry| entry.offset.into())
    }

    /// Whether there is a record whose name, type and set identifier have this [hash](key_hash).
    pub(super) fn contains(&self, list: &EncodedList, hash: u64) -> bool {
        self.sorted(list).hashes.binary_search_by_key(&hash, |&(hash, _)| hash).is_ok()
    }

    fn sorted(&self, list: &EncodedList) -> &Sorted {
        self.sorted.get_or_init(|| {
            let mut texts = list.texts();
            let hashes = self.entries.iter().filter_map(|entry| {
                let hash = match texts.name_at(entry.offset.into()) {
                    Some(name) if entry.is_plain && entry.record_type != OTHER => {
                        key_hash(name, entry.record_type.name(), "")
                    }
                    _ => hash_of(&texts.endpoint_at(entry.offset.into())?)?,
                };
                Some((hash, entry.offset))
            });
            let mut hashes: Vec<(u64, u32)> = hashes.collect();
            hashes.sort_unstable();
            Sorted { hashes, starts: list.starts() }
        })
    }

    /// The records of that name, type and set identifier: one, or as many as the backend listed.
    pub(super) fn find(
        &self,
        list: &EncodedList,
        name: &str,
        record_type: &str,
        set_identifier: &str,
    ) -> Vec<Endpoint> {
        let Sorted { hashes, starts } = self.sorted(list);
        let wanted = key_hash(name, record_type, set_identifier);
        let first = hashes.partition_point(|(hash, _)| *hash < wanted);
        let same = hashes[first..].iter().take_while(|(hash, _)| *hash == wanted);
        same.filter_map(|&(_, offset)| list.texts_from(offset.into(), starts).endpoint_at(offset.into()))
            .filter(|found| {
                found.record_type == record_type
                    && found.set_identifier == set_identifier
                    && dns::canonical(&found.dns_name).is_ok_and(|found| found == name)
            })
            .collect()
    }
}

fn hash_of(endpoint: &Endpoint) -> Option<u64> {
    let name = dns::canonical(&endpoint.dns_name).ok()?;
    Some(key_hash(&name, &endpoint.record_type, &endpoint.set_identifier))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{List, Scope};
    use super::*;

    #[test]
    fn every_record_is_found_however_its_key_is_written() {
        // Canonical as listed and not, with what JSON escapes, in types that are counted apart and that are not.
        let written = [
            ("www.example.org", "A", ""),
            ("www.example.org", "A", "blue"),
            ("WWW.example.org", "AAAA", ""),
            ("dot.example.org.", "A", ""),
            (r"a\.b.example.org", "TXT", ""),
            ("say\"so\".example.org", "TXT", ""),
            ("bücher.example.org", "CNAME", ""),
            ("www.example.org", "TLSA", ""),
            ("example.org", "other", ""),
        ];
        // Beyond one chunk of text.
        let between = (0..2000).map(|host| Endpoint::new(format!("h{host}.example.org"), "A", ["192.0.2.1"]));
        let endpoint = |&(name, record_type, set_identifier): &(&str, &str, &str)| {
            let mut endpoint = Endpoint::new(name, record_type, ["x"]);
            set_identifier.clone_into(&mut endpoint.set_identifier);
            endpoint
        };
        let (before, after) = written.split_at(4);
        let endpoints: Vec<Endpoint> =
            before.iter().map(endpoint).chain(between).chain(after.iter().map(endpoint)).collect();
        let list = List::of(&Arc::new(Scope::new(["example.org"], [])), &endpoints);
        assert!(list.json.chunks.len() > 1);
        for listed in &endpoints {
            let name = dns::canonical(&listed.dns_name).unwrap();
            let found = list.find(&name, &listed.record_type, &listed.set_identifier);
            assert_eq!(found.as_slice(), std::slice::from_ref(listed));
        }
        assert!(list.find("www.example.org", "SPF", "").is_empty());
        assert!(list.find("www.example.org", "A", "green").is_empty());
    }
}
