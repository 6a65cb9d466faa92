//! Virtual ownership as a document that people can read, and take to another machine.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use zonemux_plugin::{Endpoint, dns};

use super::entry::{OwnershipEntry, is_heritage};
use crate::safety::key::RecordKey;

const FORMAT: &str = "zonemux ownership";
const VERSION: u64 = 1;

/// The entries of backends, for [`export`](super::export) and [`import`](super::import).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// By the backend's name.
    pub backends: BTreeMap<String, Vec<OwnershipEntry>>,
}

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFault {
    /// The path from the top, such as `backends.lan[3].txt.targets`; empty for the whole.
    pub place: String,
    /// What was expected there.
    pub message: String,
}

impl fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "`{}`: {}", self.place, self.message)
    }
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    backends: BTreeMap<&'a str, Vec<WrittenEntry<'a>>>,
}

#[derive(Serialize)]
struct WrittenEntry<'a> {
    txt: &'a Endpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Key>,
}

/// A key under the names that an endpoint has for its parts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Key {
    dns_name: String,
    record_type: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    set_identifier: String,
}

/// What is read first; entries one by one, so that each can have its own fault.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    format: String,
    version: u64,
    backends: BTreeMap<String, Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadEntry {
    txt: Endpoint,
    record: Option<Key>,
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = |key: &RecordKey| Key {
            dns_name: key.name.clone(),
            record_type: key.record_type.clone(),
            set_identifier: key.set_identifier.clone(),
        };
        let entry = |entry| {
            let entry: &OwnershipEntry = entry;
            WrittenEntry { txt: entry.txt(), record: entry.record().map(record) }
        };
        let backends = self.backends.iter();
        let backends = backends.map(|(name, entries)| (name.as_str(), entries.iter().map(entry).collect()));
        Written { format: FORMAT, version: VERSION, backends: backends.collect() }.serialize(serializer)
    }
}

impl Document {
    /// The text, indented, with a line break at the end.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads a text. Every fault in it is named; there are none in a document that is returned.
    pub fn read(text: &[u8]) -> Result<Self, Vec<DocumentFault>> {
        let whole = |message: String| vec![DocumentFault { place: String::new(), message }];
        let value: Value =
            serde_json::from_slice(text).map_err(|error| whole(format!("not JSON: {error}")))?;
        let format = value.get("format").and_then(Value::as_str);
        if format != Some(FORMAT) {
            let message =
                format!("expected a document of `zonemux ownership export`, with \"format\": \"{FORMAT}\"");
            return Err(whole(message));
        }
        if value.get("version").and_then(Value::as_u64).is_some_and(|version| version > VERSION) {
            let message = format!("expected {VERSION}: the document was written by a newer zonemux");
            return Err(vec![DocumentFault { place: "version".to_owned(), message }]);
        }
        let read: Read = decode(value, "").map_err(|fault| vec![fault])?;
        debug_assert!(read.format == FORMAT && read.version <= VERSION);
        let mut faults = Vec::new();
        let mut backends = BTreeMap::new();
        for (backend, values) in read.backends {
            let mut entries = Vec::with_capacity(values.len());
            let mut places: HashMap<RecordKey, usize> = HashMap::with_capacity(values.len());
            for (index, value) in values.into_iter().enumerate() {
                let place = format!("backends.{backend}[{index}]");
                match read_entry(value, &place) {
                    Ok(entry) => {
                        if let Some(first) = places.insert(entry.key(), index) {
                            let message = format!("the same TXT as in `backends.{backend}[{first}]`");
                            faults.push(DocumentFault { place: format!("{place}.txt"), message });
                        }
                        entries.push(entry);
                    }
                    Err(found) => faults.extend(found),
                }
            }
            backends.insert(backend, entries);
        }
        if faults.is_empty() { Ok(Self { backends }) } else { Err(faults) }
    }
}

fn decode<T: for<'de> Deserialize<'de>>(value: Value, place: &str) -> Result<T, DocumentFault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let place = match path.as_str() {
            "." => place.to_owned(),
            path if place.is_empty() => path.to_owned(),
            path => format!("{place}.{path}"),
        };
        DocumentFault { place, message: error.into_inner().to_string() }
    })
}

fn read_entry(value: Value, place: &str) -> Result<OwnershipEntry, Vec<DocumentFault>> {
    let ReadEntry { txt, record } = decode(value, place).map_err(|fault| vec![fault])?;
    let mut faults = Vec::new();
    let mut fault =
        |at: &str, message: String| faults.push(DocumentFault { place: format!("{place}.{at}"), message });
    if let Err(error) = dns::canonical(&txt.dns_name) {
        fault("txt.dnsName", error.to_string());
    }
    if txt.record_type != "TXT" {
        fault("txt.recordType", format!("expected \"TXT\", got {:?}", txt.record_type));
    }
    if txt.targets.len() != 1 || !txt.targets.iter().all(|target| is_heritage(target)) {
        fault("txt.targets", "expected one text that begins with `heritage=external-dns`".to_owned());
    }
    let record = record.map(|record| {
        let name = match dns::canonical(&record.dns_name) {
            Ok(name) => name.into_owned(),
            Err(error) => {
                fault("record.dnsName", error.to_string());
                String::new()
            }
        };
        if record.record_type.is_empty() {
            fault("record.recordType", "it is empty".to_owned());
        }
        RecordKey { name, record_type: record.record_type, set_identifier: record.set_identifier }
    });
    match OwnershipEntry::new(&txt, record) {
        Some(entry) if faults.is_empty() => Ok(entry),
        _ => Err(faults),
    }
}
