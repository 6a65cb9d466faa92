//! An endpoint as it is adjusted, read without copying what stays.

use std::borrow::Cow;

use zonemux_plugin::{EndpointRef, EndpointView};

/// An endpoint in the form in which it will be listed. Name, type, set identifier and labels are
/// those that were sent.
#[derive(Debug, Clone)]
pub struct Adjusted<'a> {
    pub(super) endpoint: EndpointRef<'a>,
    pub(super) record_ttl: u32,
    /// `None`: those that were sent.
    pub(super) targets: Option<Vec<Cow<'a, str>>>,
    /// `None`: those that were sent.
    pub(super) properties: Option<Vec<(&'a str, &'a str)>>,
}

impl Adjusted<'_> {
    /// Whether anything differs from what was sent.
    pub fn is_changed(&self) -> bool {
        self.targets.is_some() || self.properties.is_some() || self.record_ttl != self.endpoint.record_ttl()
    }
}

impl EndpointView for Adjusted<'_> {
    fn dns_name(&self) -> &str {
        self.endpoint.dns_name()
    }

    fn record_type(&self) -> &str {
        self.endpoint.record_type()
    }

    fn set_identifier(&self) -> &str {
        self.endpoint.set_identifier()
    }

    fn record_ttl(&self) -> u32 {
        self.record_ttl
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        let own = self.targets.as_deref();
        let sent = if own.is_some() { None } else { Some(self.endpoint.targets()) };
        Either { own: own.unwrap_or_default().iter().map(|target| &**target), sent }
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.endpoint.labels()
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let own = self.properties.as_deref();
        let sent = if own.is_some() { None } else { Some(self.endpoint.provider_specific()) };
        Either { own: own.unwrap_or_default().iter().copied(), sent }
    }
}

/// What was sent, or what stands in its place.
struct Either<S, O> {
    sent: Option<S>,
    own: O,
}

impl<S: ExactSizeIterator, O: ExactSizeIterator<Item = S::Item>> Iterator for Either<S, O> {
    type Item = S::Item;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.sent {
            Some(sent) => sent.next(),
            None => self.own.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.sent {
            Some(sent) => sent.size_hint(),
            None => self.own.size_hint(),
        }
    }
}

impl<S: ExactSizeIterator, O: ExactSizeIterator<Item = S::Item>> ExactSizeIterator for Either<S, O> {}
