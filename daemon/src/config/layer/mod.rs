//! The layers and how they are merged: tables key by key, lists and secrets whole.
//!
//! Each layer is a `Source` of the `config` crate, and puts its values over those of the layers before.
//! They are applied here and not by the crate's builder, which puts the outcome through one more merge of
//! its own: that reads dots and brackets in keys as paths, mixes two forms of one secret, forgets which
//! layer began a table, and leaves copies of secrets in memory.

pub(crate) mod defaults;
mod environment;
mod files;

use std::fmt;

use config::{ConfigError, FileFormat, Format, Map, Source, Value, ValueKind};
use zeroize::Zeroize;

use super::environment::Environment;
use super::error::Finding;
use super::key_path::KeyPath;
use super::origin::Origin;
use super::secret_place::{is_reference, is_secret_place};

pub(crate) use files::Files;

/// The merged values of all layers, each with its origin; wiped from memory when dropped.
pub(crate) struct Merged(Value);

/// Merges the layers. Faults are about the environment; those of the files are found before.
pub(crate) fn merge_layers(files: &Files, environment: &Environment, faults: &mut Vec<Finding>) -> Merged {
    let mut layers = vec![Layer::over(built_in(defaults::CONFIGURATION))];
    layers.extend(files.parsed.iter().cloned().map(Layer::over));
    layers.push(Layer::over(environment::variables(environment, faults)));
    layers.push(Layer::over(environment::state_directory(environment, faults)));
    layers.push(Layer { root: environment::plugin_path(environment, faults), step: Step::PrependPluginPath });
    layers.push(Layer { root: built_in(defaults::VIEW), step: Step::CompleteEach("views") });
    layers.push(Layer { root: built_in(defaults::BACKEND), step: Step::CompleteEach("backends") });
    let mut merged = Merged(table());
    for layer in layers {
        if let Err(error) = layer.collect_to(&mut merged.0) {
            faults.push(Finding::general(format!("the layers can't be merged: {error}")));
        }
    }
    merged
}

impl Merged {
    /// The table of sections.
    pub(crate) fn root(&self) -> &Value {
        &self.0
    }
}

impl Drop for Merged {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Values that are put over, or under, those of the layers before.
#[derive(Clone)]
struct Layer {
    root: Value,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The values win over what is there.
    Over,
    /// The list goes before that of `plugins.path`.
    PrependPluginPath,
    /// Each table in the named one gets the keys that it lacks.
    CompleteEach(&'static str),
}

impl Layer {
    fn over(root: Value) -> Self {
        Self { root, step: Step::Over }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut root = table();
        self.collect_to(&mut root)?;
        match root.kind {
            ValueKind::Table(table) => Ok(table),
            _ => Ok(Map::new()),
        }
    }

