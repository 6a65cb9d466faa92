//! What a plugin says of its settings: which of them may be shown.

use serde_json::Value;

use super::key_path::KeyPath;

/// How many schemas may stand for one place: a schema that refers to itself in many ways ends here.
const MOST: usize = 256;

/// What a plugin says of its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedSettings {
    secret: Vec<String>,
    schema: Value,
}

impl DescribedSettings {
    /// By the dotted paths (`*` for any one key) of those that are secret, and the JSON Schema of all; `None`
    /// where that is none.
    pub fn new(secret: Vec<String>, schema: &str) -> Option<Self> {
        let schema = serde_json::from_str(schema).ok().filter(Value::is_object)?;
        Some(Self { secret, schema })
    }

    /// Whether everybody may see the setting at `path`: the plugin knows it, and does not call it secret.
    /// What it does not know may be a secret whose key is misspelt.
    pub(crate) fn may_show(&self, path: &KeyPath) -> bool {
        if self.secret.iter().any(|pattern| path.matches(pattern)) {
            return false;
        }
        let mut here = self.all_of(vec![&self.schema]);
        for step in path.steps() {
            let inner = here.iter().filter_map(|schema| match step {
                Some(key) => {
                    let named = schema.get("properties").and_then(|properties| properties.get(key));
                    // A table with keys of the operator's own; of `true` nobody knows what it holds.
                    named.or_else(|| schema.get("additionalProperties").filter(|any| any.is_object()))
                }
                None => schema.get("items"),
            });
            here = self.all_of(inner.collect());
        }
        let is_secret = |schema: &&Value| schema.get("writeOnly") == Some(&Value::Bool(true));
        !here.is_empty() && !here.iter().any(is_secret)
    }

    /// Schemas with those that they refer to, or are put together of.
    fn all_of<'s>(&'s self, mut found: Vec<&'s Value>) -> Vec<&'s Value> {
        let mut next = 0;
        while let Some(schema) = found.get(next).copied().filter(|_| found.len() < MOST) {
            next += 1;
            let reference =
                schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
            let parts = ["allOf", "anyOf", "oneOf"].iter().filter_map(|kind| schema.get(kind)?.as_array());
            let more = reference.and_then(|pointer| self.schema.pointer(pointer));
            for more in more.into_iter().chain(parts.flatten()) {
                if !found.iter().any(|known| std::ptr::eq(*known, more)) {
                    found.push(more);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r##"{
        "type": "object",
        "properties": {
            "server": { "type": "string" },
            "token": { "type": "string", "writeOnly": true },
            "any": true,
            "servers": { "type": "array", "items": { "$ref": "#/$defs/Server" } },
            "environment": { "type": "object", "additionalProperties": { "type": "string" } },
            "tls": { "anyOf": [{ "$ref": "#/$defs/Server" }, { "type": "null" }] }
        },
        "$defs": {
            "Server": {
                "type": "object",
                "properties": { "name": { "type": "string" }, "next": { "$ref": "#/$defs/Server" } }
            }
        }
    }"##;

    fn may_show(secret: &[&str], path: &KeyPath) -> bool {
        let secret = secret.iter().map(|&path| path.to_owned()).collect();
        DescribedSettings::new(secret, SCHEMA).unwrap().may_show(path)
    }

    #[test]
    fn what_the_plugin_knows_is_shown_and_what_it_calls_secret_is_not() {
        for path in [
            KeyPath::of(&["server"]),
            KeyPath::of(&["any"]),
            KeyPath::of(&["servers"]).index(3).key("name"),
            KeyPath::of(&["environment", "PATH"]),
            KeyPath::of(&["tls", "next", "next", "name"]),
        ] {
            assert!(may_show(&[], &path), "{path}");
        }
        assert!(!may_show(&[], &KeyPath::of(&["token"])), "the schema says so");
        assert!(!may_show(&["server"], &KeyPath::of(&["server"])), "the manifest says so");
        assert!(!may_show(&["tls.*"], &KeyPath::of(&["tls", "name"])));
    }

    #[test]
    fn a_key_that_the_plugin_does_not_know_is_not_shown() {
        for path in [
            KeyPath::of(&["tokne"]),
            KeyPath::of(&["any", "secret"]),
            KeyPath::of(&["servers"]).index(0).key("nmae"),
            KeyPath::of(&["servers", "name"]),
            KeyPath::of(&["tls", "next", "nxet"]),
            KeyPath::of(&["server", "inner"]),
        ] {
            assert!(!may_show(&[], &path), "{path}");
        }
    }

    #[test]
    fn what_is_no_schema_describes_nothing() {
        assert_eq!(DescribedSettings::new(Vec::new(), ""), None);
        assert_eq!(DescribedSettings::new(Vec::new(), "true"), None);
    }
}
