//! Which names are a backend's own.

use std::borrow::Cow;

use zonemux_plugin::dns::ZoneMap;

/// The names that a backend answers for: those in its zones, less those in deeper zones of the
/// backends beside it in a view. What it lists beyond that is not shown, since changes to it would
/// be routed elsewhere.
///
/// A backend that a reload keeps has one scope, set a moment before the new views are: for calls that the old
/// generation still answers it is already the new one's. Lists of before count as outdated from then on, so
/// that changes planned on them are compared with new ones. What such a call lists may lack names that went
/// to a neighbour, or have names twice that came from one. From either ExternalDNS plans at most creates and
/// updates, which the next generation routes to the right backend and compares with its list; it deletes only
/// what it is shown. And a batch that was routed before is decided by the names that are the backend's own
/// now: others get 503 (`safety/decide.rs`).
#[derive(Debug, Default, PartialEq)]
pub struct Scope {
    /// Positions among the own zones; `None` for a neighbour's.
    map: ZoneMap<Option<usize>>,
    own: Vec<String>,
}

impl Scope {
    /// Out of a backend's own zones and those of its neighbours, all canonical.
    pub fn new<'a>(
        own: impl IntoIterator<Item = &'a str>,
        neighbours: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut map = ZoneMap::default();
        for zone in neighbours {
            map.insert(zone, None);
        }
        // Last, so that a zone which a neighbour in another view has too counts as our own.
        let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
        for (position, zone) in own.iter().enumerate() {
            map.insert(zone, Some(position));
        }
        Self { map, own }
    }

    /// A name in canonical form, and the position of its zone among [`zones`](Self::zones). `None`: it
    /// is not the backend's own. A name that is no domain name belongs to nobody.
    pub fn place<'a>(&self, dns_name: &'a str) -> Option<(Cow<'a, str>, usize)> {
        let (name, zone) = self.map.place(dns_name).ok()?;
        Some((name, (*zone?)?))
    }

    /// The backend's own zones.
    pub fn zones(&self) -> &[String] {
        &self.own
    }
}
