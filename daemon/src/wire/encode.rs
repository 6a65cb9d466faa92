//! Endpoints as ExternalDNS's JSON, straight into chunks of an answer.

use std::io::Write;

use bytes::Bytes;
use zonemux_plugin::{Endpoint, EndpointView};

use super::escape::push_string;
use crate::view::Chunks;

/// A chunk is handed over when it is at least this long.
const CHUNK: usize = 64 * 1024;
/// Room for the endpoint that passes the limit, so that the buffer rarely moves.
const SLACK: usize = 4 * 1024;

/// Encodes endpoints as the inside of a JSON list, without its brackets: lists of several backends are
/// [joined](join) without being written again.
///
/// Fields come in the order of Go's `endpoint.Endpoint`, and empty ones are left out, as there.
#[derive(Debug, Default)]
pub struct ListEncoder {
    buffer: Vec<u8>,
    chunks: Vec<Bytes>,
    /// The length of the chunks.
    full: u64,
    count: usize,
}

/// The inside of a JSON list of endpoints. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct EncodedList {
    /// The text, cut between endpoints.
    pub chunks: Vec<Bytes>,
    /// How many endpoints there are.
    pub count: usize,
    /// The length of the text in bytes.
    pub bytes: u64,
}

impl ListEncoder {
    /// An encoder without any endpoint.
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes all endpoints of a list.
    pub fn encode<E: EndpointView>(endpoints: impl IntoIterator<Item = E>) -> EncodedList {
        let mut encoder = Self::new();
        for endpoint in endpoints {
            encoder.push(&endpoint);
        }
        encoder.finish()
    }

    /// Appends an endpoint.
    pub fn push(&mut self, endpoint: &impl EndpointView) {
        if self.buffer.len() >= CHUNK {
            let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + SLACK));
            self.full += full.len() as u64;
            self.chunks.push(full.into());
        }
        if self.count > 0 {
            self.buffer.push(b',');
        }
        self.count += 1;
        push_endpoint(&mut self.buffer, endpoint);
    }

    /// Where the next endpoint will stand in the text, for [`EncodedList::texts_from`].
    pub fn next_offset(&self) -> u64 {
        // The comma before it belongs to no endpoint.
        self.full + self.buffer.len() as u64 + u64::from(self.count > 0)
    }

    /// How many endpoints there are so far.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The list.
    pub fn finish(mut self) -> EncodedList {
        if !self.buffer.is_empty() {
            // The last chunk may be small, and a small list be kept for long.
            self.buffer.shrink_to_fit();
            self.chunks.push(self.buffer.into());
        }
        let bytes = self.chunks.iter().map(|chunk| chunk.len() as u64).sum();
        EncodedList { chunks: self.chunks, count: self.count, bytes }
    }
}

impl EncodedList {
    /// The offset at which each chunk begins, for [`texts_from`](Self::texts_from).
    pub fn starts(&self) -> Vec<u64> {
        let begun = |end: &mut u64, chunk: &Bytes| Some(std::mem::replace(end, *end + chunk.len() as u64));
        self.chunks.iter().scan(0, begun).collect()
    }

    /// Reads from the chunk on that has an [offset](ListEncoder::next_offset); the [starts](Self::starts) are those
    /// of this list.
    pub fn texts_from(&self, offset: u64, starts: &[u64]) -> Texts<'_> {
        let chunk = starts.partition_point(|&start| start <= offset).saturating_sub(1);
        Texts { chunks: &self.chunks[chunk..], start: starts[chunk] }
    }

    /// Reads of many places, from the first to the last.
    pub fn texts(&self) -> Texts<'_> {
        Texts { chunks: &self.chunks, start: 0 }
    }

    /// The text as one JSON list, to be decoded again.
    pub fn to_json(&self) -> Vec<u8> {
        join([self]).concat()
    }
}

/// How an endpoint begins.
const NAME: &[u8] = br#"{"dnsName":""#;

/// Reads an [`EncodedList`] at offsets that only grow.
#[derive(Debug)]
pub struct Texts<'a> {
    /// Those that lie ahead, the one that was read last included.
    chunks: &'a [Bytes],
    /// The offset of the first of them.
    start: u64,
}

