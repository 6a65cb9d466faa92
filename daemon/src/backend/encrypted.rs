//! Ownership TXT whose text the registry has encrypted. A list has no labels, and the text says nothing:
//! that it is opaque, and that the name is one that the registry makes of a listed record's, has to do.

use std::collections::HashSet;

use zonemux_plugin::__private::owned_records;
use zonemux_plugin::{Endpoint, EndpointView, dns};

use super::index::key_hash;

/// The shortest text that the registry's encryption makes, in characters: base64 of a nonce (12 bytes),
/// the frame of a gzip stream (18) and a tag (16).
const SHORTEST: usize = 64;

/// Records of a list that may be encrypted ownership TXT, until the list is complete.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<Candidate>);

#[derive(Debug)]
struct Candidate {
    /// Canonical.
    name: String,
    set_identifier: String,
    /// The position of its zone.
    zone: usize,
}

/// The encrypted ownership TXT of a list, by the hashes of their keys.
#[derive(Debug, Default)]
pub(super) struct Encrypted(HashSet<u64>);

/// Whether a TXT may be an encrypted ownership TXT.
fn is_opaque_txt(endpoint: &impl EndpointView) -> bool {
    let mut targets = endpoint.targets();
    // Servers take long texts apart: "…" "…".
    let is_opaque = |text: &str| {
        let text: String = text.chars().filter(|&character| character != '"' && character != ' ').collect();
        let body = text.trim_end_matches('=');
        text.len() >= SHORTEST
            && text.len().is_multiple_of(4)
            && text.len() - body.len() <= 2
            && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
    };
    targets.next().is_some_and(is_opaque) && targets.next().is_none()
}

impl Candidates {
    /// Looks at a TXT that is no readable ownership TXT.
    pub(super) fn push(&mut self, name: &str, endpoint: &impl EndpointView, zone: usize) {
        if is_opaque_txt(endpoint) {
            let (name, set_identifier) = (name.to_owned(), endpoint.set_identifier().to_owned());
            self.0.push(Candidate { name, set_identifier, zone });
        }
    }

    /// Which of them are ownership TXT, now that all records are known: those whose name is made of a
    /// listed record's, and that have no such TXT themselves. `has` says whether a key is listed, by its
    /// hash; `each` is told the zone of every one.
    pub(super) fn settle(&self, has: impl Fn(u64) -> bool, mut each: impl FnMut(usize)) -> Encrypted {
        let hash = |candidate: &Candidate| key_hash(&candidate.name, "TXT", &candidate.set_identifier);
        let owning: Vec<(u64, Vec<u64>)> =
            self.0.iter().map(|candidate| (hash(candidate), candidate.owned(&has))).collect();
        let owned: HashSet<u64> = owning.iter().flat_map(|(_, owned)| owned).copied().collect();
        let mut encrypted = HashSet::new();
        for (candidate, (hash, owns)) in self.0.iter().zip(&owning) {
            if !owns.is_empty() && !owned.contains(hash) {
                each(candidate.zone);
                encrypted.insert(*hash);
            }
        }
        Encrypted(encrypted)
    }
}

impl Candidate {
    /// The listed records that its name may be made of.
    fn owned(&self, has: impl Fn(u64) -> bool) -> Vec<u64> {
        // A prefix may be a label of its own: `_owner.a-www` for `www`.
        let names = dns::suffixes(&self.name).take(2);
        let guesses = names.flat_map(|name| owned_records(&Endpoint::new(name, "TXT", [] as [&str; 0])));
        let keys = guesses.flat_map(|guess| {
            // An alias is an A whose TXT says CNAME.
            let types = match guess.record_type {
                Some("CNAME") => &["CNAME", "A"][..],
                Some("A") => &["A"],
                Some("AAAA") => &["AAAA"],
                Some(other) => return vec![key_hash(&guess.name, other, &self.set_identifier)],
                // A name that says no type is some TXT beside a record.
                None => &[],
            };
            types.iter().map(|of| key_hash(&guess.name, of, &self.set_identifier)).collect()
        });
        let this = key_hash(&self.name, "TXT", &self.set_identifier);
        keys.filter(|&key| key != this && has(key)).collect()
    }
}

impl Encrypted {
    /// Whether the TXT of that canonical name and set identifier is one.
    pub(super) fn contains(&self, name: &str, set_identifier: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&key_hash(name, "TXT", set_identifier))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{List, Scope};
    use super::*;

    fn opaque() -> String {
        format!("\"{}==\"", "kPq0eXAmPl+/".repeat(8).split_at(94).0)
    }

    fn list(records: &[(&str, &str, &str)]) -> List {
        let scope = Arc::new(Scope::new(["example.org"], []));
        let name = |name: &str| format!("{name}.example.org");
        List::of(&scope, records.iter().map(|(of, kind, text)| Endpoint::new(name(of), *kind, [*text])))
    }

    #[track_caller]
    fn counted(records: &[(&str, &str, &str)], expected: u64) -> List {
        let list = list(records);
        assert_eq!(list.zones(), [("example.org".to_owned(), expected)], "{records:?}");
        list
    }

    #[test]
    fn an_encrypted_txt_beside_its_record_does_not_count() {
        let text = &*opaque();
        for name in ["a-www", "www-a", "owner-a-www", "x-a.www", "_owner.a-www", "_owner-a.www"] {
            let list = counted(&[("www", "A", "192.0.2.1"), (name, "TXT", text)], 1);
            assert!(list.is_encrypted_ownership(&format!("{name}.example.org"), ""));
            counted(&[(name, "TXT", text), ("www", "A", "192.0.2.1")], 1);
        }
        counted(&[("www", "A", "192.0.2.1"), ("cname-www", "TXT", text)], 1);
        let halves = format!("{}\" \"{}", &text[..50], &text[50..]);
        counted(&[("www", "A", "192.0.2.1"), ("a-www", "TXT", &halves)], 1);
    }

    #[test]
    fn a_txt_of_its_own_counts() {
        let text = &*opaque();
        let www = ("www", "A", "192.0.2.1");
        // No record of that name, or of another type.
        counted(&[("a-www", "TXT", text)], 1);
        counted(&[www, ("aaaa-www", "TXT", text)], 2);
        // Beside the record, or readable.
        counted(&[www, ("www", "TXT", text)], 2);
        for readable in ["\"v=spf1 -all\"", "\"abcd\"", "verification=abcdefghijklmnopqrstuvwxyz"] {
            let list = counted(&[www, ("a-www", "TXT", readable)], 2);
            assert!(!list.is_encrypted_ownership("a-www.example.org", ""));
        }
        // ExternalDNS itself keeps it, since it has an ownership TXT of its own.
        counted(&[www, ("a-www", "TXT", text), ("txt-a-www", "TXT", text)], 2);
    }
}
