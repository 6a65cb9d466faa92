//! One endpoint in one allocation.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use zonemux_plugin::EndpointView;
use zonemux_plugin::dns::suffixes;

/// Ends each label in a key.
const LABEL_END: char = '\u{1}';
/// Stands between the parts of a key. Lower than [`LABEL_END`], so that a name sorts before those
/// below it.
const PART: char = '\0';

/// Where a record stands: name, type and set identifier, such that those of a name stand together,
/// and below its parent. Labels are reversed: `org␁example␁www␁␀A␀`.
pub(crate) fn key(canonical_name: &str, record_type: &str, set_identifier: &str) -> String {
    let mut key = String::new();
    write_key(&mut key, canonical_name, record_type, set_identifier);
    key
}

fn write_key(key: &mut String, canonical_name: &str, record_type: &str, set_identifier: &str) {
    write_name(key, canonical_name);
    key.push(PART);
    key.push_str(record_type);
    key.push(PART);
    key.push_str(set_identifier);
}

/// The part of a key that every record at or below a canonical name starts with.
fn write_name(key: &mut String, canonical_name: &str) {
    if !canonical_name.contains('\\') {
        let mut end = canonical_name.len();
        for (at, _) in canonical_name.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'.') {
            push_label(key, &canonical_name[at + 1..end]);
            end = at;
        }
        push_label(key, &canonical_name[..end]);
        return;
    }
    let above: Vec<&str> = suffixes(canonical_name).collect();
    for (index, suffix) in above.iter().enumerate().rev() {
        // What the next shorter suffix and its dot leave over.
        let rest = above.get(index + 1).map_or(0, |shorter| shorter.len() + 1);
        push_label(key, &suffix[..suffix.len() - rest]);
    }
}

/// Appends a label; the root has none.
fn push_label(key: &mut String, label: &str) {
    if !label.is_empty() {
        key.push_str(label);
        key.push(LABEL_END);
    }
}

/// The parts of a key: name part, type, set identifier.
pub(crate) fn parts(key: &str) -> (&str, &str, &str) {
    let (name, rest) = key.split_once(PART).unwrap_or((key, ""));
    let (record_type, set_identifier) = rest.split_once(PART).unwrap_or((rest, ""));
    (name, record_type, set_identifier)
}

/// The name parts of all names above one, the nearest first.
pub(crate) fn above(name_part: &str) -> impl Iterator<Item = &str> {
    let inside = name_part.strip_suffix(LABEL_END).unwrap_or_default();
    inside.rmatch_indices(LABEL_END).map(|(at, _)| &inside[..=at])
}

/// An endpoint without its labels, as text: key, TTL, name, targets, properties, each behind its
/// length. Lengths are written in characters below 128, so that the whole stays valid UTF-8 and is
/// read without being checked again.
///
/// Shared, because a batch that may be taken back holds on to what it changes.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    text: Arc<str>,
    /// Where the key stands: it is read at every step of every look-up.
    key: (u32, u32),
}

/// Packs endpoints, with buffers that keep their room from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    key: String,
    text: String,
}

impl Packer {
    /// Packs an endpoint of a canonical name, with the name in which it is listed and only these
    /// targets.
    pub(crate) fn pack(
        &mut self,
        canonical_name: &str,
        listed_name: &str,
        endpoint: &impl EndpointView,
        targets: &[&str],
    ) -> Packed {
        let Self { key, text } = self;
        key.clear();
        text.clear();
        write_key(key, canonical_name, endpoint.record_type(), endpoint.set_identifier());
        push_text(text, key);
        let after_key = text.len();
        push_number(text, endpoint.record_ttl() as usize);
        push_text(text, listed_name);
        push_number(text, targets.len());
        for target in targets {
            push_text(text, target);
        }
        push_number(text, endpoint.provider_specific().len());
        for (name, value) in endpoint.provider_specific() {
            push_text(text, name);
            push_text(text, value);
        }
        Packed { text: text.as_str().into(), key: key_range(after_key, key.len()) }
    }
}

/// A key that ends at a place. No key reaches 4 GiB: a batch can't.
fn key_range(end: usize, length: usize) -> (u32, u32) {
    let position = |at| u32::try_from(at).unwrap_or(u32::MAX);
    (position(end - length), position(end))
}

impl Packed {
    /// Reads what [`text`](Self::text) gave, of a file that may hold anything.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut reader = Reader(text);
        let key = reader.text()?;
        (key.matches(PART).count() >= 2).then_some(())?;
        let range = key_range(text.len() - reader.0.len(), key.len());
        u32::try_from(reader.number()?).ok()?;
        reader.text()?;
        for list in [1, 2] {
            let entries = reader.number()?.checked_mul(list)?;
            for _ in 0..entries {
                reader.text()?;
            }
        }
        reader.0.is_empty().then(|| Self { text: text.into(), key: range })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn key(&self) -> &str {
        &self.text[self.key.0 as usize..self.key.1 as usize]
    }

    /// The key for comparing, without asking whether it is cut between characters.
    fn key_bytes(&self) -> &[u8] {
        &self.text.as_bytes()[self.key.0 as usize..self.key.1 as usize]
    }

    fn after_key(&self) -> Reader<'_> {
        Reader(&self.text[self.key.1 as usize..])
    }

    fn after_name(&self) -> Reader<'_> {
        let mut reader = self.after_key();
        reader.number();
        reader.skip_text();
        reader
    }
}

