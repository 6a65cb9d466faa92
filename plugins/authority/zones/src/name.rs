//! Owner names.

use std::fmt;
use std::hash::{Hash, Hasher};

use zonemux_rdata::{name_to_text, name_to_wire};

use crate::key::{KeyBuf, Short, write_wire};

/// An owner name: labels of any octets in lower case, ordered canonically (RFC 4034, section 6.1).
///
/// Made from a message without an allocation, unless it is very long.
///
/// ```
/// use zonemux_authority_zones::Name;
/// let name = Name::from_wire(b"\x03WWW\x07example\x03org\0").unwrap();
/// assert_eq!(name.to_string(), "www.example.org");
/// assert_eq!(name.to_wire(), b"\x03www\x07example\x03org\0");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(Short<62>);

impl Name {
    /// The name of an uncompressed wire form that fills the slice; `None` where it is not one.
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        KeyBuf::from_wire(wire).map(|key| Self::from_key(key.as_slice()))
    }

    /// The name of a text in the form of `zonemux_plugin::dns::canonical`.
    pub fn from_canonical(text: &str) -> Option<Self> {
        Self::from_wire(&name_to_wire(text))
    }

    pub(crate) fn from_key(key: &[u8]) -> Self {
        Self(Short::new(key))
    }

    /// What names are compared by: the key of a name is the start of the keys of all names below it.
    pub fn key(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Appends the wire form, uncompressed.
    pub fn write_wire(&self, to: &mut Vec<u8>) {
        write_wire(self.key(), to);
    }

    /// The wire form, uncompressed.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.key().len() + 1);
        self.write_wire(&mut wire);
        wire
    }

    /// Whether it is another name or below it.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        self.key().starts_with(other.key())
    }

    /// Whether its first label is `*`.
    pub fn is_wildcard(&self) -> bool {
        let above = self.key().strip_suffix(crate::key::WILDCARD);
        above.is_some_and(|above| above.last().is_none_or(|&end| end == 0))
    }

    /// The name without its first label; `None` of the root.
    pub fn parent(&self) -> Option<Self> {
        let labels = self.key().strip_suffix(&[0])?;
        let end = labels.iter().rposition(|&byte| byte == 0).map_or(0, |zero| zero + 1);
        Some(Self::from_key(&self.key()[..end]))
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Name {
    /// In canonical form: no trailing dot, the root as `.`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name_to_text(&self.to_wire()))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_canonical(text).expect(text)
    }

    #[test]
    fn names_have_the_order_of_rfc_4034() {
        // The example of section 6.1, with a NUL and a longer label beside it.
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "z.a.example",
            "zabc.a.example",
            "z.example",
            r"\001.z.example",
            "*.z.example",
            r"\200.z.example",
        ]
        .map(name);
        assert!(sorted.is_sorted(), "{sorted:?}");
        assert!(name(r"a\000.example") < name(r"a\001.example"));
        assert!(name("a.example") < name(r"a\000.example"));
    }

    #[test]
    fn relations_are_told() {
        assert!(name("www.example.org").is_at_or_below(&name("example.org")));
        assert!(name("example.org").is_at_or_below(&name("example.org")));
        assert!(!name("notexample.org").is_at_or_below(&name("example.org")));
        assert!(name("org").is_at_or_below(&name(".")));
        assert!(name("*.example.org").is_wildcard() && name("*").is_wildcard());
        assert!(!name("a*.example.org").is_wildcard() && !name("x.*.example.org").is_wildcard());
        assert_eq!(name("a.b.org").parent(), Some(name("b.org")));
        assert_eq!(name("org").parent(), Some(name(".")));
        assert_eq!(name(".").parent(), None);
    }

    #[test]
    fn what_is_no_name_is_none() {
        for wire in [&b""[..], b"\x03ww", b"\x03www", b"\xc0\x0c", b"\x01a\0x", b"\x40a\0"] {
            assert_eq!(Name::from_wire(wire), None, "{wire:?}");
        }
        let longest = [[1, b'a'].repeat(127), vec![0]].concat();
        assert_eq!(Name::from_wire(&longest).unwrap().to_wire(), longest);
        assert_eq!(Name::from_wire(&[[1, b'a'].repeat(126), vec![2, 0, 0, 0]].concat()), None);
        let zeros = [[1, 0].repeat(127), vec![0]].concat();
        assert_eq!(Name::from_wire(&zeros).unwrap().to_wire(), zeros, "every octet takes two");
    }

    fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let octet =
            prop_oneof![0..4_u8, b'a'..=b'c', any::<u8>()].prop_map(|octet| octet.to_ascii_lowercase());
        proptest::collection::vec(proptest::collection::vec(octet, 1..5), 0..5)
    }

    fn wire(labels: &[Vec<u8>]) -> Vec<u8> {
        let mut wire = Vec::new();
        for label in labels {
            wire.push(u8::try_from(label.len()).unwrap());
            wire.extend(label);
        }
        wire.push(0);
        wire
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_labels_from_the_right(one in labels(), other in labels()) {
            let (left, right) = (Name::from_wire(&wire(&one)).unwrap(), Name::from_wire(&wire(&other)).unwrap());
            prop_assert_eq!(left.to_wire(), wire(&one));
            prop_assert_eq!(left.cmp(&right), one.iter().rev().cmp(other.iter().rev()));
            prop_assert_eq!(left.is_at_or_below(&right), one.ends_with(&other));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(name) = Name::from_wire(&bytes) {
                prop_assert_eq!(name.to_wire(), bytes.to_ascii_lowercase());
            }
        }
    }
}
