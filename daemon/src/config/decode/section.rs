//! Tables with known keys: reading them one by one, and refusing what is left.

use config::{FileFormat, Format, Map, Value, ValueKind};

use super::super::effective::Entry;
use super::super::error::Finding;
use super::super::key_path::KeyPath;
use super::super::nearest::nearest;
use super::super::origin::Origin;
use super::setting::{Context, Setting, describe};
use super::{Located, Reader, sorted};

/// A table of the configuration while its keys are read.
pub(super) struct Section<'v> {
    pub(super) path: KeyPath,
    /// The layer that began the table.
    pub(super) origin: Origin,
    table: &'v Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'v> Section<'v> {
    /// The whole tree.
    pub(super) fn root(root: &'v Value) -> Option<Self> {
        Self::of(KeyPath::root(), root)
    }

    /// The table at `path`; none if `value` is something else.
    pub(super) fn of(path: KeyPath, value: &'v Value) -> Option<Self> {
        match &value.kind {
            ValueKind::Table(table) => {
                Some(Self { path, origin: Origin::of(value), table, known: Vec::new() })
            }
            _ => None,
        }
    }

    /// The value of a known key.
    pub(super) fn take(&mut self, key: &'static str) -> Option<(KeyPath, &'v Value)> {
        self.known.push(key);
        self.table.get(key).map(|value| (self.path.key(key), value))
    }

    /// Whether nothing gives a value for `key`.
    pub(super) fn lacks(&self, key: &str) -> bool {
        !self.table.contains_key(key)
    }
}

