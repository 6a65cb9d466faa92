//! Mirrors have no zones of their own: they take those of the backends that write to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::config::model::Backend;
use crate::config::value::{BackendName, Zone};

/// Gives each mirror the zones of its primaries, and of theirs. Mirrors in a circle, which the check of
/// the whole refuses, get what there is.
pub(super) fn take_zones(backends: &mut BTreeMap<BackendName, Backend>) {
    let zones: BTreeMap<BackendName, Vec<Zone>> =
        backends.keys().map(|name| (name.clone(), of_primaries(backends, name))).collect();
    for (name, zones) in zones {
        if let Some(backend) = backends.get_mut(&name)
            && backend.zones.is_empty()
        {
            backend.zones = zones;
        }
    }
}

/// The zones of all that write to a backend, themselves or through another mirror; each once.
fn of_primaries(backends: &BTreeMap<BackendName, Backend>, mirror: &BackendName) -> Vec<Zone> {
    let mut seen = BTreeSet::from([mirror]);
    let mut waiting = VecDeque::from([mirror]);
    let mut zones: Vec<Zone> = Vec::new();
    while let Some(mirror) = waiting.pop_front() {
        for (name, backend) in backends.iter().filter(|(_, backend)| backend.mirrors.contains(mirror)) {
            if seen.insert(name) {
                waiting.push_back(name);
                let new: Vec<Zone> =
                    backend.zones.iter().filter(|zone| !zones.contains(zone)).cloned().collect();
                zones.extend(new);
            }
        }
    }
    zones
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::load_text;

    #[test]
    fn a_mirror_has_the_zones_of_all_that_write_to_it() {
        let text = "version = 1\n\
                    [backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\nmirrors = [\"near\"]\n\
                    [backends.edge]\nplugin = \"memory\"\nzones = [\"example.net\"]\nmirrors = [\"near\"]\n\
                    [backends.near]\nplugin = \"memory\"\nmirrors = [\"far\"]\n\
                    [backends.far]\nplugin = \"memory\"\n";
        let loaded = load_text(Path::new("/etc/zonemux/config.toml"), text).unwrap();
        let zones = |name: &str| -> Vec<String> {
            let backend = &loaded.config.backends[name];
            backend.zones.iter().map(|zone| zone.as_str().to_owned()).collect()
        };
        assert_eq!(zones("lan"), ["example.org"]);
        assert_eq!(zones("near"), ["example.net", "example.org"]);
        assert_eq!(zones("far"), ["example.net", "example.org"]);
    }
}
