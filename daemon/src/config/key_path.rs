//! Where in the configuration something stands.

use std::fmt;

/// The path of a key, shown as one would write it in TOML: `backends.lan.zones[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KeyPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// The whole configuration.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of these keys, outermost first.
    pub fn of(keys: &[&str]) -> Self {
        keys.iter().fold(Self::root(), |path, key| path.key(key))
    }

    /// The path of `key` in this table.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// The path of an element of this list, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The path of what stands at `inner` below this.
    pub(crate) fn join(&self, inner: &Self) -> Self {
        Self(self.0.iter().chain(&inner.0).cloned().collect())
    }

    fn with(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The keys on the way, without positions in lists.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }

    /// The steps from the outermost on: a key, or `None` for a position in a list.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }

    /// Whether the keys begin with those of `pattern` (dotted, `*` standing for any one key).
    pub fn matches(&self, pattern: &str) -> bool {
        let mut keys = self.keys();
        pattern.split('.').all(|wanted| keys.next().is_some_and(|key| wanted == "*" || wanted == key))
    }

    /// The value at this path below `root`.
    pub(crate) fn look_up<'a>(&self, root: &'a serde_json::Value) -> Option<&'a serde_json::Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }

    /// Whether nobody should see the value: it is a plugin's setting, or its key reads like a secret's.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.matches("backends.*.settings") || self.keys().next_back().is_some_and(named_like_a_secret)
    }
}

/// Whether a key's name says that its value is a secret.
pub(crate) fn named_like_a_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    ["password", "passphrase", "secret", "token", "api_key", "apikey", "private_key", "credential"]
        .iter()
        .any(|word| key.contains(word))
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            let dot = if position == 0 { "" } else { "." };
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_bare(key) => write!(f, "{dot}{key}")?,
                Step::Key(key) => write!(f, "{dot}{key:?}")?,
            }
        }
        Ok(())
    }
}

/// Whether TOML takes the key without quotes.
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_like_toml() {
        let path =
            KeyPath::of(&["backends", "lan", "settings", "zone", "example.org"]).key("servers").index(1);
        assert_eq!(path.to_string(), "backends.lan.settings.zone.\"example.org\".servers[1]");
    }

    #[test]
    fn patterns_match_a_prefix() {
        let path = KeyPath::of(&["backends", "lan", "guards"]).key("types").index(0);
        assert!(path.matches("backends.*.guards") && path.matches("backends.*.guards.types"));
        assert!(!path.matches("backends.*.guards.types.x") && !path.matches("views.*"));
    }

    #[test]
    fn sensitive_are_settings_and_secrets_by_name() {
        let sensitive = |keys: &[&str]| KeyPath::of(keys).is_sensitive();
        assert!(sensitive(&["backends", "lan", "settings", "server"]));
        assert!(sensitive(&["webhook", "password"]) && sensitive(&["plugins", "API-Key"]));
        assert!(!sensitive(&["webhook", "deadline"]) && !sensitive(&["backends", "lan", "zones"]));
    }
}
