//! What the configuration's format has and this version of zonemux does not do yet. Such a key is
//! read and checked like any other and then refused, so that nobody relies on what is not there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::effective::Entry;
use super::error::Finding;
use super::key_path::KeyPath;
use super::origin::Origin;

/// When a key is refused.
enum Refused {
    /// Whenever it is given.
    Always,
    /// Where it asks for what is not there.
    For(Value),
}

/// The keys, `*` standing for any name. A release that brings one deletes its line.
fn table() -> [(&'static str, Refused); 3] {
    use Refused::{Always, For};
    [
        ("plugins.isolation", For(json!("process"))),
        ("backends.*.isolation", For(json!("process"))),
        ("backends.*.memory_limit", Always),
    ]
}

impl Refused {
    fn covers(&self, value: &Value) -> bool {
        match self {
            Self::Always => true,
            Self::For(wanted) => value == wanted,
        }
    }
}

/// Refuses what somebody wrote and this version lacks, and takes such defaults out of `entries`:
/// what is not there is not shown as if it were in force.
pub(crate) fn check(entries: &mut Vec<Entry>, faults: &mut Vec<Finding>) {
    let table = table();
    let mut refused: BTreeSet<KeyPath> = BTreeSet::new();
    entries.retain(|entry| {
        let Some((path, value, origins)) = entry.parts() else {
            return true;
        };
        let row = table.iter().find(|(pattern, refused)| path.matches(pattern) && refused.covers(value));
        let Some((pattern, _)) = row else { return true };
        let Some(origin) = origins.iter().find(|origin| **origin != Origin::Default) else {
            return false;
        };
        // A whole table that is not there is one fault, not one for each of its keys.
        let named: Vec<&str> = path.keys().take(pattern.split('.').count()).collect();
        let named = KeyPath::of(&named);
        if refused.insert(named.clone()) {
            let message = format!("not available in zonemux {}", env!("CARGO_PKG_VERSION"));
            faults.push(Finding::at(&named, message).from_layer(origin.clone()).hint("leave it out"));
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(keys: &[&str], value: Value, origin: Origin) -> Entry {
        Entry::value(KeyPath::of(keys), value, vec![origin])
    }

    #[test]
    fn a_table_is_refused_once_and_defaults_are_hidden() {
        let file = || Origin::File("/c.toml".into());
        let mut entries = vec![
            entry(&["backends", "a", "memory_limit", "soft"], json!("1GiB"), file()),
            entry(&["backends", "a", "memory_limit", "hard"], json!("2GiB"), file()),
            entry(&["backends", "b", "memory_limit", "hard"], json!("2GiB"), Origin::Default),
            entry(&["plugins", "isolation"], json!("inline"), file()),
            entry(&["backends", "a", "memory_limit"], json!("1GiB"), Origin::Default),
            entry(&["backends", "a", "isolation"], json!("process"), file()),
            entry(&["backends", "a", "plugin"], json!("memory"), file()),
        ];
        let mut faults = Vec::new();
        check(&mut entries, &mut faults);
        let refused: Vec<String> =
            faults.iter().filter_map(|fault| fault.key.as_ref()).map(ToString::to_string).collect();
        assert_eq!(refused, ["backends.a.memory_limit", "backends.a.isolation"]);
        assert_eq!(entries.len(), 5);
    }
}
