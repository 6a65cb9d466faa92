//! A plugin's table of settings: any values, with references to secrets followed.

use std::collections::BTreeMap;

use config::{Value, ValueKind};
use serde_json::Value as Json;

use super::super::key_path::{KeyPath, named_like_a_secret};
use super::super::origin::Origin;
use super::super::secret_place::is_reference;
use super::super::settings::SettingsTree;
use super::secret::Followed;
use super::section::Section;
use super::{Reader, sorted};

/// What a walk through the settings gathers beside the values.
struct Gathered {
    origins: BTreeMap<KeyPath, Origin>,
    /// Each reference, and whether its secret is known.
    secrets: Vec<(KeyPath, bool)>,
}

impl Reader<'_> {
    /// The settings of a backend; empty where there are none, or faulty ones.
    pub(super) fn settings(&mut self, backend: &mut Section<'_>) -> SettingsTree {
        let directory =
            |origin: &Origin| origin.base_directory(self.environment.current_directory()).to_owned();
        let Some((path, value)) = backend.take("settings") else {
            return SettingsTree::new(directory(&backend.origin));
        };
        let mut tree = SettingsTree::new(directory(&Origin::of(value)));
        if self.table(&path, value).is_none() {
            return tree;
        }
        let mut gathered = Gathered { origins: BTreeMap::new(), secrets: Vec::new() };
        if let Some(json) = self.json(value, &path, &KeyPath::root(), &mut gathered) {
            tree.fill(json, gathered.origins);
            for (path, is_known) in gathered.secrets {
                tree.mark_secret(path, is_known);
            }
        }
        tree
    }

    /// `value` for the plugin. `path` is its place in the configuration, `inner` that among the settings.
    fn json(
        &mut self,
        value: &Value,
        path: &KeyPath,
        inner: &KeyPath,
        gathered: &mut Gathered,
    ) -> Option<Json> {
        let is_top = *inner == KeyPath::root();
        if !is_top && is_reference(value) {
            let (text, is_known) = match self.follow(path, value) {
                Followed::Text(text) => (String::from(text.as_str()), true),
                Followed::Unknown => (String::new(), false),
                Followed::Faulty => return None,
            };
            gathered.origins.insert(inner.clone(), Origin::of(value));
            gathered.secrets.push((inner.clone(), is_known));
            return Some(Json::String(text));
        }
        let json = match &value.kind {
            ValueKind::Table(table) => {
                let mut object = serde_json::Map::new();
                for (key, value) in sorted(value) {
                    let json = self.json(value, &path.key(key), &inner.key(key), gathered);
                    object.extend(json.map(|json| (key.to_owned(), json)));
                }
                if !table.is_empty() {
                    return Some(Json::Object(object));
                }
                Json::Object(object)
            }
            ValueKind::Array(items) => {
                let json = |(index, item)| self.json(item, &path.index(index), &inner.index(index), gathered);
                let list: Vec<Json> = items.iter().enumerate().filter_map(json).collect();
                if !items.is_empty() {
                    return Some(Json::Array(list));
                }
                Json::Array(list)
            }
            ValueKind::String(text) => {
                if inner.keys().next_back().is_some_and(named_like_a_secret) {
                    self.warn_if_readable(path, value);
                }
                Json::String(text.clone())
            }
            ValueKind::Boolean(value) => Json::Bool(*value),
            ValueKind::I64(number) => Json::from(*number),
            ValueKind::U64(number) => Json::from(*number),
            ValueKind::Float(number) if number.is_finite() => Json::from(*number),
            ValueKind::Nil | ValueKind::Float(_) | ValueKind::I128(_) | ValueKind::U128(_) => {
                self.mismatch(path, value, "a text, a finite number, a boolean, a list or a table", None);
                return None;
            }
        };
        if !is_top {
            gathered.origins.insert(inner.clone(), Origin::of(value));
        }
        Some(json)
    }
}
