//! Endpoints in two columns: their numbers, then their text.
//!
//! ```text
//! u32     length of the numbers in bytes
//! u32 …   for each endpoint: TTL in seconds, how many targets, labels, properties;
//!         the lengths in bytes of name, type, set identifier, each target,
//!         each label's key and value, each property's name and value
//! …       all of that text (UTF-8), in the same order, to the end
//! ```
//!
//! The text of a frame is checked once as a whole, and an endpoint is read where it lies: nothing is copied, and
//! there is nothing to escape. JSON costs three times as much to read.

use zonemux_plugin::EndpointView;

use super::FrameError;

/// Numbers before the lengths of an endpoint's first three texts.
const COUNTS: usize = 4;

/// Endpoints, being written.
#[derive(Debug, Default)]
pub(in crate::plugin) struct Writer {
    numbers: Vec<u8>,
    text: Vec<u8>,
    count: u32,
}

impl Writer {
    /// Appends an endpoint.
    pub(in crate::plugin) fn push(&mut self, endpoint: &impl EndpointView) {
        let (targets, labels) = (endpoint.targets(), endpoint.labels());
        let properties = endpoint.provider_specific();
        self.number(endpoint.record_ttl() as usize);
        self.number(targets.len());
        self.number(labels.len());
        self.number(properties.len());
        self.text(endpoint.dns_name());
        self.text(endpoint.record_type());
        self.text(endpoint.set_identifier());
        for target in targets {
            self.text(target);
        }
        for (key, value) in labels.chain(properties) {
            self.text(key);
            self.text(value);
        }
        self.count += 1;
    }

    /// The bytes so far.
    pub(in crate::plugin) fn size(&self) -> usize {
        4 + self.numbers.len() + self.text.len()
    }

    /// How many endpoints there are.
    pub(in crate::plugin) fn count(&self) -> u32 {
        self.count
    }

    /// The three parts of a payload.
    pub(in crate::plugin) fn parts(&self) -> ([u8; 4], &[u8], &[u8]) {
        (length(self.numbers.len()), &self.numbers, &self.text)
    }

    /// Forgets all endpoints, and keeps the room.
    pub(in crate::plugin) fn clear(&mut self) {
        self.numbers.clear();
        self.text.clear();
        self.count = 0;
    }

    fn number(&mut self, number: usize) {
        self.numbers.extend_from_slice(&length(number));
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.text.extend_from_slice(text.as_bytes());
    }
}

/// A length beyond 4 GiB can't be in a frame, whose length is checked when it is sent.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

/// Endpoints, being read. Ends at the first that can't be.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Reader<'a> {
    numbers: Numbers<'a>,
    text: &'a str,
}

/// An endpoint in a frame, all of whose lengths were found to fit.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Row<'a> {
    record_ttl: u32,
    dns_name: &'a str,
    record_type: &'a str,
    set_identifier: &'a str,
    targets: Texts<'a>,
    labels: Texts<'a>,
    provider_specific: Texts<'a>,
}

fn broken(why: &str) -> FrameError {
    FrameError::Payload("endpoints", why.into())
}

impl<'a> Reader<'a> {
    /// Reads a payload.
    pub(in crate::plugin) fn new(payload: &'a [u8]) -> Result<Self, FrameError> {
        let (&length, rest) = payload.split_first_chunk::<4>().ok_or_else(|| broken("they are too short"))?;
        let length = u32::from_le_bytes(length) as usize;
        if length > rest.len() || !length.is_multiple_of(4) {
            return Err(broken("the numbers do not end where they should"));
        }
        let (numbers, text) = rest.split_at(length);
        let text = std::str::from_utf8(text).map_err(|_| broken("their text is not UTF-8"))?;
        Ok(Self { numbers: Numbers(numbers), text })
    }

    /// The next endpoint; `None` after the last.
    pub(in crate::plugin) fn next(&mut self) -> Result<Option<Row<'a>>, FrameError> {
        if self.numbers.0.is_empty() {
            let rest = self.text.is_empty().then_some(None);
            return rest.ok_or_else(|| broken("there is text that belongs to none"));
        }
        let counts = self.numbers.take(COUNTS).ok_or_else(|| broken("one is cut off"))?;
        let [record_ttl, targets, labels, properties] = [0, 1, 2, 3].map(|index| counts.get(index));
        let mut names = self.texts(3)?;
        let row = Row {
            // The highest that RFC 2181, section 8, allows.
            record_ttl: record_ttl.min(i32::MAX.unsigned_abs()),
            dns_name: names.next().unwrap_or_default(),
            record_type: names.next().unwrap_or_default(),
            set_identifier: names.next().unwrap_or_default(),
            targets: self.texts(targets as usize)?,
            labels: self.texts(labels as usize * 2)?,
            provider_specific: self.texts(properties as usize * 2)?,
        };
        Ok(Some(row))
    }

    /// Takes so many texts, each of which ends where a character does.
    fn texts(&mut self, count: usize) -> Result<Texts<'a>, FrameError> {
        let lengths = self.numbers.take(count).ok_or_else(|| broken("one is cut off"))?;
        let text = self.text;
        let mut end = 0_usize;
        for length in lengths.iter() {
            end = end.saturating_add(length as usize);
            if !text.is_char_boundary(end) {
                return Err(broken("a text is longer than what is there, or ends within a character"));
            }
        }
        self.text = &text[end..];
        Ok(Texts { lengths, text })
    }
}

