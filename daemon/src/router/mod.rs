//! Which backend a name belongs to: the longest zone suffix on a label boundary.

mod split;
#[cfg(test)]
mod tests;

use zonemux_plugin::dns::{self, NameError, ZoneMap};
use zonemux_plugin::{EndpointRef, is_ownership_txt};

pub use split::{Refused, Split, split, split_endpoints};

/// The label with which the registry names the record that a TXT owns.
const OWNED_RECORD: &str = "ownedRecord";

/// The zones of one view, each with the position of its backend there.
#[derive(Debug, Default, Clone)]
pub struct Router {
    /// A backend's position takes two octets, so that the table of ten thousand zones stays in a
    /// processor's second cache.
    zones: ZoneMap<u16>,
}

/// Where a name goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the backend at this position.
    Backend(usize),
    /// Nowhere: it is refused for itself. Why, for the log.
    Nowhere(String),
}

impl Route {
    fn of(backend: Result<Option<&u16>, NameError>) -> Self {
        match backend {
            Ok(Some(&backend)) => Self::Backend(backend.into()),
            Ok(None) => Self::Nowhere("the name is in no zone of this view".to_owned()),
            Err(error) => Self::Nowhere(error.to_string()),
        }
    }
}

/// How many endpoints are looked at together.
const BLOCK: usize = 64;

impl Router {
    /// A router over canonical zones. Of two backends with one zone the first keeps it; the
    /// configuration refuses that before.
    ///
    /// # Panics
    ///
    /// When a position is beyond 65,535.
    pub fn new<'a>(zones: impl IntoIterator<Item = (&'a str, usize)>) -> Self {
        let mut map = ZoneMap::default();
        for (zone, backend) in zones {
            let backend = u16::try_from(backend).expect("fewer than 65,536 backends in a view");
            if let Some(first) = map.insert(zone, backend) {
                map.insert(zone, first);
            }
        }
        Self { zones: map }
    }

    /// Where an owner name goes.
    pub fn route(&self, dns_name: &str) -> Route {
        Route::of(dns::canonical(dns_name).map(|name| self.zones.get(&name)))
    }

    /// The backend of each of many endpoints, in their order: much faster than one by one.
    fn route_each<'a>(
        &self,
        endpoints: impl Iterator<Item = EndpointRef<'a>>,
        mut each: impl FnMut(EndpointRef<'a>, Result<Option<&u16>, NameError>),
    ) {
        let mut endpoints = endpoints.peekable();
        let mut block = Vec::with_capacity(BLOCK);
        while endpoints.peek().is_some() {
            block.extend(endpoints.by_ref().take(BLOCK));
            let names: Vec<&str> = block.iter().map(EndpointRef::dns_name).collect();
            self.zones.get_each(&names, |index, backend| each(block[index], backend));
            block.clear();
        }
    }

    /// Where a record goes whose name leads somewhere or nowhere: an ownership TXT that is in no zone
    /// goes with its record. The registry makes one beside the apex, `a-example.org` for `example.org`.
    fn or_with_record(&self, endpoint: EndpointRef<'_>, route: Route) -> Route {
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
