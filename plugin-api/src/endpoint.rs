//! One ExternalDNS endpoint: owned, or anything that can be read as one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An RRset with ExternalDNS's data around it, owned.
///
/// Read one by its fields; lists of many come as [`Endpoints`](crate::Endpoints), which costs far
/// fewer allocations. The serde form is ExternalDNS's JSON (`endpoint/endpoint.go`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// The owner name, without a trailing dot.
    pub dns_name: String,
    /// The RDATA of each record, in ExternalDNS's presentation (an MX is `10 mail.example.org`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// `A`, `CNAME`, `TXT`, …
    pub record_type: String,
    /// Tells RRsets of one name and type apart (weighted records and the like); mostly empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub set_identifier: String,
    /// Seconds; 0 means "not set".
    #[serde(rename = "recordTTL", skip_serializing_if = "is_zero")]
    pub record_ttl: u32,
    /// ExternalDNS's own labels; of a TXT of its registry, `ownedRecord` names the record it owns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Properties that a user set by annotation, such as `webhook/comment`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provider_specific: Vec<Property>,
}

/// A provider-specific property of an [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Property {
    /// Such as `webhook/comment`.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Endpoint {
    /// An endpoint of one or more targets, without a TTL.
    ///
    /// ```
    /// let www = zonemux_plugin::Endpoint::new("www.example.org", "A", ["192.0.2.1"]);
    /// assert_eq!(www.targets, ["192.0.2.1"]);
    /// ```
    pub fn new<T: Into<String>>(
        dns_name: impl Into<String>,
        record_type: impl Into<String>,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            dns_name: dns_name.into(),
            record_type: record_type.into(),
            targets: targets.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// The same endpoint with a TTL in seconds; 0 means "not set".
    #[must_use]
    pub fn with_ttl(mut self, seconds: u32) -> Self {
        self.record_ttl = seconds;
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(ttl: &u32) -> bool {
    *ttl == 0
}

/// Anything that can be read as an endpoint without copying it.
pub trait EndpointView {
    /// The owner name, without a trailing dot.
    fn dns_name(&self) -> &str;
    /// `A`, `CNAME`, `TXT`, …
    fn record_type(&self) -> &str;
    /// Empty where there is none.
    fn set_identifier(&self) -> &str;
    /// Seconds; 0 means "not set".
    fn record_ttl(&self) -> u32;
    /// The RDATA of each record.
    fn targets(&self) -> impl ExactSizeIterator<Item = &str>;
    /// ExternalDNS's own labels.
    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)>;
    /// Provider-specific properties, name and value.
    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)>;

    /// A copy that owns its strings.
    fn to_endpoint(&self) -> Endpoint {
        Endpoint {
            dns_name: self.dns_name().to_owned(),
            targets: self.targets().map(str::to_owned).collect(),
            record_type: self.record_type().to_owned(),
            set_identifier: self.set_identifier().to_owned(),
            record_ttl: self.record_ttl(),
            labels: self.labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            provider_specific: self
                .provider_specific()
                .map(|(name, value)| Property { name: name.to_owned(), value: value.to_owned() })
                .collect(),
        }
    }
}

impl EndpointView for Endpoint {
    fn dns_name(&self) -> &str {
        &self.dns_name
    }

    fn record_type(&self) -> &str {
        &self.record_type
    }

    fn set_identifier(&self) -> &str {
        &self.set_identifier
    }

    fn record_ttl(&self) -> u32 {
        self.record_ttl
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.targets.iter().map(String::as_str)
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.provider_specific.iter().map(|property| (property.name.as_str(), property.value.as_str()))
    }
}

impl<E: EndpointView> EndpointView for &E {
    fn dns_name(&self) -> &str {
        (**self).dns_name()
    }

    fn record_type(&self) -> &str {
        (**self).record_type()
    }

    fn set_identifier(&self) -> &str {
        (**self).set_identifier()
    }

    fn record_ttl(&self) -> u32 {
        (**self).record_ttl()
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        (**self).targets()
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        (**self).labels()
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        (**self).provider_specific()
    }
}
