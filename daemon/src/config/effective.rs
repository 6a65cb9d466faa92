//! Every value in force with where it came from, for `config show`.

use serde_json::{Value, json};

use super::described::DescribedSettings;
use super::key_path::KeyPath;
use super::load::Loaded;
use super::origin::Origin;
use super::settings::Leaf;
use super::value::{BackendName, REDACTED};

/// What was read, in the order of the sections. Secrets are not in it.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// One value.
    Value { path: KeyPath, value: Value, origins: Vec<Origin> },
    /// A secret of the daemon's own.
    Secret { path: KeyPath, origins: Vec<Origin> },
    /// Here the settings of a backend would stand.
    SettingsOf(BackendName),
}

impl Entry {
    pub(crate) fn value(path: KeyPath, value: Value, origins: Vec<Origin>) -> Self {
        Self::Value { path, value, origins }
    }

    pub(crate) fn secret(path: KeyPath, origin: Origin) -> Self {
        Self::Secret { path, origins: vec![origin] }
    }

    pub(crate) fn settings_of(backend: BackendName) -> Self {
        Self::SettingsOf(backend)
    }
}

/// A value in force, safe to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Where it stands.
    pub key: KeyPath,
    /// The value, or [`REDACTED`].
    pub value: Value,
    /// Whether it is a secret that is not shown.
    pub is_redacted: bool,
    /// Where it came from; several where a list was put together.
    pub origins: Vec<Origin>,
}

impl Loaded {
    /// Every value in force, in the order of the sections.
    ///
    /// `described` gives what a backend's plugin says of its settings: what it calls secret, what it does
    /// not know, and references to secrets are redacted. Where it gives nothing, because the plugin is not
    /// known or does not say, every text among the settings is.
    pub fn effective(&self, described: impl Fn(&BackendName) -> Option<DescribedSettings>) -> Vec<Effective> {
        let mut shown = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Value { path, value, origins } => shown.push(Effective {
                    key: path.clone(),
                    value: value.clone(),
                    is_redacted: false,
                    origins: origins.clone(),
                }),
                Entry::Secret { path, origins } => shown.push(Effective {
                    key: path.clone(),
                    value: json!(REDACTED),
                    is_redacted: true,
                    origins: origins.clone(),
                }),
                Entry::SettingsOf(name) => {
                    let Some(backend) = self.config.backends.get(name) else {
                        continue;
                    };
                    let described = described(name);
                    let base = KeyPath::of(&["backends", name.as_str(), "settings"]);
                    shown.extend(
                        backend.settings.leaves().map(|leaf| of_setting(&base, leaf, described.as_ref())),
                    );
                }
            }
        }
        shown
    }
}

fn of_setting(base: &KeyPath, leaf: Leaf<'_>, described: Option<&DescribedSettings>) -> Effective {
    let is_redacted = leaf.is_secret
        || match described {
            Some(described) => !described.may_show(leaf.path),
            None => leaf.value.is_string(),
        };
    let value = if is_redacted { json!(REDACTED) } else { leaf.value.clone() };
    Effective { key: base.join(leaf.path), value, is_redacted, origins: vec![leaf.origin.clone()] }
}
