//! What a backend's plugin is found, trusted and judged by: also in a configuration that has faults
//! elsewhere, so that those of plugins are told together with them.

use std::path::PathBuf;

use super::model::{Backend, Config, Plugins};
use super::settings::SettingsTree;
use super::value::{BackendName, ByteSize, Isolation, PluginReference, Sha256, Trust, Zone};

/// One backend's use of a plugin, as far as it is known.
#[derive(Debug, Clone)]
pub struct PluginUse {
    /// The backend.
    pub backend: BackendName,
    /// The plugin.
    pub plugin: PluginReference,
    /// Where plugins are found, and what makes their files trusted.
    pub plugins: Plugins,
    /// What the file must hash to.
    pub sha256: Option<Sha256>,
    /// The zones that the plugin is told.
    pub zones: Vec<Zone>,
    /// The settings that it is given.
    pub settings: SettingsTree,
    /// The state directory of the daemon.
    pub state: PathBuf,
    /// Where its code runs.
    pub isolation: Isolation,
    /// The most memory of its process.
    pub memory_limit: ByteSize,
    /// How far all this can be relied on.
    pub known: Known,
}

/// How much of a [`PluginUse`] is known; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// The file: it can be looked at, and not run.
    File,
    /// What makes it trusted.
    Trust,
    /// All of it: the plugin can be loaded, and judge its settings.
    Settings,
}

/// Of a process whose own limit is faulty.
const MEMORY_LIMIT: ByteSize = ByteSize::from_bytes(256 << 20);

impl Plugins {
    /// Whether signatures are asked for, and no key is known here to verify them with.
    fn lacks_keys(&self) -> bool {
        self.trust == Trust::Signature && self.public_key.is_none()
    }
}

impl Config {
    /// The use that the backend `name`, which is `configured` like that, makes of its plugin.
    pub fn plugin_use(&self, name: &BackendName, configured: &Backend) -> PluginUse {
        PluginUse {
            backend: name.clone(),
            plugin: configured.plugin.clone(),
            plugins: self.plugins.clone(),
            sha256: configured.sha256,
            zones: configured.zones.clone(),
            settings: configured.settings.clone(),
            state: self.state.directory.clone(),
            isolation: configured.isolation,
            memory_limit: configured.memory_limit,
            known: match configured.settings.is_complete() {
                // A key that is a credential of the unit's alone.
                _ if self.plugins.lacks_keys() => Known::File,
                true => Known::Settings,
                false => Known::Trust,
            },
        }
    }

    /// Every backend's use of its plugin.
    pub fn plugin_uses(&self) -> Vec<PluginUse> {
        self.backends.iter().map(|(name, configured)| self.plugin_use(name, configured)).collect()
    }
}

/// What one backend's section says of its plugin.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) backend: BackendName,
    pub(crate) plugin: PluginReference,
    /// Whether the file has the key `sha256`, rightly or wrongly filled.
    pub(crate) names_digest: bool,
    pub(crate) sha256: Option<Sha256>,
    pub(crate) zones: Vec<Zone>,
    /// None where it is faulty: then the plugin is looked at in a process, which does no harm.
    pub(crate) isolation: Option<Isolation>,
    pub(crate) memory_limit: Option<ByteSize>,
    /// None where they are faulty.
    pub(crate) settings: Option<SettingsTree>,
}

impl Draft {
    /// The use, with what stands elsewhere; `state` is none where that is faulty.
    pub(crate) fn finish(self, plugins: &Plugins, state: Option<PathBuf>) -> PluginUse {
        // Where a digest is missing or misspelt, its file is not to be run in spite of that.
        let is_trust_known = match self.sha256 {
            _ if plugins.lacks_keys() => false,
            Some(_) => true,
            None => !self.names_digest && plugins.trust != Trust::Sha256,
        };
        let settings = self.settings.filter(SettingsTree::is_complete);
        let known = match (is_trust_known, &settings, &state) {
            (false, ..) => Known::File,
            (true, Some(_), Some(_)) => Known::Settings,
            (true, ..) => Known::Trust,
        };
        PluginUse {
            backend: self.backend,
            plugin: self.plugin,
            plugins: plugins.clone(),
            sha256: self.sha256,
            zones: self.zones,
            settings: settings.unwrap_or_else(|| SettingsTree::new(PathBuf::new())),
            state: state.unwrap_or_default(),
            isolation: self.isolation.unwrap_or(Isolation::Process),
            memory_limit: self.memory_limit.unwrap_or(MEMORY_LIMIT),
            known,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load_text;

    /// What is known of the backend `lan` of a faulty configuration.
    fn known(daemon: &str, backend: &str) -> Option<Known> {
        let text = format!(
            "version = 1\n{daemon}\n[backends.lan]\nplugin = \"memory\"\nzones = [\"example.org\"]\n{backend}\n\
             [backends.other]\nplugin = 7\n"
        );
        let errors = load_text(Path::new("/etc/zonemux/config.toml"), &text).unwrap_err();
        let found = errors.plugin_uses.iter().find(|used| used.backend.as_str() == "lan");
        found.map(|used| used.known)
    }

    #[test]
    fn a_fault_elsewhere_keeps_no_plugin_from_being_judged() {
        assert_eq!(known("", ""), Some(Known::Settings));
        assert_eq!(known("[webhook]\ndeadline = 5", ""), Some(Known::Settings));
        assert_eq!(known("", "[backends.lan.guards]\nmax_deletes = \"many\""), Some(Known::Settings));
        assert_eq!(known("", "zone = []"), Some(Known::Settings));
    }

    #[test]
    fn a_fault_of_what_the_plugin_is_told_keeps_it_from_being_run() {
        assert_eq!(known("", "[backends.lan.settings]\ntoken = { file = \"nosuch\" }"), Some(Known::Trust));
        assert_eq!(known("[state]\ndirectory = 7", ""), Some(Known::Trust));
        assert_eq!(known("", "sha256 = \"abc\""), Some(Known::File));
        assert_eq!(known("[plugins]\ntrust = \"sha256\"", ""), Some(Known::File));
        assert_eq!(known("[plugins]\npath = 7", ""), None);
        let digest = "a".repeat(64);
        let pinned = format!("sha256 = \"{digest}\"");
        assert_eq!(known("[plugins]\ntrust = \"sha256\"", &pinned), Some(Known::Settings));
    }
}
