//! The fields of an endpoint and the small values in them, as serde seeds that write where they are
//! told instead of building a value of their own.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zonemux_plugin::{Entry, TooLarge};

/// Which field of a list of names a key is. Like Go's decoder, whatever the case of its letters.
pub(super) struct Key<'n>(pub(super) &'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        let exact = self.0.iter().position(|name| *name == key);
        Ok(exact.or_else(|| self.0.iter().position(|name| name.eq_ignore_ascii_case(key))))
    }
}

/// Hands a string on without copying it; `null` is no call at all.
pub(super) struct Text<F> {
    pub(super) expected: &'static str,
    pub(super) take: F,
}

impl<'de, F: FnMut(&str) -> Result<(), TooLarge>> DeserializeSeed<'de> for Text<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<F: FnMut(&str) -> Result<(), TooLarge>> Visitor<'_> for Text<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        (self.take)(text).map_err(E::custom)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A string that lives as long as the body, unless an escape in it made a copy necessary.
struct Borrowed;

impl<'de> DeserializeSeed<'de> for Borrowed {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Borrowed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(text.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(text.to_owned().into())
    }

    fn visit_unit<E>(self) -> Result<Cow<'de, str>, E> {
        Ok("".into())
    }
}

/// A TTL in seconds, from any number.
pub(super) struct Ttl;

/// The largest TTL that DNS has (RFC 2181, 8).
const MAX_TTL: u32 = 0x7fff_ffff;

impl<'de> DeserializeSeed<'de> for Ttl {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Ttl {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_u64<E>(self, seconds: u64) -> Result<u32, E> {
        Ok(u32::try_from(seconds).unwrap_or(MAX_TTL).min(MAX_TTL))
    }

    /// Only negative numbers come here.
    fn visit_i64<E>(self, _: i64) -> Result<u32, E> {
        Ok(0)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    fn visit_f64<E>(self, seconds: f64) -> Result<u32, E> {
        Ok((seconds as u32).min(MAX_TTL))
    }

    fn visit_unit<E>(self) -> Result<u32, E> {
        Ok(0)
    }
}

/// The list of targets; `null` stands for an empty list, and a `null` in it for nothing.
pub(super) struct Targets<'e, 'l> {
    pub(super) entry: &'e mut Entry<'l>,
    pub(super) position: &'e mut Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Targets<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.entry.begin_targets();
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Targets<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of targets")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        *self.position = Some(0);
        loop {
            let entry = &mut *self.entry;
            let target = Text { expected: "a target", take: |text: &str| entry.target(text) };
            if list.next_element_seed(target)?.is_none() {
                *self.position = None;
                return Ok(());
            }
            *self.position = self.position.map(|position| position + 1);
        }
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The labels, of which the last with a key counts; they are kept sorted, as Go writes them.
pub(super) struct Labels<'e, 'l, 'de> {
    pub(super) entry: &'e mut Entry<'l>,
    /// Room that is used again for each endpoint.
    pub(super) pairs: &'e mut Vec<(Cow<'de, str>, Cow<'de, str>)>,
}

impl<'de> DeserializeSeed<'de> for Labels<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.entry.begin_labels();
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Labels<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of labels")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { entry, pairs } = self;
        pairs.clear();
        while let Some(key) = map.next_key_seed(Borrowed)? {
            pairs.push((key, map.next_value_seed(Borrowed)?));
        }
        // Stable: of equal keys the last one stays last.
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (index, (key, value)) in pairs.iter().enumerate() {
            if pairs.get(index + 1).is_none_or(|(next, _)| next != key) {
                entry.label(key, value).map_err(A::Error::custom)?;
            }
        }
        pairs.clear();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The provider-specific properties.
pub(super) struct Properties<'e, 'l> {
    pub(super) entry: &'e mut Entry<'l>,
    pub(super) position: &'e mut Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Properties<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.entry.begin_provider_specific();
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Properties<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of properties")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        *self.position = Some(0);
        while let Some(property) = list.next_element_seed(Property)? {
            if let Some((name, value)) = property {
                self.entry.property(&name, &value).map_err(A::Error::custom)?;
            }
            *self.position = self.position.map(|position| position + 1);
        }
        *self.position = None;
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// One property; what it leaves out is empty, as in Go.
struct Property;

impl<'de> DeserializeSeed<'de> for Property {
    type Value = Option<(Cow<'de, str>, Cow<'de, str>)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Property {
    type Value = Option<(Cow<'de, str>, Cow<'de, str>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property with `name` and `value`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut name, mut value) = (Cow::Borrowed(""), Cow::Borrowed(""));
        while let Some(key) = map.next_key_seed(Key(&["name", "value"]))? {
            match key {
                Some(0) => name = map.next_value_seed(Borrowed)?,
                Some(_) => value = map.next_value_seed(Borrowed)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some((name, value)))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
