//! The configuration as a whole: values that are valid each by itself, and not together. Works on
//! what could be read, so that these faults are reported together with all others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use zonemux_plugin::dns::suffixes;

use super::decode::{BackendOutline, BackendOutlines, Located, ViewOutline};
use super::error::Finding;
use super::nearest::nearest;
use super::value::{BackendName, Listen, Trust, ViewPath, Zone};

/// The parts that depend on each other.
pub(crate) struct Whole<'a> {
    pub(crate) addresses: &'a [Located<Listen>],
    pub(crate) trust: Option<Trust>,
    pub(crate) views: &'a [ViewOutline],
    pub(crate) backends: &'a BackendOutlines,
}

/// A value that stands where it must not.
fn fault<T>(at: &Located<T>, message: String) -> Finding {
    Finding::at(&at.path, message).from_layer(at.origin.clone())
}

/// A fault for each value that stood before; `message` gets the first place of it.
fn repeated<'a, T: Ord + 'a>(
    values: impl IntoIterator<Item = &'a Located<T>>,
    message: impl Fn(&T, &Located<T>) -> String,
) -> Vec<Finding> {
    let mut seen: BTreeMap<&T, &Located<T>> = BTreeMap::new();
    let mut faults = Vec::new();
    for located in values {
        match seen.get(&located.value) {
            Some(first) => faults.push(fault(located, message(&located.value, first))),
            None => drop(seen.insert(&located.value, located)),
        }
    }
    faults
}

