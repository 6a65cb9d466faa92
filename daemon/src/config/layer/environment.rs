//! Environment variables as layers.

use config::{Map, Value, ValueKind};

use super::super::environment::Environment;
use super::super::error::Finding;
use super::super::key_path::KeyPath;
use super::super::origin::Origin;

/// What configuration variables begin with; more of the same separates the levels.
const PREFIX: &str = "ZONEMUX__";
const SEPARATOR: &str = "__";

/// Whether any variable configures something.
pub(super) fn configures(environment: &Environment) -> bool {
    environment.variables().any(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
}

/// The values of `ZONEMUX__SECTION__KEY` variables. They are texts; what a text means is decided
/// where its key is read.
pub(super) fn variables(environment: &Environment, faults: &mut Vec<Finding>) -> Value {
    let mut root = super::table();
    for (name, value) in environment.variables() {
        let Some(keys) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let origin = Origin::Environment(name.to_string_lossy().into_owned());
        let keys = keys.to_ascii_lowercase();
        let keys: Vec<&str> = keys.split(SEPARATOR).collect();
        if keys.iter().any(|key| key.is_empty()) {
            faults.push(
                Finding::general("names no key: levels are separated by two underscores")
                    .from_layer(origin)
                    .hint("for example ZONEMUX__WEBHOOK__DEADLINE"),
            );
            continue;
        }
        let Some(text) = value.to_str() else {
            faults.push(Finding::at(&KeyPath::of(&keys), "the value is not UTF-8").from_layer(origin));
            continue;
        };
        if !insert(&mut root, &keys, text, &origin) {
            faults.push(
                Finding::at(&KeyPath::of(&keys), "two variables give both a value and a table")
                    .from_layer(origin)
                    .hint("unset one of them"),
            );
        }
    }
    root
}

/// Puts `text` at `keys`; false where something else is there or on the way.
fn insert(table: &mut Value, keys: &[&str], text: &str, origin: &Origin) -> bool {
    let (ValueKind::Table(entries), [key, below @ ..]) = (&mut table.kind, keys) else {
        return false;
    };
    if below.is_empty() {
        let value = Value::new(Some(&origin.tag()), text);
        return match entries.entry((*key).to_owned()) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(value);
                true
            }
        };
    }
    let empty = || Value::new(Some(&origin.tag()), Map::<String, Value>::new());
    insert(entries.entry((*key).to_owned()).or_insert_with(empty), below, text, origin)
}

/// `$STATE_DIRECTORY`, which the service manager sets. It may name several folders; the first is ours.
pub(super) fn state_directory(environment: &Environment, faults: &mut Vec<Finding>) -> Value {
    const NAME: &str = "STATE_DIRECTORY";
    let mut root = super::table();
    if let Some(first) = folders(NAME, environment, faults).next() {
        insert(&mut root, &["state", "directory"], first, &Origin::Environment(NAME.to_owned()));
    }
    root
}

/// The folders of `$ZONEMUX_PLUGIN_PATH`, in order.
pub(super) fn plugin_path(environment: &Environment, faults: &mut Vec<Finding>) -> Value {
    const NAME: &str = "ZONEMUX_PLUGIN_PATH";
    let tag = Origin::Environment(NAME.to_owned()).tag();
    let folders = folders(NAME, environment, faults).map(|folder| Value::new(Some(&tag), folder));
    Value::new(Some(&tag), folders.collect::<Vec<_>>())
}

/// The folders that a variable names, separated by colons.
fn folders<'a>(
    name: &str,
    environment: &'a Environment,
    faults: &mut Vec<Finding>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let text = environment.get(name).map(|value| value.to_str());
    if text == Some(None) {
        faults.push(
            Finding::general("the value is not UTF-8").from_layer(Origin::Environment(name.to_owned())),
        );
    }
    text.flatten().unwrap_or_default().split(':').filter(|folder| !folder.is_empty())
}