impl<'a> Texts<'a> {
    /// The name of the endpoint at an [offset](ListEncoder::next_offset), no smaller than the last one's; `None` where
    /// it is not written as it is.
    pub fn name_at(&mut self, offset: u64) -> Option<&'a str> {
        let text = self.rest_from(offset)?.strip_prefix(NAME)?;
        let end = text.iter().position(|&byte| matches!(byte, b'"' | b'\\'))?;
        (text[end] == b'"').then(|| str::from_utf8(&text[..end]).ok())?
    }

    /// As [`name_at`](Self::name_at), of an endpoint whose first target begins with a text behind one quote; `None` says
    /// nothing.
    pub fn name_of_text_at(&mut self, offset: u64, begins: &[u8]) -> Option<&'a str> {
        let name = self.name_at(offset)?;
        // What `name_at` has read, and what stands between name and target.
        let behind = self.rest_from(offset)?.get(NAME.len() + name.len()..)?;
        behind.strip_prefix(br#"","targets":["\""#)?.starts_with(begins).then_some(name)
    }

    /// The endpoint at an [offset](ListEncoder::next_offset), no smaller than the last one's.
    pub fn endpoint_at(&mut self, offset: u64) -> Option<Endpoint> {
        // What follows in the chunk is the next endpoint's.
        serde_json::Deserializer::from_slice(self.rest_from(offset)?).into_iter().next()?.ok()
    }

    /// What is left from there on of the chunk that has it.
    fn rest_from(&mut self, offset: u64) -> Option<&'a [u8]> {
        let mut chunk = self.chunks.first()?;
        while offset - self.start >= chunk.len() as u64 {
            self.start += chunk.len() as u64;
            self.chunks = &self.chunks[1..];
            chunk = self.chunks.first()?;
        }
        chunk.get(usize::try_from(offset - self.start).ok()?..)
    }
}

/// One JSON list of the insides of several; `[]` where there is nothing in any of them.
pub fn join<'a>(lists: impl IntoIterator<Item = &'a EncodedList>) -> Chunks {
    let mut chunks = vec![Bytes::from_static(b"[")];
    for list in lists {
        if list.count == 0 {
            continue;
        }
        if chunks.len() > 1 {
            chunks.push(Bytes::from_static(b","));
        }
        chunks.extend(list.chunks.iter().cloned());
    }
    chunks.push(Bytes::from_static(b"]"));
    chunks
}

/// The answer to a negotiation: the zones that may be managed, each with what is below it.
pub fn domain_filter(zones: &[String]) -> Bytes {
    let mut buffer = b"{\"include\":[".to_vec();
    for (index, zone) in zones.iter().enumerate() {
        if index > 0 {
            buffer.push(b',');
        }
        push_string(&mut buffer, zone);
    }
    buffer.extend_from_slice(b"]}");
    buffer.into()
}

/// Puts a brace before the first field and commas before the others.
struct Object<'b> {
    buffer: &'b mut Vec<u8>,
    empty: bool,
}

impl<'b> Object<'b> {
    fn begin(buffer: &'b mut Vec<u8>) -> Self {
        Self { buffer, empty: true }
    }

    /// Starts a field by its key with what stands around it (`,"key":`); its value is the caller's to
    /// write.
    fn field(&mut self, key: &'static [u8]) -> &mut Vec<u8> {
        if std::mem::take(&mut self.empty) {
            self.buffer.push(b'{');
            self.buffer.extend_from_slice(&key[1..]);
        } else {
            self.buffer.extend_from_slice(key);
        }
        self.buffer
    }

    fn text(&mut self, key: &'static [u8], text: &str) {
        if !text.is_empty() {
            push_string(self.field(key), text);
        }
    }

    fn end(self) {
        self.buffer.extend_from_slice(if self.empty { b"{}" } else { b"}" });
    }
}

fn push_endpoint(buffer: &mut Vec<u8>, endpoint: &impl EndpointView) {
    let mut object = Object::begin(buffer);
    object.text(b",\"dnsName\":", endpoint.dns_name());
    let targets = endpoint.targets();
    if targets.len() > 0 {
        push_list(object.field(b",\"targets\":"), targets, push_string);
    }
    object.text(b",\"recordType\":", endpoint.record_type());
    object.text(b",\"setIdentifier\":", endpoint.set_identifier());
    if endpoint.record_ttl() > 0 {
        let field = object.field(b",\"recordTTL\":");
        write!(field, "{}", endpoint.record_ttl()).expect("a vector takes all");
    }
    let labels = endpoint.labels();
    if labels.len() > 0 {
        let field = object.field(b",\"labels\":");
        let mut separator = b'{';
        for (key, value) in labels {
            field.push(separator);
            separator = b',';
            push_string(field, key);
            field.push(b':');
            push_string(field, value);
        }
        field.push(b'}');
    }
    let properties = endpoint.provider_specific();
    if properties.len() > 0 {
        push_list(object.field(b",\"providerSpecific\":"), properties, |buffer, (name, value)| {
            let mut property = Object::begin(buffer);
            property.text(b",\"name\":", name);
            property.text(b",\"value\":", value);
            property.end();
        });
    }
    object.end();
}

fn push_list<T>(buffer: &mut Vec<u8>, items: impl Iterator<Item = T>, mut push: impl FnMut(&mut Vec<u8>, T)) {
    let mut separator = b'[';
    for item in items {
        buffer.push(separator);
        separator = b',';
        push(buffer, item);
    }
    buffer.push(b']');
}
