//! From the body of a call straight into one flat list, without a value for each endpoint between.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zonemux_plugin::Endpoints;

use super::fields::{Key, Labels, Properties, Targets, Text, Ttl};
use super::pair::pair;
use super::{Changes, DecodeError};

/// Decodes a list of endpoints, as `POST /adjustendpoints` takes it. `null` is an empty list.
pub fn endpoints(body: &[u8]) -> Result<Endpoints, DecodeError> {
    let text = check(body, LIST)?;
    // ExternalDNS finds each endpoint again by its name, letter for letter.
    let mut decoder = Decoder::new(text.len(), as_sent);
    let mut json = serde_json::Deserializer::from_str(text);
    let read = List { decoder: &mut decoder, name: "" }.deserialize(&mut json);
    match read.and_then(|_| json.end()) {
        Ok(()) => Ok(decoder.endpoints),
        Err(error) => Err(DecodeError::json(&error, decoder.place.path())),
    }
}

/// Decodes a batch of changes, as `POST /records` takes it: `create, updateOld, updateNew, delete` of
/// ExternalDNS 0.17 and newer, `Create, UpdateOld, …` of older ones.
pub fn changes(body: &[u8]) -> Result<Changes, DecodeError> {
    let text = check(body, BATCH)?;
    let mut decoder = Decoder::new(text.len(), relative);
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Batch { decoder: &mut decoder }.deserialize(&mut json);
    match read.and_then(|lists| json.end().map(|()| lists)) {
        Ok([create, update_old, update_new, delete]) => {
            let endpoints = decoder.endpoints;
            let update = pair(&endpoints, &update_old, &update_new);
            Ok(Changes { endpoints, create, update, delete })
        }
        Err(error) => Err(DecodeError::json(&error, decoder.place.path())),
    }
}

const LIST: &str = "a list of endpoints";
const BATCH: &str = "an object with `create`, `updateOld`, `updateNew` and `delete`";
const ENDPOINT: &str = "an endpoint";

const LISTS: [&str; 4] = ["create", "updateOld", "updateNew", "delete"];
const FIELDS: [&str; 7] =
    ["dnsName", "targets", "recordType", "setIdentifier", "recordTTL", "labels", "providerSpecific"];

/// Checks once for the whole body what would else be checked for each string in it.
fn check<'b>(body: &'b [u8], expected: &str) -> Result<&'b str, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|error| DecodeError::not_utf8(body, error))?;
    if text.trim_ascii().is_empty() { Err(DecodeError::empty(expected)) } else { Ok(text) }
}

/// What all seeds of one body write to.
struct Decoder<'de> {
    /// The form in which names are kept.
    name: fn(&str) -> &str,
    endpoints: Endpoints,
    place: Place,
    labels: Vec<(Cow<'de, str>, Cow<'de, str>)>,
}

impl Decoder<'_> {
    fn new(body: usize, name: fn(&str) -> &str) -> Self {
        // Measured on ExternalDNS's own bodies: some 230 bytes an endpoint, less than half of it text.
        // Room that is never written to costs no memory.
        let endpoints = Endpoints::with_capacity(body / 200, body / 2);
        Self { name, endpoints, place: Place::default(), labels: Vec::new() }
    }
}

/// Where the decoder stands, for a message.
#[derive(Default)]
struct Place {
    list: &'static str,
    index: Option<usize>,
    field: Option<&'static str>,
    position: Option<usize>,
}

impl Place {
    fn path(&self) -> String {
        let mut path = self.list.to_owned();
        let mut put = |part: fmt::Arguments<'_>| path.write_fmt(part).expect("a string takes all");
        if let Some(index) = self.index {
            put(format_args!("[{index}]"));
        }
        if let Some(field) = self.field {
            put(format_args!(".{field}"));
        }
        if let Some(position) = self.position {
            put(format_args!("[{position}]"));
        }
        path
    }
}

/// The four lists of a batch.
struct Batch<'d, 'de> {
    decoder: &'d mut Decoder<'de>,
}

impl<'de> DeserializeSeed<'de> for Batch<'_, 'de> {
    type Value = [Vec<u32>; 4];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Batch<'_, 'de> {
    type Value = [Vec<u32>; 4];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BATCH)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut lists = Self::Value::default();
        while let Some(key) = map.next_key_seed(Key(&LISTS))? {
            let Some(key) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            // A list that comes twice, perhaps in both spellings, is one list.
            let list = map.next_value_seed(List { decoder: &mut *self.decoder, name: LISTS[key] })?;
            lists[key].extend(list);
        }
        Ok(lists)
    }

    /// Go takes `null` for a batch of nothing.
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Self::Value::default())
    }
}

/// One list of endpoints; its value is their positions.
struct List<'d, 'de> {
    decoder: &'d mut Decoder<'de>,
    name: &'static str,
}

impl<'de> DeserializeSeed<'de> for List<'_, 'de> {
    type Value = std::ops::Range<u32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.decoder.place.list = self.name;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, 'de> {
    type Value = std::ops::Range<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(LIST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let decoder = self.decoder;
        let position = |length: usize| u32::try_from(length).map_err(A::Error::custom);
        let start = position(decoder.endpoints.len())?;
        let mut index = 0;
        loop {
            decoder.place.index = Some(index);
            if list.next_element_seed(OneEndpoint { decoder })?.is_none() {
                break;
            }
            index += 1;
        }
        decoder.place = Place::default();
        Ok(start..position(decoder.endpoints.len())?)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        self.decoder.place = Place::default();
        Ok(0..0)
    }
}

/// One endpoint. One without any field means nothing, and is left out like a `null`.
struct OneEndpoint<'d, 'de> {
    decoder: &'d mut Decoder<'de>,
}

impl<'de> DeserializeSeed<'de> for OneEndpoint<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneEndpoint<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ENDPOINT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Decoder { name, endpoints, place, labels } = self.decoder;
        let mut entry = endpoints.entry();
        let mut empty = true;
        while let Some(key) = map.next_key_seed(Key(&FIELDS))? {
            let Some(key) = key else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            empty = false;
            place.field = Some(FIELDS[key]);
            let expected = "a string";
            match key {
                0 => map.next_value_seed(Text { expected, take: |text: &str| entry.dns_name(name(text)) })?,
                1 => map.next_value_seed(Targets { entry: &mut entry, position: &mut place.position })?,
                2 => map.next_value_seed(Text { expected, take: |text: &str| entry.record_type(text) })?,
                3 => map.next_value_seed(Text { expected, take: |text: &str| entry.set_identifier(text) })?,
                4 => entry.record_ttl(map.next_value_seed(Ttl)?),
                5 => map.next_value_seed(Labels { entry: &mut entry, pairs: labels })?,
                _ => map.next_value_seed(Properties { entry: &mut entry, position: &mut place.position })?,
            }
            place.field = None;
        }
        if !empty {
            entry.finish();
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A name as it came.
fn as_sent(name: &str) -> &str {
    name
}

/// A name without its trailing dot, as everything behind this expects it. The dot of the root, and one
/// that is escaped, belong to the name.
fn relative(name: &str) -> &str {
    match name.strip_suffix('.') {
        Some(rest) if !rest.is_empty() && !rest.ends_with('\\') => rest,
        _ => name,
    }
}
