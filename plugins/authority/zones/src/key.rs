//! Owner names as keys whose bytes sort canonically.
//!
//! A key holds the labels of a name from the right to the left, in lower case, each with a zero behind
//! it. Within a label the octets 0 and 1 are written as `01 01` and `01 02`, so that a zero is the end of
//! a label and nothing else, and sorts before every octet. Comparing keys as bytes is then the canonical
//! order of names (RFC 4034, section 6.1), and the key of a name is the start of all keys below it.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The most bytes of a key: 255 octets, each written as two.
const MAX_KEY: usize = 512;

/// The most labels of a name.
const MAX_LABELS: usize = 128;

/// The key of the label `*`.
pub(crate) const WILDCARD: &[u8] = b"*\0";

/// Bytes that need no allocation up to a length.
#[derive(Clone)]
pub(crate) enum Short<const N: usize> {
    Inline(u8, [u8; N]),
    Shared(Arc<[u8]>),
}

impl<const N: usize> Short<N> {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= N => {
                let mut inline = [0; N];
                inline[..bytes.len()].copy_from_slice(bytes);
                Self::Inline(length, inline)
            }
            _ => Self::Shared(bytes.into()),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Inline(length, bytes) => &bytes[..usize::from(*length)],
            Self::Shared(bytes) => bytes,
        }
    }
}

impl<const N: usize> Borrow<[u8]> for Short<N> {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

impl<const N: usize> PartialEq for Short<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<const N: usize> Eq for Short<N> {}

impl<const N: usize> PartialOrd for Short<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Short<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl<const N: usize> fmt::Debug for Short<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_slice().escape_ascii())
    }
}

/// A key below the apex of its zone, as the zone's map holds it: three words.
pub(crate) type Key = Short<22>;

/// A key on the stack, made from a name of a question.
pub(crate) struct KeyBuf {
    bytes: [u8; MAX_KEY],
    length: usize,
}

impl KeyBuf {
    /// The key of an uncompressed wire name, which must end with the slice; `None` where it is none.
    pub(crate) fn from_wire(wire: &[u8]) -> Option<Self> {
        let mut starts = [0_u8; MAX_LABELS];
        let mut labels = 0;
        let mut at = 0;
        loop {
            match usize::from(*wire.get(at)?) {
                0 => break,
                length @ 1..=63 if at + 1 + length < 255 => {
                    *starts.get_mut(labels)? = u8::try_from(at).ok()?;
                    labels += 1;
                    at += 1 + length;
                }
                _ => return None,
            }
        }
        if at + 1 != wire.len() {
            return None;
        }
        let mut key = Self { bytes: [0; MAX_KEY], length: 0 };
        for &start in starts[..labels].iter().rev() {
            let start = usize::from(start);
            let label = &wire[start + 1..][..usize::from(wire[start])];
            for &octet in label {
                if octet > 1 {
                    key.bytes[key.length] = octet.to_ascii_lowercase();
                    key.length += 1;
                } else {
                    key.bytes[key.length..key.length + 2].copy_from_slice(&[1, octet + 1]);
                    key.length += 2;
                }
            }
            // The zero behind the label is there.
            key.length += 1;
        }
        Some(key)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Appends the wire form of a key, without the root label.
fn write_labels(key: &[u8], to: &mut Vec<u8>) {
    let mut end = key.len();
    while end > 0 {
        let start = key[..end - 1].iter().rposition(|&byte| byte == 0).map_or(0, |zero| zero + 1);
        let length_at = to.len();
        to.push(0);
        let mut bytes = key[start..end - 1].iter();
        while let Some(&byte) = bytes.next() {
            let octet =
                if byte == 1 { bytes.next().map_or(0, |&escaped| escaped.wrapping_sub(1)) } else { byte };
            to.push(octet);
            to[length_at] += 1;
        }
        end = start;
    }
}

/// Appends the wire form of the name of a key.
pub(crate) fn write_wire(key: &[u8], to: &mut Vec<u8>) {
    write_labels(key, to);
    to.push(0);
}

/// Appends the wire form of the name of a key below an apex, of which the wire form is at hand.
pub(crate) fn write_wire_below(key: &[u8], apex_wire: &[u8], to: &mut Vec<u8>) {
    write_labels(key, to);
    to.extend_from_slice(apex_wire);
}

/// The length of the longest key that both names are at or below.
pub(crate) fn common(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    one[..same].iter().rposition(|&byte| byte == 0).map_or(0, |zero| zero + 1)
}

/// The lengths of the keys of all names above a name, the highest first, the root and itself left out.
pub(crate) fn above(key: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let ends = key.iter().enumerate().filter(|&(_, &byte)| byte == 0).map(|(at, _)| at + 1);
    ends.filter(|&end| end < key.len())
}

/// How many labels a key has.
pub(crate) fn labels(key: &[u8]) -> usize {
    key.split_inclusive(|&byte| byte == 0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_map_takes_three_words() {
        assert_eq!(size_of::<Key>(), 24);
        assert_eq!(size_of::<Short<62>>(), 64);
    }

    #[test]
    fn the_longest_common_name_ends_at_a_label() {
        assert_eq!(common(b"org\0example\0", b"org\0exam\0"), 4);
        assert_eq!(common(b"org\0example\0", b"org\0example\0www\0"), 12);
        assert_eq!(common(b"org\0", b"com\0"), 0);
        assert_eq!(above(b"org\0example\0www\0").collect::<Vec<_>>(), [4, 12]);
        assert_eq!(above(b"").count(), 0);
    }
}
