//! What names a unit in tables, and the state that is wished for it.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zonemux_plugin::{EndpointView, dns, is_ownership_txt};

use super::key::RecordKey;
use super::ownership::is_heritage;

/// A key as text, no two keys having the same: `www.example.org A`, with a set identifier
/// `www.example.org A "north"`.
pub fn key_text(key: &RecordKey) -> String {
    let mut text = String::with_capacity(key.name.len() + key.record_type.len() + 1);
    push_key(&mut text, key);
    text
}

fn push_key(text: &mut String, key: &RecordKey) {
    // A space that belongs to a name is escaped there.
    text.push_str(&key.name);
    text.push(' ');
    text.push_str(&key.record_type);
    if !key.set_identifier.is_empty() {
        // Writing to a string can't fail.
        let _written = write!(text, " {:?}", key.set_identifier);
    }
}

/// What a unit is called: its records. The same unit has the same name in every batch and every version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(String);

impl UnitId {
    /// The unit of these records, in whatever order. Give the records without their ownership TXT; of
    /// a unit that has nothing else, the TXT.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a RecordKey>) -> Self {
        let mut keys: Vec<&RecordKey> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let mut text = String::new();
        for key in keys {
            if !text.is_empty() {
                text.push_str(", ");
            }
            push_key(&mut text, key);
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state that is wished for a unit: the same for a create and an update of the same record, for
/// targets in another order or spelling, and in every version of zonemux.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateHash([u8; 16]);

/// Gathers what a unit's records shall be, in whatever order.
#[derive(Debug, Clone, Default)]
pub struct StateHashBuilder {
    records: Vec<Vec<u8>>,
}

impl StateHash {
    /// Begins with no record.
    pub fn builder() -> StateHashBuilder {
        StateHashBuilder::default()
    }
}

impl StateHashBuilder {
    /// A record that shall be there with these targets, TTL and properties.
    ///
    /// Of an ownership TXT whose text is encrypted only the key counts: the registry encrypts it anew,
    /// and differently, in each loop.
    pub fn present(&mut self, endpoint: &impl EndpointView) -> &mut Self {
        let mut record = keyed(b'+', &RecordKey::of(endpoint));
        if is_ownership_txt(endpoint) && !endpoint.targets().any(is_heritage) {
            self.records.push(record);
            return self;
        }
        let record_type = endpoint.record_type();
        let mut targets: Vec<_> =
            endpoint.targets().map(|target| dns::canonical_target(record_type, target)).collect();
        targets.sort_unstable();
        targets.dedup();
        push_length(&mut record, targets.len());
        for target in &targets {
            push(&mut record, target);
        }
        record.extend(endpoint.record_ttl().to_be_bytes());
        let mut properties: Vec<_> = endpoint.provider_specific().collect();
        properties.sort_unstable();
        push_length(&mut record, properties.len());
        for (name, value) in properties {
            push(&mut record, name);
            push(&mut record, value);
        }
        self.records.push(record);
        self
    }

    /// A record that shall not be there.
    pub fn absent(&mut self, key: &RecordKey) -> &mut Self {
        self.records.push(keyed(b'-', key));
        self
    }

    /// The hash.
    pub fn finish(&mut self) -> StateHash {
        self.records.sort_unstable();
        self.records.dedup();
        let mut hash = Sha256::new_with_prefix(b"zonemux unit state 1");
        for record in &self.records {
            hash.update((record.len() as u64).to_be_bytes());
            hash.update(record);
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        StateHash(first)
    }
}

fn keyed(sign: u8, key: &RecordKey) -> Vec<u8> {
    let mut record = vec![sign];
    push(&mut record, &key.name);
    push(&mut record, &key.record_type);
    push(&mut record, &key.set_identifier);
    record
}

fn push(record: &mut Vec<u8>, text: &str) {
    push_length(record, text.len());
    record.extend_from_slice(text.as_bytes());
}

fn push_length(record: &mut Vec<u8>, length: usize) {
    record.extend((length as u64).to_be_bytes());
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for StateHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StateHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32);
        let expected = || serde::de::Error::custom("expected a hash of 32 hexadecimal digits");
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(expected)
    }
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::{Endpoint, Property};

    use super::*;

    fn key(name: &str, record_type: &str, set_identifier: &str) -> RecordKey {
        RecordKey {
            name: name.into(),
            record_type: record_type.into(),
            set_identifier: set_identifier.into(),
        }
    }

    fn hash(endpoint: &Endpoint) -> StateHash {
        StateHash::builder().present(endpoint).finish()
    }

    #[test]
    fn a_unit_has_one_name_whatever_the_order() {
        let keys = [key("www.example.org", "CNAME", ""), key("www.example.org", "A", "north, \"x\"")];
        let id = UnitId::of(&keys);
        assert_eq!(id.as_str(), r#"www.example.org A "north, \"x\"", www.example.org CNAME"#);
        assert_eq!(id, UnitId::of(keys.iter().rev().chain(&keys)));
        // A set identifier can't pass for another record.
        assert_ne!(
            UnitId::of([&key("a", "A", "x\", b A \"y")]),
            UnitId::of(&[key("a", "A", "x"), key("b", "A", "y")])
        );
    }

    #[test]
    fn one_state_has_one_hash() {
        let www = Endpoint::new("www.example.org", "AAAA", ["2001:db8::1", "2001:db8::2"]).with_ttl(60);
        let same = Endpoint::new("WWW.example.org", "AAAA", ["2001:DB8::2", "2001:db8:0::1", "2001:db8::1"]);
        assert_eq!(hash(&www), hash(&same.with_ttl(60)));
        let mut labelled = www.clone();
        labelled.labels.insert("resource".into(), "ingress/x".into());
        assert_eq!(hash(&www), hash(&labelled), "labels are the client's own");
        let absent = |name| StateHash::builder().absent(&key(name, "A", "")).present(&www).finish();
        assert_eq!(absent("a"), StateHash::builder().present(&www).absent(&key("a", "A", "")).finish());
        assert_ne!(absent("a"), absent("b"));
    }

    #[test]
    fn whatever_a_backend_sees_changes_the_hash() {
        let www = Endpoint::new("www.example.org", "A", ["192.0.2.1"]).with_ttl(60);
        let property = |name: &str| Property { name: name.into(), value: "x".into() };
        let others = [
            Endpoint { dns_name: "ww.example.org".into(), ..www.clone() },
            Endpoint { record_type: "TXT".into(), ..www.clone() },
            Endpoint { set_identifier: "north".into(), ..www.clone() },
            Endpoint { targets: vec!["192.0.2.2".into()], ..www.clone() },
            Endpoint { targets: vec!["192.0.2.1".into(), "192.0.2.2".into()], ..www.clone() },
            Endpoint { targets: Vec::new(), ..www.clone() },
            www.clone().with_ttl(61),
            Endpoint { provider_specific: vec![property("a")], ..www.clone() },
            Endpoint { provider_specific: vec![property("b")], ..www.clone() },
        ];
        let mut hashes: Vec<String> =
            others.iter().chain([&www]).map(|other| hash(other).to_string()).collect();
        hashes.push(StateHash::builder().absent(&RecordKey::of(&www)).finish().to_string());
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), others.len() + 2);
    }

    #[test]
    fn a_registry_that_encrypts_anew_each_loop_asks_for_the_same() {
        let txt = |text: &str| {
            let mut txt = Endpoint::new("a-www.example.org", "TXT", [text]);
            txt.labels.insert("ownedRecord".into(), "www.example.org".into());
            txt
        };
        assert_eq!(hash(&txt("\"kPq0eXAmPlE=\"")), hash(&txt("\"0therNonce==\"")));
        let readable = |owner: &str| txt(&format!("\"heritage=external-dns,external-dns/owner={owner}\""));
        assert_ne!(hash(&readable("a")), hash(&readable("b")));
    }

    #[test]
    fn the_hash_is_the_same_in_every_version() {
        let www = Endpoint::new("www.example.org", "A", ["192.0.2.1"]).with_ttl(60);
        let hash = hash(&www);
        assert_eq!(hash.to_string(), "cf7032480fd8e3d5450115433883acad");
        let stored = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<StateHash>(&stored).unwrap(), hash);
        assert!(serde_json::from_str::<StateHash>("\"12\"").is_err());
    }
}
