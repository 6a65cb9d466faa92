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
    let mut key = name_key(canonical_name);
    key.push(PART);
    key.push_str(record_type);
    key.push(PART);
    key.push_str(set_identifier);
    key
}

/// The part of a key that every record at or below a canonical name starts with.
pub(crate) fn name_key(canonical_name: &str) -> String {
    let above: Vec<&str> = suffixes(canonical_name).collect();
    let mut key = String::with_capacity(canonical_name.len() + 16);
    for (index, suffix) in above.iter().enumerate().rev() {
        // What the next shorter suffix and its dot leave over.
        let rest = above.get(index + 1).map_or(0, |shorter| shorter.len() + 1);
        key.push_str(&suffix[..suffix.len() - rest]);
        key.push(LABEL_END);
    }
    key
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
pub(crate) struct Packed(Arc<str>);

impl Packed {
    /// Packs an endpoint under a key, with the name in which it is listed and only these targets.
    pub(crate) fn new(key: &str, name: &str, endpoint: &impl EndpointView, targets: &[&str]) -> Self {
        let mut text = String::with_capacity(256);
        push_text(&mut text, key);
        push_number(&mut text, endpoint.record_ttl() as usize);
        push_text(&mut text, name);
        push_number(&mut text, targets.len());
        for target in targets {
            push_text(&mut text, target);
        }
        push_number(&mut text, endpoint.provider_specific().len());
        for (name, value) in endpoint.provider_specific() {
            push_text(&mut text, name);
            push_text(&mut text, value);
        }
        Self(text.as_str().into())
    }

    /// Reads what [`text`](Self::text) gave, of a file that may hold anything.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut reader = Reader(text);
        let key = reader.text()?;
        (key.matches(PART).count() >= 2).then_some(())?;
        u32::try_from(reader.number()?).ok()?;
        reader.text()?;
        for list in [1, 2] {
            let entries = reader.number()?.checked_mul(list)?;
            for _ in 0..entries {
                reader.text()?;
            }
        }
        reader.0.is_empty().then(|| Self(text.into()))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    pub(crate) fn key(&self) -> &str {
        Reader(&self.0).text().unwrap_or_default()
    }

    fn after_key(&self) -> Reader<'_> {
        let mut reader = Reader(&self.0);
        reader.skip_text();
        reader
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
        self.key().cmp(other.key())
    }
}

impl PartialOrd for Packed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
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
        let name = name_key("a.b.org");
        assert_eq!(above(&name).map(str::len).collect::<Vec<_>>(), [6, 4]);
        assert!(above(&name_key("org")).next().is_none());
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
            let targets: Vec<&str> = endpoint.targets.iter().map(String::as_str).collect();
            let packed = Packed::new(&key, &endpoint.dns_name, &endpoint, &targets);
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
