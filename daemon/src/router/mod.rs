//! Which backend a name belongs to: the longest zone suffix on a label boundary.

mod split;
#[cfg(test)]
mod tests;

use zonemux_plugin::dns::{self, ZoneMap};
use zonemux_plugin::{EndpointRef, is_ownership_txt};

pub use split::{Refused, Split, split, split_endpoints};

/// The label with which the registry names the record that a TXT owns.
const OWNED_RECORD: &str = "ownedRecord";

/// The zones of one view, each with the position of its backend there.
#[derive(Debug, Default, Clone)]
pub struct Router {
    zones: ZoneMap<usize>,
}

/// Where a name goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the backend at this position.
    Backend(usize),
    /// Nowhere: it is refused for itself. Why, for the log.
    Nowhere(String),
}

impl Router {
    /// A router over canonical zones. Of two backends with one zone the first keeps it; the
    /// configuration refuses that before.
    pub fn new<'a>(zones: impl IntoIterator<Item = (&'a str, usize)>) -> Self {
        let mut map = ZoneMap::default();
        for (zone, backend) in zones {
            if let Some(first) = map.insert(zone, backend) {
                map.insert(zone, first);
            }
        }
        Self { zones: map }
    }

    /// Where an owner name goes.
    pub fn route(&self, dns_name: &str) -> Route {
        match dns::canonical(dns_name) {
            Err(error) => Route::Nowhere(error.to_string()),
            Ok(name) => match self.zones.get(&name) {
                Some(&backend) => Route::Backend(backend),
                None => Route::Nowhere("the name is in no zone of this view".to_owned()),
            },
        }
    }

    /// Where a record goes: by its name; an ownership TXT that is in no zone goes where its record does.
    /// The registry makes one beside the apex, `a-example.org` for `example.org`.
    pub fn route_record(&self, endpoint: EndpointRef<'_>) -> Route {
        let route = self.route(endpoint.dns_name());
        let Route::Nowhere(_) = route else { return route };
        let owned = endpoint.label(OWNED_RECORD).filter(|_| is_ownership_txt(&endpoint));
        match owned.map(|owned| self.route(owned)) {
            Some(Route::Backend(backend)) => Route::Backend(backend),
            _ => route,
        }
    }

    /// The canonical zones, sorted.
    pub fn zones(&self) -> Vec<String> {
        let mut zones: Vec<String> = self.zones.iter().map(|(zone, _)| zone.to_owned()).collect();
        zones.sort_unstable();
        zones
    }
}