/// Numbers of a column.
#[derive(Debug, Clone, Copy)]
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn take(&mut self, count: usize) -> Option<Self> {
        let (taken, rest) = self.0.split_at_checked(count.checked_mul(4)?)?;
        self.0 = rest;
        Some(Self(taken))
    }

    fn get(self, index: usize) -> u32 {
        let bytes = self.0.get(index * 4..).and_then(|bytes| bytes.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn iter(self) -> impl Iterator<Item = u32> + use<'a> {
        self.0.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
    }
}

/// Texts one after the other.
#[derive(Debug, Clone)]
struct Texts<'a> {
    lengths: Numbers<'a>,
    text: &'a str,
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let length = self.lengths.take(1)?.get(0) as usize;
        let (text, rest) = self.text.split_at_checked(length)?;
        self.text = rest;
        Some(text)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.lengths.0.len() / 4;
        (count, Some(count))
    }
}

impl ExactSizeIterator for Texts<'_> {}

/// Two texts at a time.
#[derive(Debug, Clone)]
struct Pairs<'a>(Texts<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.0.len() / 2;
        (count, Some(count))
    }
}

impl ExactSizeIterator for Pairs<'_> {}

impl EndpointView for Row<'_> {
    fn dns_name(&self) -> &str {
        self.dns_name
    }

    fn record_type(&self) -> &str {
        self.record_type
    }

    fn set_identifier(&self) -> &str {
        self.set_identifier
    }

    fn record_ttl(&self) -> u32 {
        self.record_ttl
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.targets.clone()
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        Pairs(self.labels.clone())
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        Pairs(self.provider_specific.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zonemux_plugin::{Endpoint, Property};

    use super::*;

    fn payload(endpoints: &[Endpoint]) -> Vec<u8> {
        let mut writer = Writer::default();
        for endpoint in endpoints {
            writer.push(endpoint);
        }
        let (length, numbers, text) = writer.parts();
        [&length, numbers, text].concat()
    }

    fn read(payload: &[u8]) -> Result<Vec<Endpoint>, FrameError> {
        let mut reader = Reader::new(payload)?;
        let mut endpoints = Vec::new();
        while let Some(row) = reader.next()? {
            endpoints.push(row.to_endpoint());
        }
        Ok(endpoints)
    }

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        let pairs = || proptest::collection::vec(("\\PC{0,6}", "\\PC{0,6}"), 0..3);
        let targets = proptest::collection::vec("\\PC{0,12}", 0..4);
        ("\\PC{0,20}", "[A-Z]{1,5}", "\\PC{0,5}", 0..=2_147_483_647_u32, targets, pairs(), pairs()).prop_map(
            |(dns_name, record_type, set_identifier, record_ttl, targets, labels, properties)| Endpoint {
                dns_name,
                targets,
                record_type,
                set_identifier,
                record_ttl,
                labels: labels.into_iter().collect(),
                provider_specific: properties
                    .into_iter()
                    .map(|(name, value)| Property { name, value })
                    .collect(),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(endpoints in proptest::collection::vec(endpoint(), 0..6)) {
            prop_assert_eq!(read(&payload(&endpoints)).unwrap(), endpoints);
        }

        #[test]
        fn what_is_damaged_is_an_error_or_other_endpoints_but_no_panic(
            endpoints in proptest::collection::vec(endpoint(), 1..4),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = payload(&endpoints);
            let mut damaged = whole.clone();
            damaged[at.index(whole.len())] = byte;
            let _read = read(&damaged);
            let _read = read(&whole[..cut.index(whole.len())]);
        }

        #[test]
        fn no_bytes_at_all_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _read = read(&bytes);
        }
    }

    #[test]
    fn what_does_not_add_up_is_an_error() {
        let whole = payload(&[Endpoint::new("ä.example.org", "A", ["192.0.2.1"])]);
        assert!(read(&whole[..whole.len() - 1]).is_err(), "text that is missing");
        assert!(read(&[&whole[..], b"x"].concat()).is_err(), "text that belongs to none");
        let mut within = whole.clone();
        // The name ends within its first character.
        within[4 + 16] = 1;
        assert!(read(&within).is_err());
        let mut many = whole;
        many[4 + 4..4 + 8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(read(&many).is_err(), "more targets than there is room for");
    }
}
