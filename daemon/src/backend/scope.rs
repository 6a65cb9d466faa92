//! Which names are a backend's own.

use zonemux_plugin::dns::{self, ZoneMap};

/// The names that a backend answers for: those in its zones, less those in deeper zones of the
/// backends beside it in a view. What it lists beyond that is not shown, since changes to it would
/// be routed elsewhere.
#[derive(Debug, Default, PartialEq)]
pub struct Scope {
    zones: ZoneMap<bool>,
}

impl Scope {
    /// Out of a backend's own zones and those of its neighbours, all canonical.
    pub fn new<'a>(
        own: impl IntoIterator<Item = &'a str>,
        neighbours: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut zones = ZoneMap::default();
        for zone in neighbours {
            zones.insert(zone, false);
        }
        // Last, so that a zone which a neighbour in another view has too counts as our own.
        for zone in own {
            zones.insert(zone, true);
        }
        Self { zones }
    }

    /// Whether a name is the backend's own. A name that is no domain name belongs to nobody.
    pub fn covers(&self, dns_name: &str) -> bool {
        dns::canonical(dns_name).is_ok_and(|name| self.zones.get(&name).copied().unwrap_or(false))
    }
}