    fn collect_to(&self, merged: &mut Value) -> Result<(), ConfigError> {
        match self.step {
            Step::Over => put_over(merged, &self.root, &KeyPath::root()),
            Step::PrependPluginPath => {
                let path = child(merged, "plugins").and_then(|plugins| child(plugins, "path"));
                if let Some(ValueKind::Array(list)) = path.map(|path| &mut path.kind)
                    && let ValueKind::Array(first) = &self.root.kind
                {
                    list.splice(0..0, first.iter().cloned());
                }
            }
            Step::CompleteEach(section) => {
                for one in children(merged, section) {
                    put_under(one, &self.root);
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Layer {
    /// Without the values, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("step", &self.step).finish_non_exhaustive()
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        wipe(&mut self.root);
    }
}

/// The value of `key` where `value` is a table that has it.
fn child<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match &mut value.kind {
        ValueKind::Table(table) => table.get_mut(key),
        _ => None,
    }
}

/// The tables in the table of `key`.
fn children<'a>(value: &'a mut Value, key: &str) -> Vec<&'a mut Value> {
    match child(value, key).map(|table| &mut table.kind) {
        Some(ValueKind::Table(table)) => table.values_mut().collect(),
        _ => Vec::new(),
    }
}

/// Puts `incoming` over `base`: tables key by key, everything else whole.
fn put_over(base: &mut Value, incoming: &Value, path: &KeyPath) {
    let both_refer = is_secret_place(path) && is_reference(base) && is_reference(incoming);
    let base_origin = Origin::of(base);
    match (&mut base.kind, &incoming.kind) {
        (ValueKind::Table(table), ValueKind::Table(entries)) if !both_refer => {
            for (key, value) in entries {
                match table.get_mut(key) {
                    Some(present) => put_over(present, value, &path.key(key)),
                    None => drop(table.insert(key.clone(), value.clone())),
                }
            }
            // A table stays with the layer that began it, unless that was only a default.
            if base_origin == Origin::Default {
                let kind = std::mem::take(&mut base.kind);
                *base = Value::new(Some(&Origin::of(incoming).tag()), kind);
            }
        }
        _ => {
            wipe(base);
            *base = incoming.clone();
        }
    }
}

/// Gives the table `base` what it lacks of `defaults`, down to the leaves.
fn put_under(base: &mut Value, defaults: &Value) {
    if let (ValueKind::Table(table), ValueKind::Table(entries)) = (&mut base.kind, &defaults.kind) {
        for (key, value) in entries {
            match table.get_mut(key) {
                Some(present) => put_under(present, value),
                None => drop(table.insert(key.clone(), value.clone())),
            }
        }
    }
}

/// The values of a text of ours. One that is not TOML gives nothing, and every test fails.
fn built_in(text: &str) -> Value {
    let parsed = FileFormat::Toml.parse(None, text);
    debug_assert!(parsed.is_ok(), "the built-in defaults are TOML");
    Value::from(parsed.unwrap_or_default())
}

fn table() -> Value {
    Value::from(Map::<String, Value>::new())
}

/// Overwrites every text in `value`.
fn wipe(value: &mut Value) {
    match &mut value.kind {
        ValueKind::String(text) => text.zeroize(),
        ValueKind::Array(items) => items.iter_mut().for_each(wipe),
        ValueKind::Table(table) => table.values_mut().for_each(wipe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(origin: &str, text: &str) -> Value {
        let origin = origin.to_owned();
        Value::new(Some(&origin), FileFormat::Toml.parse(Some(&origin), text).unwrap())
    }

    fn merged(texts: &[&str]) -> Value {
        let mut base = table();
        for (number, text) in texts.iter().enumerate() {
            put_over(&mut base, &toml(&format!("file:/{number}"), text), &KeyPath::root());
        }
        base
    }

    #[test]
    fn tables_merge_key_by_key_and_lists_whole() {
        let result = merged(&["a = { x = 1, y = [1, 2] }\nb = 1", "a = { y = [3] }", "b = { z = 1 }"]);
        let expected = toml("", "a = { x = 1, y = [3] }\nb = { z = 1 }");
        assert_eq!(without_origins(&result), without_origins(&expected));
    }

    #[test]
    fn keys_with_dots_and_brackets_are_only_keys() {
        let text = "[backends.x.settings.zone.\"example.org\"]\n\"a[0]\" = 1\n\"b.c\" = 2";
        assert_eq!(
            without_origins(&merged(&[text, "\"x.y\" = 1"])),
            without_origins(&toml("", &format!("\"x.y\" = 1\n{text}")))
        );
    }

    #[test]
    fn one_form_of_a_secret_replaces_another() {
        let result = merged(&[
            "[views.a.auth]\npassword = { file = \"p\" }\n[backends.b.settings.tsig]\nsecret = { file = \"s\" }",
            "[views.a.auth]\npassword = { env = \"P\" }\n[backends.b.settings.tsig]\nsecret = { credential = \"s\" }",
        ]);
        let expected = toml(
            "",
            "[views.a.auth]\npassword = { env = \"P\" }\n[backends.b.settings.tsig]\nsecret = { credential = \"s\" }",
        );
        assert_eq!(without_origins(&result), without_origins(&expected));
    }

    #[test]
    fn a_table_of_settings_with_a_file_is_not_mistaken_for_a_secret() {
        // `settings` itself never is one, nor is a table with more keys.
        let result = merged(&[
            "[backends.b.settings]\nfile = \"records.json\"\n[backends.c.settings.tls]\nfile = \"a\"\nname = \"n\"",
            "[backends.b.settings]\nenv = \"x\"\n[backends.c.settings.tls]\nenv = \"x\"",
        ]);
        let expected = toml(
            "",
            "[backends.b.settings]\nfile = \"records.json\"\nenv = \"x\"\n[backends.c.settings.tls]\nfile = \"a\"\nname = \"n\"\nenv = \"x\"",
        );
        assert_eq!(without_origins(&result), without_origins(&expected));
    }

    #[test]
    fn defaults_fill_only_what_is_missing() {
        let mut base = toml("file:/1", "a = { x = 1 }\nb = \"text\"");
        put_under(&mut base, &built_in("a = { x = 2, y = 2 }\nb = { z = 2 }\nc = 2"));
        let expected = toml("", "a = { x = 1, y = 2 }\nb = \"text\"\nc = 2");
        assert_eq!(without_origins(&base), without_origins(&expected));
    }

    #[test]
    fn layers_show_no_value_in_debug() {
        let layer = Layer::over(toml("file:/1", "password = \"hunter2\""));
        assert!(!format!("{layer:?}").contains("hunter2"));
    }

    fn without_origins(value: &Value) -> Value {
        match &value.kind {
            ValueKind::Table(table) => Value::from(
                table.iter().map(|(key, value)| (key.clone(), without_origins(value))).collect::<Map<_, _>>(),
            ),
            ValueKind::Array(items) => Value::from(items.iter().map(without_origins).collect::<Vec<_>>()),
            kind => Value::from(kind.clone()),
        }
    }
}
