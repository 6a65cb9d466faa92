//! A plugin's own settings: opaque to the daemon, with their secrets resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::key_path::KeyPath;
use super::origin::Origin;

/// The table `[backends.NAME.settings]` for the plugin. Its texts are wiped from memory when it is
/// dropped, and `Debug` shows none of them.
#[derive(Clone)]
pub struct SettingsTree {
    value: Value,
    origins: BTreeMap<KeyPath, Origin>,
    secrets: BTreeSet<KeyPath>,
    unresolved: BTreeSet<KeyPath>,
    base_directory: PathBuf,
}

/// One value that is neither a table nor a list, or an empty one of these.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf<'a> {
    pub(crate) path: &'a KeyPath,
    pub(crate) value: &'a Value,
    pub(crate) origin: &'a Origin,
    /// It was written as a reference to a secret.
    pub(crate) is_secret: bool,
}

impl SettingsTree {
    /// An empty table whose relative paths would refer to `base_directory`.
    pub(crate) fn new(base_directory: PathBuf) -> Self {
        Self {
            value: Value::Object(serde_json::Map::new()),
            origins: BTreeMap::new(),
            secrets: BTreeSet::new(),
            unresolved: BTreeSet::new(),
            base_directory,
        }
    }

    /// Gives the tree its content, whose leaves come from `origins`.
    pub(crate) fn fill(&mut self, value: Value, origins: BTreeMap<KeyPath, Origin>) {
        self.wipe();
        self.value = value;
        self.origins = origins;
    }

    /// Marks the value at `path` as a secret; `resolved` says whether its text is known.
    pub(crate) fn mark_secret(&mut self, path: KeyPath, resolved: bool) {
        if !resolved {
            self.unresolved.insert(path.clone());
        }
        self.secrets.insert(path);
    }

    /// The settings as a JSON object, secrets included, for the plugin and for nobody else.
    pub fn to_json(&self) -> Zeroizing<String> {
        let mut length = Length(0);
        // Measured first: a growing buffer would leave copies of the secrets in freed memory.
        // Neither writer can fail, and the tree has only text as keys.
        let measured = serde_json::to_writer(&mut length, &self.value);
        let mut json = Vec::with_capacity(length.0);
        let written = serde_json::to_writer(&mut json, &self.value);
        debug_assert!(measured.is_ok() && written.is_ok(), "a tree of JSON values is JSON");
        Zeroizing::new(String::from_utf8(json).unwrap_or_default())
    }

    /// The folder to which relative paths among the settings refer: that of the file in which the
    /// backend's settings begin. Plugins get paths as they are written.
    pub fn base_directory(&self) -> &Path {
        &self.base_directory
    }

    /// The paths, relative to the settings, that were written as references to secrets.
    pub fn secret_paths(&self) -> impl Iterator<Item = &KeyPath> {
        self.secrets.iter()
    }

    /// Whether every secret is there. Never false for a daemon that serves; a check outside the unit
    /// lacks its systemd credentials, and then these settings can't be judged.
    pub fn is_complete(&self) -> bool {
        self.unresolved.is_empty()
    }

    /// Whether the table is missing or empty.
    pub fn is_empty(&self) -> bool {
        self.value.as_object().is_none_or(serde_json::Map::is_empty)
    }

    /// Every value with where it came from, in the order of the keys.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        self.origins.iter().filter_map(|(path, origin)| {
            let value = path.look_up(&self.value)?;
            Some(Leaf { path, value, origin, is_secret: self.secrets.contains(path) })
        })
    }

    fn wipe(&mut self) {
        fn wipe(value: &mut Value) {
            match value {
                Value::String(text) => text.zeroize(),
                Value::Array(items) => items.iter_mut().for_each(wipe),
                Value::Object(table) => table.values_mut().for_each(wipe),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        wipe(&mut self.value);
    }
}

/// Whether a plugin is told the same. Where the values stand does not count.
impl PartialEq for SettingsTree {
    fn eq(&self, other: &Self) -> bool {
        let Self { value, origins: _, secrets: _, unresolved, base_directory } = self;
        *value == other.value && *unresolved == other.unresolved && *base_directory == other.base_directory
    }
}

impl Drop for SettingsTree {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for SettingsTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsTree").field("base_directory", &self.base_directory).finish_non_exhaustive()
    }
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree() -> SettingsTree {
        let mut tree = SettingsTree::new("/etc/zonemux".into());
        let path = |keys: &[&str]| KeyPath::of(keys);
        tree.fill(
            json!({ "server": "127.0.0.1:53", "tsig": { "secret": "hunter2" }, "list": [1, "é\n"] }),
            [
                path(&["server"]),
                path(&["tsig", "secret"]),
                path(&["list"]).index(0),
                path(&["list"]).index(1),
            ]
            .map(|path| (path, Origin::Default))
            .into(),
        );
        tree.mark_secret(path(&["tsig", "secret"]), true);
        tree
    }

    #[test]
    fn the_plugin_gets_everything() {
        let json = tree().to_json();
        assert_eq!(*json, r#"{"list":[1,"é\n"],"server":"127.0.0.1:53","tsig":{"secret":"hunter2"}}"#);
        assert_eq!(json.len(), json.capacity());
    }

    #[test]
    fn debug_shows_no_text() {
        let shown = format!("{:?} {:#?}", tree(), tree().clone());
        assert!(!shown.contains("hunter2") && !shown.contains("127.0.0.1"), "{shown}");
    }

    #[test]
    fn leaves_know_where_they_come_from() {
        let tree = tree();
        let shown: Vec<_> =
            tree.leaves().map(|leaf| format!("{}={} {}", leaf.path, leaf.value, leaf.is_secret)).collect();
        assert_eq!(
            shown,
            [
                "list[0]=1 false",
                "list[1]=\"é\\n\" false",
                "server=\"127.0.0.1:53\" false",
                "tsig.secret=\"hunter2\" true"
            ]
        );
    }
}
