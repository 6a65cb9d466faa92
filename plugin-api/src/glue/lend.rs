//! Endpoints lent across the boundary, and read where they arrive.

use zonemux_plugin_abi::stable::{RSlice, RStr};
use zonemux_plugin_abi::{REndpointRef, RPairRef};

use crate::endpoint::EndpointView;

/// Lends endpoints one after the other, with lists that keep their room from one to the next.
#[derive(Default)]
pub struct Lender {
    targets: Vec<RStr<'static>>,
    labels: Vec<RPairRef<'static>>,
    provider_specific: Vec<RPairRef<'static>>,
}

impl std::fmt::Debug for Lender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lender")
    }
}

impl Lender {
    /// Lends an endpoint for the length of `to`.
    pub fn lend<T>(&mut self, endpoint: &impl EndpointView, to: impl FnOnce(&REndpointRef<'_>) -> T) -> T {
        let mut targets = recycle(std::mem::take(&mut self.targets));
        let mut labels = recycle(std::mem::take(&mut self.labels));
        let mut provider_specific = recycle(std::mem::take(&mut self.provider_specific));
        targets.extend(endpoint.targets().map(RStr::from_str));
        labels.extend(endpoint.labels().map(pair));
        provider_specific.extend(endpoint.provider_specific().map(pair));
        let result = to(&REndpointRef {
            dns_name: RStr::from_str(endpoint.dns_name()),
            record_type: RStr::from_str(endpoint.record_type()),
            set_identifier: RStr::from_str(endpoint.set_identifier()),
            record_ttl: i64::from(endpoint.record_ttl()),
            targets: RSlice::from_slice(&targets),
            labels: RSlice::from_slice(&labels),
            provider_specific: RSlice::from_slice(&provider_specific),
            ext: RSlice::EMPTY,
        });
        self.targets = recycle(targets);
        self.labels = recycle(labels);
        self.provider_specific = recycle(provider_specific);
        result
    }
}

fn pair<'a>((key, value): (&'a str, &'a str)) -> RPairRef<'a> {
    RPairRef { key: RStr::from_str(key), value: RStr::from_str(value) }
}

/// Empties a list and gives its room to one of another lifetime. The standard library collects in
/// place, as both have one layout; should it ever stop to, this costs an allocation, nothing else.
fn recycle<From, To>(mut list: Vec<From>) -> Vec<To> {
    list.clear();
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

/// A lent endpoint, read in place.
#[derive(Clone, Copy)]
pub struct Lent<'a>(pub &'a REndpointRef<'a>);

impl std::fmt::Debug for Lent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.to_endpoint(), f)
    }
}

impl EndpointView for Lent<'_> {
    fn dns_name(&self) -> &str {
        self.0.dns_name.as_str()
    }

    fn record_type(&self) -> &str {
        self.0.record_type.as_str()
    }

    fn set_identifier(&self) -> &str {
        self.0.set_identifier.as_str()
    }

    /// Out of range counts as the nearest that RFC 2181, section 8, allows.
    fn record_ttl(&self) -> u32 {
        u32::try_from(self.0.record_ttl.clamp(0, i64::from(i32::MAX))).unwrap_or_default()
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.targets.as_slice().iter().map(RStr::as_str)
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.labels.as_slice().iter().map(|pair| (pair.key.as_str(), pair.value.as_str()))
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.provider_specific.as_slice().iter().map(|pair| (pair.key.as_str(), pair.value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::endpoint::{Endpoint, Property};
    use crate::endpoints::Endpoints;

    fn endpoint() -> impl Strategy<Value = Endpoint> {
        let pairs = proptest::collection::vec(("\\PC{0,8}", "\\PC{0,8}"), 0..4);
        let targets = proptest::collection::vec("\\PC{0,12}", 0..4);
        ("\\PC{0,20}", "[A-Z]{1,5}", "\\PC{0,5}", 0..=2_147_483_647_u32, targets, pairs.clone(), pairs)
            .prop_map(|(dns_name, record_type, set_identifier, record_ttl, targets, labels, properties)| {
                Endpoint {
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
                }
            })
    }

    proptest! {
        #[test]
        fn lending_is_the_identity(endpoints in proptest::collection::vec(endpoint(), 0..8)) {
            let mut lender = Lender::default();
            let mut arena = Endpoints::new();
            for endpoint in &endpoints {
                arena.push(endpoint).unwrap();
                prop_assert_eq!(&lender.lend(endpoint, |lent| Lent(lent).to_endpoint()), endpoint);
            }
            let from_arena: Vec<_> =
                arena.iter().map(|endpoint| lender.lend(&endpoint, |lent| Lent(lent).to_endpoint())).collect();
            prop_assert_eq!(from_arena, endpoints);
        }
    }

    #[test]
    fn a_ttl_out_of_range_becomes_the_nearest_legal_one() {
        let mut lender = Lender::default();
        for (sent, read) in [(-1, 0), (i64::MIN, 0), (i64::MAX, 2_147_483_647), (60, 60)] {
            let ttl = lender.lend(&Endpoint::default(), |lent| {
                Lent(&REndpointRef { record_ttl: sent, ..*lent }).record_ttl()
            });
            assert_eq!(ttl, read);
        }
    }
}
