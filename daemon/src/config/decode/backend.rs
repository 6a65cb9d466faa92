//! `[backends.NAME]`.

use std::collections::BTreeMap;

use config::Value;

use super::super::effective::Entry;
use super::super::error::Finding;
use super::super::key_path::KeyPath;
use super::super::model::{Backend, Breaker, Guards, Quarantine, Ttl};
use super::super::origin::Origin;
use super::super::plugin_use::Draft;
use super::super::value::{BackendName, Duration, Isolation, PluginReference, Zone};
use super::section::Section;
use super::{Located, Reader, sorted};

/// What the check of the whole needs to know of a backend, also where some of its values are faulty.
#[derive(Debug)]
pub(crate) struct BackendOutline {
    pub(crate) path: KeyPath,
    pub(crate) origin: Origin,
    /// The file has the key, rightly or wrongly filled.
    pub(crate) names_zones: bool,
    pub(crate) zones: Vec<Located<Zone>>,
    pub(crate) mirrors: Vec<Located<BackendName>>,
    /// The file has the key.
    pub(crate) names_digest: bool,
}

/// The backends by name.
pub(crate) type BackendOutlines = BTreeMap<BackendName, BackendOutline>;

impl Reader<'_> {
    /// The backends, and the outlines of all that have a valid name.
    pub(super) fn backends(
        &mut self,
        root: &mut Section<'_>,
        isolation: Option<Isolation>,
    ) -> (BTreeMap<BackendName, Backend>, BackendOutlines) {
        let mut backends = BTreeMap::new();
        let mut outlines = BackendOutlines::new();
        let found = root.take("backends");
        let entries = match found {
            Some((ref path, value)) if self.table(path, value).is_some() => sorted(value),
            Some(_) => return (backends, outlines),
            None => Vec::new(),
        };
        if entries.is_empty() {
            self.faults.push(
                Finding::general("no backend is configured")
                    .from_layer(root.origin.clone())
                    .hint("add a table such as [backends.lan] with `plugin` and `zones`"),
            );
        }
        for (key, value) in entries {
            let path = KeyPath::of(&["backends", key]);
            let Some(name) = self.name::<BackendName>(&path, key, value) else {
                continue;
            };
            let Some(section) = self.table(&path, value) else {
                continue;
            };
            let (backend, outline) = self.backend(&name, section, isolation);
            self.entries.push(Entry::settings_of(name.clone()));
            outlines.insert(name.clone(), outline);
            backends.extend(backend.map(|backend| (name, backend)));
        }
        (backends, outlines)
    }

    /// A program can't be loaded into the daemon.
    fn check_isolation(
        &mut self,
        section: &Section<'_>,
        plugin: Option<&PluginReference>,
        isolation: Option<Isolation>,
    ) {
        if isolation == Some(Isolation::Inline) && matches!(plugin, Some(PluginReference::Program(_))) {
            self.faults.push(
                Finding::at(&section.path.key("isolation"), "an `exec:` program can't be run inline")
                    .from_layer(section.origin.clone())
                    .hint("set it to \"process\" for this backend"),
            );
        }
    }

    fn backend(
        &mut self,
        name: &BackendName,
        mut section: Section<'_>,
        inherited: Option<Isolation>,
    ) -> (Option<Backend>, BackendOutline) {
        let mut outline = BackendOutline {
            path: section.path.clone(),
            origin: section.origin.clone(),
            names_zones: !section.lacks("zones"),
            zones: Vec::new(),
            mirrors: Vec::new(),
            names_digest: !section.lacks("sha256"),
        };
        let section = &mut section;
        let plugin = self.required(section, "plugin");
        if outline.names_zones {
            let zones = self.filled_list(section, "zones", "at least one domain name");
            outline.zones = zones.unwrap_or_default();
        } else {
            section.take("zones");
        }
        outline.mirrors = self.list(section, "mirrors").unwrap_or_default();
        let mirror_required = self.required(section, "mirror_required");
        let isolation = if section.lacks("isolation") {
            section.take("isolation");
            if let Some(inherited) = inherited {
                self.record(&section.path.key("isolation"), &inherited, Origin::Default);
            }
            inherited
        } else {
            self.required(section, "isolation")
        };
        self.check_isolation(section, plugin.as_ref(), isolation);
        let sha256 = self.optional(section, "sha256");
        let timeout = self.positive(section, "timeout");
        let list_timeout = self.positive(section, "list_timeout");
        let apply_timeout = self.positive(section, "apply_timeout");
        let ownership = self.required(section, "ownership");
        let max_stale = self.required(section, "max_stale");
        let memory_limit = self.required(section, "memory_limit");
        let guards = self.guards(section);
        let quarantine = self.quarantine(section);
        let breaker = self.breaker(section);
        let ttl = self.ttl(section);
        let faults_before = self.faults.len();
        let settings = self.settings(section);
        let are_settings_sound = self.faults.len() == faults_before;
        self.finish(section);
        let zones: Vec<Zone> = outline.zones.iter().map(|zone| zone.value.clone()).collect();
        self.drafts.extend(plugin.as_ref().map(|plugin: &PluginReference| Draft {
            backend: name.clone(),
            plugin: plugin.clone(),
            names_digest: outline.names_digest,
            sha256,
            zones: zones.clone(),
            isolation,
            memory_limit,
            settings: are_settings_sound.then(|| settings.clone()),
        }));
        let mirrors = outline.mirrors.iter().map(|mirror| mirror.value.clone()).collect();
        let build = || {
            Some(Backend {
                plugin: plugin?,
                zones,
                mirrors,
                mirror_required: mirror_required?,
                isolation: isolation?,
                sha256,
                timeout: timeout?,
                list_timeout: list_timeout?,
                apply_timeout: apply_timeout?,
                ownership: ownership?,
                max_stale: max_stale?,
                memory_limit: memory_limit?,
                guards: guards?,
                quarantine: quarantine?,
                breaker: breaker?,
                ttl,
                settings,
            })
        };
        let backend = build();
        (backend, outline)
    }

    /// A table's key as the name that it is.
    pub(super) fn name<N>(&mut self, path: &KeyPath, key: &str, value: &Value) -> Option<N>
    where
        N: std::str::FromStr<Err = super::super::value::Invalid>,
    {
        match key.parse() {
            Ok(name) => Some(name),
            Err(invalid) => {
                let fault = Finding::at(path, invalid.to_string()).from_layer(Origin::of(value));
                self.faults.push(Finding { hint: invalid.hint, ..fault });
                None
            }
        }
    }

    /// A duration that is not zero.
    fn positive(&mut self, section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
        let found = self.required_located::<Duration>(section, key)?;
        if found.value == Duration::ZERO {
            self.refuse(&found, "expected a duration above 0, got \"0\"");
        }
        Some(found.value)
    }

    fn guards(&mut self, backend: &mut Section<'_>) -> Option<Guards> {
        let mut section = self.section(backend, "guards")?;
        let read_only = self.required(&mut section, "read_only");
        let dry_run = self.required(&mut section, "dry_run");
        let max_deletes = self.required(&mut section, "max_deletes");
        let min_records = self.required(&mut section, "min_records");
        let types = self.list(&mut section, "types");
        let protect = self.list(&mut section, "protect");
        self.finish(&section);
        Some(Guards {
            read_only: read_only?,
            dry_run: dry_run?,
            max_deletes: max_deletes?,
            min_records: min_records?,
            types: types?.into_iter().map(|item: Located<_>| item.value).collect(),
            protect: protect?.into_iter().map(|item: Located<_>| item.value).collect(),
        })
    }

    fn quarantine(&mut self, backend: &mut Section<'_>) -> Option<Quarantine> {
        let mut section = self.section(backend, "quarantine")?;
        let retry = self.positive(&mut section, "retry");
        self.finish(&section);
        Some(Quarantine { retry: retry? })
    }

    fn breaker(&mut self, backend: &mut Section<'_>) -> Option<Breaker> {
        let mut section = self.section(backend, "breaker")?;
        let failures = self.required(&mut section, "failures");
        let cooldown = self.positive(&mut section, "cooldown");
        self.finish(&section);
        Some(Breaker { failures: failures?, cooldown: cooldown? })
    }

    fn ttl(&mut self, backend: &mut Section<'_>) -> Ttl {
        let Some(mut section) = self.section(backend, "ttl") else {
            return Ttl::default();
        };
        let mut bounds: Vec<(&'static str, Option<Duration>)> = Vec::new();
        // In the order in which they must rise.
        for key in ["min", "default", "max"] {
            let found: Option<Duration> = self.optional(&mut section, key);
            let path = section.path.key(key);
            if let Some(found) = found {
                let longer_than =
                    |(_, lower): &&(_, Option<Duration>)| lower.is_some_and(|lower| lower > found);
                let message = if !found.as_std().as_millis().is_multiple_of(1_000) {
                    Some(format!("expected whole seconds, got \"{found}\""))
                } else if let Some((lower_key, Some(lower))) = bounds.iter().find(longer_than) {
                    Some(format!("\"{found}\" is shorter than `{lower_key}`, which is \"{lower}\""))
                } else {
                    None
                };
                if let Some(message) = message {
                    self.faults.push(Finding::at(&path, message).from_layer(section.origin.clone()));
                }
            }
            bounds.push((key, found));
        }
        self.finish(&section);
        let of = |wanted| bounds.iter().find(|(key, _)| *key == wanted).and_then(|(_, bound)| *bound);
        Ttl { default: of("default"), min: of("min"), max: of("max") }
    }
}
