//! Finds single records in a list that is kept as text: sixteen bytes a record instead of a second
//! copy of the list.

use std::hash::BuildHasher;
use std::sync::{LazyLock, OnceLock};

use foldhash::quality::RandomState;
use zonemux_plugin::{Endpoint, EndpointView, dns};

use crate::wire::EncodedList;

/// One for the process: hashes are compared between lists, and never stored. Seeded at random; a record
/// found by its hash is compared in full, so that a collision costs no more than time.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// Where each record of an [`EncodedList`] stands, by what names it.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Hashes and offsets in the order of the list.
    entries: Vec<(u64, u32)>,
    /// The same sorted by hash, made when it is first asked for: most lists are served and forgotten.
    sorted: OnceLock<Vec<(u64, u32)>>,
}

/// The hash of (canonical name, type, set identifier).
pub(super) fn key_hash(name: &str, record_type: &str, set_identifier: &str) -> u64 {
    HASHER.hash_one((name, record_type, set_identifier))
}

impl Index {
    /// Adds the record that is about to be written at an offset. Beyond 4 GiB of text nothing is found,
    /// which nobody can be sent either.
    pub(super) fn push(&mut self, name: &str, endpoint: &impl EndpointView, offset: u64) {
        let Ok(offset) = u32::try_from(offset) else { return };
        let hash = key_hash(name, endpoint.record_type(), endpoint.set_identifier());
        self.entries.push((hash, offset));
    }

    /// Whether there is a record whose name, type and set identifier have this [hash](key_hash).
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.sorted().binary_search_by_key(&hash, |&(hash, _)| hash).is_ok()
    }

    fn sorted(&self) -> &[(u64, u32)] {
        self.sorted.get_or_init(|| {
            let mut sorted = self.entries.clone();
            sorted.sort_unstable();
            sorted
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
        let sorted = self.sorted();
        let wanted = key_hash(name, record_type, set_identifier);
        let first = sorted.partition_point(|(hash, _)| *hash < wanted);
        let same = sorted[first..].iter().take_while(|(hash, _)| *hash == wanted);
        same.filter_map(|&(_, offset)| list.endpoint_at(offset.into()))
            .filter(|found| {
                found.record_type == record_type
                    && found.set_identifier == set_identifier
                    && dns::canonical(&found.dns_name).is_ok_and(|found| found == name)
            })
            .collect()
    }
}