/// Keys are all that two records are compared by.
impl Ord for Packed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key_bytes().cmp(other.key_bytes())
    }
}

impl PartialOrd for Packed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.key_bytes() == other.key_bytes()
    }
}

impl Eq for Packed {}

impl Borrow<str> for Packed {
    fn borrow(&self) -> &str {
        self.key()
    }
}

impl EndpointView for Packed {
    fn dns_name(&self) -> &str {
        let mut reader = self.after_key();
        reader.number();
        reader.text().unwrap_or_default()
    }

    fn record_type(&self) -> &str {
        parts(self.key()).1
    }

    fn set_identifier(&self) -> &str {
        parts(self.key()).2
    }

    fn record_ttl(&self) -> u32 {
        self.after_key().number().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default()
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut reader = self.after_name();
        Texts { left: reader.number().unwrap_or_default(), reader }
    }

    /// None: `ExternalDNS` computes labels from its ownership TXT. Stored ones would show a record
    /// as owned whose TXT is gone.
    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        std::iter::empty()
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let mut reader = self.after_name();
        for _ in 0..reader.number().unwrap_or_default() {
            reader.skip_text();
        }
        Pairs { left: reader.number().unwrap_or_default(), reader }
    }
}

/// Six bits a character, the lowest first; the seventh says that more follow. Six characters hold
/// what a TTL or a length can be.
fn push_number(text: &mut String, mut number: usize) {
    while number >= 64 {
        text.push(char::from((number & 63 | 64).to_le_bytes()[0]));
        number >>= 6;
    }
    text.push(char::from(number.to_le_bytes()[0]));
}

fn push_text(to: &mut String, text: &str) {
    push_number(to, text.len());
    to.push_str(text);
}

/// Writes the length of a text and the text, as [`Reader::text`] reads it.
pub(crate) fn length_prefix(length: usize) -> String {
    let mut prefix = String::with_capacity(4);
    push_number(&mut prefix, length);
    prefix
}

/// Reads numbers and texts off the front.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a str);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for (index, byte) in self.0.bytes().enumerate().take(6) {
            number |= usize::from(byte & 63) << (6 * index);
            if byte & 64 == 0 {
                // A byte of a longer character is no number.
                self.0 = self.0.get(index + 1..)?;
                return byte.is_ascii().then_some(number);
            }
        }
        None
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    fn skip_text(&mut self) {
        self.text();
    }
}

struct Texts<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.left = self.left.checked_sub(1)?;
        self.reader.text()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Texts<'_> {}

struct Pairs<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        self.left = self.left.checked_sub(1)?;
        Some((self.reader.text()?, self.reader.text()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Pairs<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zonemux_plugin::{Endpoint, Property};

    use super::*;

    #[test]
    fn a_name_sorts_before_those_below_it_and_apart_from_its_neighbours() {
        let mut keys = [
            key("b.example.org", "A", ""),
            key("example.org", "TXT", ""),
            key("a.b.example.org", "A", ""),
            key("example.org", "A", "2"),
            key("example.org", "A", "1"),
            key("b-c.example.org", "A", ""),
            key(r"x\.b.example.org", "A", ""),
        ];
        keys.sort();
        let names: Vec<_> = keys.iter().map(|key| parts(key).0.replace(LABEL_END, "/")).collect();
        let below = "org/example/b/a/";
        assert_eq!(
            names,
            [
                "org/example/",
                "org/example/",
                "org/example/",
                "org/example/b/",
                below,
                "org/example/b-c/",
                r"org/example/x\.b/"
            ]
        );
        let of_name = |name| parts(&key(name, "A", "")).0.to_owned();
        assert_eq!(above(&of_name("a.b.org")).map(str::len).collect::<Vec<_>>(), [6, 4]);
        assert!(above(&of_name("org")).next().is_none());
        assert_eq!(of_name("."), "");
    }

    proptest! {
        #[test]
        fn packing_keeps_everything_but_labels(
            targets in proptest::collection::vec("\\PC{0,80}", 0..70),
            set in "\\PC{0,5}",
            ttl in any::<u32>(),
            pairs in proptest::collection::vec(("\\PC{0,9}", "\\PC{0,70}"), 0..4),
        ) {
            let mut endpoint = Endpoint::new("www.Bücher.example", "A", targets).with_ttl(ttl);
            endpoint.set_identifier = set;
            endpoint.provider_specific =
                pairs.into_iter().map(|(name, value)| Property { name, value }).collect();
            let key = key("www.xn--bcher-kva.example", "A", &endpoint.set_identifier);
            let mut packer = Packer::default();
            let targets: Vec<&str> = endpoint.targets.iter().map(String::as_str).collect();
            let packed = packer.pack("www.xn--bcher-kva.example", &endpoint.dns_name, &endpoint, &targets);
            prop_assert_eq!(packed.to_endpoint(), endpoint.clone());
            prop_assert_eq!(packed.key(), key);
            let again = Packed::from_text(packed.text()).unwrap();
            prop_assert_eq!(again.to_endpoint(), endpoint);
            for end in 0..packed.text().len() {
                prop_assert!(packed.text().get(..end).and_then(Packed::from_text).is_none());
            }
        }

        #[test]
        fn no_text_panics(text in "[\\x00-\\x7f]{0,40}|\\PC{0,20}") {
            if let Some(packed) = Packed::from_text(&text) {
                prop_assert_eq!(packed.to_endpoint().targets.len(), packed.targets().len());
            }
        }
    }
}