impl Reader<'_> {
    /// The table of a known key, if there is one.
    pub(super) fn section<'v>(&mut self, parent: &mut Section<'v>, key: &'static str) -> Option<Section<'v>> {
        let (path, value) = parent.take(key)?;
        self.table(&path, value)
    }

    /// `value` as a table.
    pub(super) fn table<'v>(&mut self, path: &KeyPath, value: &'v Value) -> Option<Section<'v>> {
        let section = Section::of(path.clone(), value);
        if section.is_none() {
            self.mismatch(path, value, "a table", None);
        }
        section
    }

    /// Refuses the keys that were not asked for.
    pub(super) fn finish(&mut self, section: &Section<'_>) {
        let mut left: Vec<_> =
            section.table.keys().filter(|key| !section.known.contains(&key.as_str())).collect();
        left.sort_unstable();
        for key in left {
            let lower = key.to_lowercase();
            let fault = if lower != *key && section.known.contains(&lower.as_str()) {
                Finding::at(&section.path.key(key), "keys are lower-case").hint(format!("write `{lower}`"))
            } else {
                let hint = match nearest(key, section.known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys here are {}", section.known.join(", ")),
                };
                Finding::at(&section.path.key(key), "unknown key").hint(hint)
            };
            self.faults.push(fault.from_layer(origin_of_content(&section.table[key])));
        }
    }

    /// The value of a key that must be there.
    pub(super) fn required<T: Setting>(&mut self, section: &mut Section<'_>, key: &'static str) -> Option<T> {
        self.required_located(section, key).map(|located| located.value)
    }

    /// The same, with where it stands.
    pub(super) fn required_located<T: Setting>(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Located<T>> {
        let found = section.take(key);
        if found.is_none() {
            self.missing(section, key, &T::expected());
        }
        let (path, value) = found?;
        self.located(path, value)
    }

    /// The value of a key that may be missing; none also where it was faulty.
    pub(super) fn optional<T: Setting>(&mut self, section: &mut Section<'_>, key: &'static str) -> Option<T> {
        let (path, value) = section.take(key)?;
        self.located(path, value).map(|located| located.value)
    }

    fn located<T: Setting>(&mut self, path: KeyPath, value: &Value) -> Option<Located<T>> {
        let read: T = self.value(&path, value)?;
        let origin = Origin::of(value);
        self.record(&path, &read, origin.clone());
        Some(Located { value: read, path, origin })
    }

    /// The elements of a list that must be there; the faulty ones are reported and left out.
    pub(super) fn list<T: Setting>(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
    ) -> Option<Vec<Located<T>>> {
        let found = section.take(key);
        if found.is_none() {
            self.missing(section, key, "a list");
        }
        let (path, value) = found?;
        let items = self.items(&path, value)?;
        let mut list: Vec<Located<T>> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.index(index);
            if let Some(read) = self.value(&path, item) {
                list.push(Located { value: read, path, origin: Origin::of(item) });
            }
        }
        let mut origins: Vec<Origin> = Vec::new();
        for item in &list {
            if !origins.contains(&item.origin) {
                origins.push(item.origin.clone());
            }
        }
        if origins.is_empty() {
            origins.push(Origin::of(value));
        }
        let shown = list.iter().map(|item| item.value.show()).collect();
        self.entries.push(Entry::value(path, serde_json::Value::Array(shown), origins));
        Some(list)
    }

    /// The same for a list that may not be empty; `expected` says of what.
    pub(super) fn filled_list<T: Setting>(
        &mut self,
        section: &mut Section<'_>,
        key: &'static str,
        expected: &str,
    ) -> Option<Vec<Located<T>>> {
        if section.lacks(key) {
            section.take(key);
            self.missing(section, key, expected);
            return None;
        }
        let faults_before = self.faults.len();
        let list = self.list(section, key)?;
        if !list.is_empty() {
            return Some(list);
        }
        // A list of nothing but faulty elements was reported for each of them.
        if self.faults.len() == faults_before {
            let path = section.path.key(key);
            let origin = section.table.get(key).map(Origin::of);
            self.faults.push(Finding {
                origin,
                ..Finding::at(&path, format!("expected {expected}, got an empty list"))
            });
        }
        None
    }

    /// A list as it is written: an array, or from the environment the text of one.
    pub(super) fn items(&mut self, path: &KeyPath, value: &Value) -> Option<Vec<Value>> {
        let origin = Origin::of(value);
        match (&value.kind, &origin) {
            (ValueKind::Array(items), _) => Some(items.clone()),
            (ValueKind::String(text), Origin::Environment(_)) => {
                let items = toml_array(text, &origin);
                if items.is_none() {
                    self.mismatch(path, value, "a TOML array such as [\"a\", \"b\"]", None);
                }
                items
            }
            _ => {
                let hint = match &value.kind {
                    ValueKind::String(text) => Some(format!("write [{text:?}]")),
                    _ => None,
                };
                self.mismatch(path, value, "a list", hint);
                None
            }
        }
    }

    /// `value` as a `T`, not recorded.
    pub(super) fn value<T: Setting>(&mut self, path: &KeyPath, value: &Value) -> Option<T> {
        let origin = Origin::of(value);
        let context = Context {
            base_directory: origin.base_directory(self.environment.current_directory()),
            from_environment: matches!(origin, Origin::Environment(_)),
        };
        match T::read(value, &context) {
            Ok(read) => Some(read),
            Err(invalid) => {
                self.mismatch(path, value, &invalid.expected, invalid.hint);
                None
            }
        }
    }

    /// Keeps a value for `config show`.
    pub(super) fn record<T: Setting>(&mut self, path: &KeyPath, value: &T, origin: Origin) {
        self.entries.push(Entry::value(path.clone(), value.show(), vec![origin]));
    }

    /// Reports a value that is not what was expected.
    pub(super) fn mismatch(&mut self, path: &KeyPath, value: &Value, expected: &str, hint: Option<String>) {
        let got = describe(value, path.is_sensitive());
        let mut fault =
            Finding::at(path, format!("expected {expected}, got {got}")).from_layer(origin_of_content(value));
        // A hint may repeat the value.
        fault.hint = hint.filter(|_| !path.is_sensitive());
        self.faults.push(fault);
    }

    pub(super) fn missing(&mut self, section: &Section<'_>, key: &str, expected: &str) {
        self.faults.push(
            Finding::at(&section.path.key(key), format!("missing: {expected}"))
                .from_layer(section.origin.clone()),
        );
    }

    /// Reports a value that is valid by itself, but not at `at`.
    pub(super) fn refuse<T>(&mut self, at: &Located<T>, message: impl Into<String>) {
        self.faults.push(Finding::at(&at.path, message).from_layer(at.origin.clone()));
    }
}

/// The layer to look at for a faulty value: for a table that only has defaults beside it, the first
/// of its entries that somebody wrote.
fn origin_of_content(value: &Value) -> Origin {
    match Origin::of(value) {
        Origin::Default => sorted(value)
            .into_iter()
            .map(|(_, value)| origin_of_content(value))
            .find(|origin| *origin != Origin::Default)
            .unwrap_or(Origin::Default),
        origin => origin,
    }
}

/// The elements of a TOML array; none for any other text.
fn toml_array(text: &str, origin: &Origin) -> Option<Vec<Value>> {
    let mut table = FileFormat::Toml.parse(Some(&origin.tag()), &format!("list = {text}")).ok()?;
    // A text with line breaks could bring keys of its own.
    let list = table.remove("list").filter(|_| table.is_empty())?;
    match list.kind {
        ValueKind::Array(items) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_the_environment() {
        let origin = Origin::Environment("X".to_owned());
        let items = toml_array(r#"["a", 'b', 3]"#, &origin).unwrap();
        assert_eq!(items.len(), 3);
        assert!(items.iter().all(|item| Origin::of(item) == origin));
        assert_eq!(toml_array("[]", &origin), Some(vec![]));
        for text in ["", "a", "a,b", "\"a\"", "[\"a\"", "[]\nother = 1", "{}", "[a]"] {
            assert_eq!(toml_array(text, &origin), None, "{text:?}");
        }
    }
}