impl Whole<'_> {
    pub(crate) fn check(&self, faults: &mut Vec<Finding>, warnings: &mut Vec<Finding>) {
        faults.extend(self.addresses());
        faults.extend(self.digests());
        for (name, backend) in self.backends {
            faults.extend(self.zones(name, backend));
        }
        faults.extend(self.mirrors());
        let cycles = self.mirror_cycles();
        // In a circle everything is taken twice.
        faults.extend(if cycles.is_empty() { self.mirrored_zones() } else { cycles });
        for view in self.views {
            for fault in self.members(view) {
                // Two views can have the same two backends.
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
        }
        let paths = self.views.iter().filter_map(|view| view.path.as_ref());
        faults.extend(repeated(paths, |path: &ViewPath, first| {
            format!("\"{path}\" is taken by `{}`", first.path)
        }));
        // A view that could not be read whole would make its backends seem unused.
        if faults.is_empty() {
            warnings.extend(self.unused());
            warnings.extend(self.unanswered());
        }
    }

    /// Each address once, except port 0, which takes a free port each time.
    fn addresses(&self) -> Vec<Finding> {
        let fixed = |address: &&Located<Listen>| !matches!(address.value, Listen::Tcp(address) if address.port() == 0);
        repeated(self.addresses.iter().filter(fixed), |address, first| {
            format!("\"{address}\" is taken by `{}`", first.path)
        })
    }

    fn digests(&self) -> Vec<Finding> {
        if self.trust != Some(Trust::Sha256) {
            return Vec::new();
        }
        let lacking = self.backends.values().filter(|backend| !backend.names_digest);
        let missing = |backend: &BackendOutline| {
            Finding::at(&backend.path.key("sha256"), "missing: `plugins.trust` is \"sha256\"")
                .from_layer(backend.origin.clone())
                .hint("the digest is the output of `sha256sum` for the plugin's file")
        };
        lacking.map(missing).collect()
    }

    fn zones(&self, name: &BackendName, backend: &BackendOutline) -> Vec<Finding> {
        let key = backend.path.key("zones");
        let mut faults = repeated(&backend.zones, |zone: &Zone, first| {
            format!("`{zone}` is given twice, first as `{}`", first.path)
        });
        match (self.primary_of(name), backend.names_zones) {
            (None, false) => faults.push(
                Finding::at(&key, "missing: the zones that the backend serves, such as [\"example.org\"]")
                    .from_layer(backend.origin.clone()),
            ),
            (Some(primary), true) => faults.push(
                Finding::at(&key, format!("a mirror has the zones of its primary, `{primary}`"))
                    .from_layer(backend.origin.clone())
                    .hint("leave it out"),
            ),
            _ => {}
        }
        faults
    }

    /// A backend that writes to `mirror` too.
    fn primary_of(&self, mirror: &BackendName) -> Option<&BackendName> {
        let names = |backend: &BackendOutline| backend.mirrors.iter().any(|named| named.value == *mirror);
        self.backends.iter().find(|(_, backend)| names(backend)).map(|(name, _)| name)
    }

    fn mirrors(&self) -> Vec<Finding> {
        let mut faults = Vec::new();
        for backend in self.backends.values() {
            faults.extend(repeated(&backend.mirrors, |mirror, _| format!("`{mirror}` is given twice")));
            let unknown = backend.mirrors.iter().filter(|mirror| !self.backends.contains_key(&mirror.value));
            faults.extend(unknown.map(|mirror| self.unknown(mirror)));
        }
        faults
    }

    /// A mirror follows one primary in each zone: two would overwrite each other there.
    fn mirrored_zones(&self) -> Vec<Finding> {
        let mut taken: BTreeMap<(&BackendName, &Zone), &BackendName> = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, backend) in self.backends {
            let zones = self.zones_of(name);
            let taking =
                backend.mirrors.iter().flat_map(|mirror| zones.iter().map(move |zone| (mirror, *zone)));
            for (mirror, zone) in taking {
                let first = *taken.entry((&mirror.value, zone)).or_insert(name);
                if first != name {
                    let message = format!("`{}` has the zone `{zone}` from `{first}` already", mirror.value);
                    let hint = "two backends can have one mirror only if their zones differ";
                    faults.push(fault(mirror, message).hint(hint));
                }
            }
        }
        faults
    }

    /// A backend's zones; those of a mirror are its primaries'.
    fn zones_of<'a>(&'a self, name: &'a BackendName) -> BTreeSet<&'a Zone> {
        let (mut seen, mut waiting) = (BTreeSet::from([name]), VecDeque::from([name]));
        let mut zones = BTreeSet::new();
        while let Some(name) = waiting.pop_front() {
            zones.extend(self.backends[name].zones.iter().map(|zone| &zone.value));
            let names = |backend: &BackendOutline| backend.mirrors.iter().any(|mirror| mirror.value == *name);
            let primaries =
                self.backends.iter().filter(|(_, backend)| names(backend)).map(|(primary, _)| primary);
            let new: Vec<_> = primaries.filter(|primary| seen.insert(*primary)).collect();
            waiting.extend(new);
        }
        zones
    }

    fn unknown(&self, at: &Located<BackendName>) -> Finding {
        let fault = fault(at, format!("there is no backend `{}`", at.value));
        let names = || self.backends.keys().map(BackendName::as_str);
        fault.hint(match nearest(at.value.as_str(), names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the backends are {}", names().collect::<Vec<_>>().join(", ")),
        })
    }

    /// Each cycle once, at the backend whose name comes first in it.
    fn mirror_cycles(&self) -> Vec<Finding> {
        let mut faults = Vec::new();
        for (start, backend) in self.backends {
            let Some(cycle) = self.shortest_cycle(start) else {
                continue;
            };
            if cycle.iter().all(|member| start <= *member) {
                let names: Vec<&str> = cycle.iter().chain([&start]).map(|name| name.as_str()).collect();
                let message = format!("the mirrors go in a circle: {}", names.join(" → "));
                faults.push(
                    Finding::at(&backend.path.key("mirrors"), message).from_layer(backend.origin.clone()),
                );
            }
        }
        faults
    }

    /// The shortest way from `start` back to it, beginning with `start`.
    fn shortest_cycle<'a>(&'a self, start: &'a BackendName) -> Option<Vec<&'a BackendName>> {
        let mut came_from: BTreeMap<&BackendName, &BackendName> = BTreeMap::new();
        let mut waiting = VecDeque::from([start]);
        while let Some(name) = waiting.pop_front() {
            for mirror in self.backends.get(name).map(|backend| &backend.mirrors[..]).unwrap_or_default() {
                if mirror.value == *start {
                    let mut way: Vec<_> =
                        std::iter::successors(Some(name), |name| came_from.get(*name).copied()).collect();
                    way.reverse();
                    return Some(way);
                }
                if !came_from.contains_key(&mirror.value) {
                    came_from.insert(&mirror.value, name);
                    waiting.push_back(&mirror.value);
                }
            }
        }
        None
    }

    /// The backends of one view: each there, once, no mirror, and with zones of its own.
    fn members(&self, view: &ViewOutline) -> Vec<Finding> {
        let mut faults = repeated(&view.backends, |name, _| format!("`{name}` is given twice"));
        let mut zones: BTreeMap<&Zone, &BackendName> = BTreeMap::new();
        let mut seen: BTreeSet<&BackendName> = BTreeSet::new();
        for member in &view.backends {
            let Some((name, backend)) = self.backends.get_key_value(&member.value) else {
                faults.push(self.unknown(member));
                continue;
            };
            if let Some(primary) = self.primary_of(name) {
                let message = format!("`{name}` is a mirror of `{primary}`, and a mirror stands in no view");
                faults.push(fault(member, message));
            }
            if !seen.insert(name) {
                continue;
            }
            for zone in &backend.zones {
                match zones.get(&zone.value) {
                    Some(other) if *other != name => {
                        let message = format!("`{}` is served by `{other}` in the same view", zone.value);
                        faults.push(
                            fault(zone, message)
                                .hint("two views can serve one zone, two backends of one view can't"),
                        );
                    }
                    _ => drop(zones.insert(&zone.value, name)),
                }
            }
        }
        faults
    }

    /// Zones whose names a backend leaves to a neighbour in one view, so that in another, where that neighbour is
    /// not, nobody answers for them: a backend lists and writes the same names in each of its views.
    fn unanswered(&self) -> Vec<Finding> {
        let mut left: BTreeMap<&BackendName, BTreeMap<&str, &BackendName>> = BTreeMap::new();
        for view in self.views {
            let zones: BTreeMap<&str, &BackendName> = self.zones_in(view).collect();
            for (zone, neighbour) in &zones {
                // Without the neighbour its names would be those of the zone above.
                let above = suffixes(zone).skip(1).find_map(|above| zones.get(above));
                if let Some(member) = above.filter(|member| *member != neighbour) {
                    left.entry(member).or_default().insert(zone, neighbour);
                }
            }
        }
        let mut warnings = Vec::new();
        for view in self.views {
            let zones: BTreeMap<&str, &BackendName> = self.zones_in(view).collect();
            for member in &view.backends {
                let left = left.get(&member.value).into_iter().flatten();
                for (zone, neighbour) in left.filter(|(zone, _)| !zones.contains_key(*zone)) {
                    let name = &member.value;
                    let message = format!(
                        "names in `{zone}` are not answered in this view: in another one they are those of \
                         `{neighbour}`, so `{name}` leaves them out everywhere"
                    );
                    let hint =
                        format!("give this view `{neighbour}` as well, or a backend of its own for `{zone}`");
                    warnings.push(fault(member, message).hint(hint));
                }
            }
        }
        warnings
    }

    fn zones_in<'a>(&'a self, view: &'a ViewOutline) -> impl Iterator<Item = (&'a str, &'a BackendName)> {
        let members = view.backends.iter().filter_map(|member| self.backends.get_key_value(&member.value));
        members.flat_map(|(name, backend)| backend.zones.iter().map(move |zone| (zone.value.as_str(), name)))
    }

    /// Backends that nothing uses.
    fn unused(&self) -> Vec<Finding> {
        let in_views: BTreeSet<_> =
            self.views.iter().flat_map(|view| &view.backends).map(|member| &member.value).collect();
        let unused = |name: &&BackendName| !in_views.contains(*name) && self.primary_of(name).is_none();
        let warning = |name: &BackendName| {
            let backend = &self.backends[name];
            Finding::at(&backend.path, "stands in no view, so it is never used")
                .from_layer(backend.origin.clone())
        };
        self.backends.keys().filter(unused).map(warning).collect()
    }
}
