//! What the operator and the backend allow in an endpoint.

use std::borrow::Cow;
use std::collections::HashSet;

use zonemux_plugin::dns::{canonical_target, clamp_ttl};
use zonemux_plugin::{Capabilities, EndpointRef};

use super::endpoint::Adjusted;
use super::report::Reason;
use crate::config;

/// What the operator says of a backend's endpoints: `ttl` and `guards.types`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Seconds for endpoints without a TTL; 0: none.
    pub default_ttl: u32,
    /// The lowest TTL in seconds; 0: any.
    pub min_ttl: u32,
    /// The highest TTL in seconds; 0: any.
    pub max_ttl: u32,
    /// The types that may be written; empty: every type.
    pub types: Vec<String>,
}

impl Settings {
    /// The settings of a configured backend.
    pub fn of(backend: &config::Backend) -> Self {
        let seconds = |bound: Option<config::Duration>| {
            bound.map_or(0, |bound| u32::try_from(bound.as_std().as_secs()).unwrap_or(u32::MAX))
        };
        Self {
            default_ttl: seconds(backend.ttl.default),
            min_ttl: seconds(backend.ttl.min),
            max_ttl: seconds(backend.ttl.max),
            types: backend.guards.types.iter().map(|allowed| allowed.as_str().to_owned()).collect(),
        }
    }
}

/// How the endpoints of one backend are adjusted. By default only targets and properties take the
/// form that they have everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    operator: Settings,
    min_ttl: u32,
    max_ttl: u32,
    types: Vec<String>,
    properties: Option<HashSet<String>>,
}

impl Rules {
    /// The rules of a backend that says it can do this.
    pub fn new(operator: &Settings, capabilities: &Capabilities) -> Self {
        Self {
            operator: operator.clone(),
            min_ttl: capabilities.min_ttl,
            max_ttl: capabilities.max_ttl,
            types: capabilities.record_types.clone(),
            properties: capabilities.properties.clone().map(|names| names.into_iter().collect()),
        }
    }

    /// Whether they differ from what holds for every endpoint, whichever backend it belongs to.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// An endpoint as it will be listed; why not, where it is left out.
    pub(super) fn adjust<'a>(&self, endpoint: EndpointRef<'a>) -> Result<Adjusted<'a>, Reason> {
        let record_type = endpoint.record_type();
        if !allows(&self.types, record_type) {
            return Err(Reason::Unsupported);
        }
        if !allows(&self.operator.types, record_type) {
            return Err(Reason::Forbidden);
        }
        Ok(Adjusted {
            endpoint,
            record_ttl: self.ttl(endpoint.record_ttl()),
            targets: targets(endpoint),
            properties: self.properties(endpoint),
        })
    }

    fn ttl(&self, sent: u32) -> u32 {
        let wanted = if sent == 0 { self.operator.default_ttl } else { sent };
        let wanted = clamp_ttl(wanted, self.operator.min_ttl, self.operator.max_ttl);
        clamp_ttl(wanted, self.min_ttl, self.max_ttl)
    }

    /// The properties that stay; `None`: those that were sent.
    fn properties<'a>(&self, endpoint: EndpointRef<'a>) -> Option<Vec<(&'a str, &'a str)>> {
        let sent = endpoint.provider_specific();
        let count = sent.len();
        let known = |name: &str| self.properties.as_ref().is_none_or(|known| known.contains(name));
        if count == 0 || (count == 1 && sent.clone().all(|(name, _)| known(name))) {
            return None;
        }
        let sent: Vec<_> = sent.collect();
        let mut names = HashSet::with_capacity(count);
        let last_of_each = sent.iter().rev().filter(|(name, _)| known(name) && names.insert(*name));
        let mut kept: Vec<_> = last_of_each.copied().collect();
        kept.reverse();
        (kept.len() < count).then_some(kept)
    }
}

fn allows(types: &[String], record_type: &str) -> bool {
    types.is_empty() || types.iter().any(|allowed| allowed.eq_ignore_ascii_case(record_type))
}

/// The targets in their one spelling, each once; `None`: those that were sent.
fn targets(endpoint: EndpointRef<'_>) -> Option<Vec<Cow<'_, str>>> {
    let record_type = endpoint.record_type();
    let sent = endpoint.targets();
    if sent.len() == 1 {
        // Nearly every endpoint, and mostly spelled right.
        let mut changed = sent.map(|target| canonical_target(record_type, target)).zip(endpoint.targets());
        return changed.find(|(spelling, target)| spelling != target).map(|(spelling, _)| vec![spelling]);
    }
    let mut seen = HashSet::with_capacity(sent.len());
    let spelled = sent.clone().map(|target| canonical_target(record_type, target));
    let distinct: Vec<_> = spelled.filter(|spelling| seen.insert(spelling.clone())).collect();
    let same = distinct.len() == sent.len() && distinct.iter().zip(sent).all(|(kept, sent)| kept == sent);
    (!same).then_some(distinct)
}
