//! Which names are a backend's own.

use std::borrow::Cow;

use zonemux_plugin::__private::{is_plain_zone, is_plainly_below};
use zonemux_plugin::dns::{ZoneMap, suffixes};

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
    /// Of each own zone, whether a name that ends in it is in no deeper one, and the zone's own text is plain.
    is_last: Vec<bool>,
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
        let above = |zone| {
            suffixes(zone).skip(1).filter_map(|above| map.find(above).filter(|(zone, _)| *zone == above))
        };
        // A zone that is named twice counts where it is named last.
        let counts =
            |zone: &str, at: usize| map.find(zone).is_some_and(|(_, position)| *position == Some(at));
        let is_plain = |(at, zone): (usize, &String)| is_plain_zone(zone) && counts(zone, at);
        let mut is_last: Vec<bool> = own.iter().enumerate().map(is_plain).collect();
        for (zone, _) in map.iter() {
            above(zone).filter_map(|(_, position)| *position).for_each(|position| is_last[position] = false);
        }
        Self { map, own, is_last }
    }

    /// A name in canonical form, and the position of its zone among [`zones`](Self::zones). `None`: it
    /// is not the backend's own. A name that is no domain name belongs to nobody.
    pub fn place<'a>(&self, dns_name: &'a str) -> Option<(Cow<'a, str>, usize)> {
        let (name, zone) = self.map.place(dns_name).ok()?;
        Some((name, (*zone?)?))
    }

    /// Whether a name is canonical as it stands and in the zone of that position, where that is quickly told: most
    /// records of a list are in the zone of the one before. `false` says nothing.
    #[inline]
    pub(super) fn is_quickly_in(&self, zone: usize, dns_name: &str) -> bool {
        self.is_last.get(zone) == Some(&true) && is_plainly_below(dns_name, &self.own[zone])
    }

    /// The backend's own zones.
    pub fn zones(&self) -> &[String] {
        &self.own
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_name_is_quickly_told() {
        let scope = Scope::new(["example.org", "example.net"], ["deeper.example.net"]);
        assert!(scope.is_quickly_in(0, "www.example.org") && !scope.is_quickly_in(1, "www.example.net"));
    }

    #[test]
    fn a_zone_that_is_named_twice_has_one_place() {
        let scope = Scope::new(["example.org", "example.org"], []);
        let (_, zone) = scope.place("www.example.org").unwrap();
        assert!(
            scope.is_quickly_in(zone, "www.example.org") && !scope.is_quickly_in(1 - zone, "www.example.org")
        );
    }

    proptest! {
        #[test]
        fn what_is_quickly_told_is_right(
            own in proptest::collection::vec("([ab]\\.){0,2}[ab]{8}", 0..4),
            neighbours in proptest::collection::vec("([ab]\\.){0,3}[ab]{8}", 0..4),
            names in proptest::collection::vec("([abB]\\.|\\\\\\.){0,4}[ab]{8}\\.?|[.]", 0..20),
        ) {
            let scope = Scope::new(own.iter().map(|zone| &**zone), neighbours.iter().map(|zone| &**zone));
            for name in own.iter().chain(&neighbours).chain(&names) {
                for name in [name.clone(), format!("a.{name}")] {
                    for zone in 0..=own.len() {
                        if scope.is_quickly_in(zone, &name) {
                            prop_assert_eq!(scope.place(&name), Some((Cow::Borrowed(&*name), zone)));
                        }
                    }
                }
            }
        }
    }
}
