//! Paths in a backend's settings. The daemon looks for them, before the settings go to the child.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The longest path the kernel takes, in bytes.
const LONGEST: usize = 4095;

/// The paths that settings name, each once, in order: every string that is an absolute path (also as
/// `unix:/path` or `file:///path`) or, joined to `base`, names something; `base` is the folder that
/// relative settings are meant to start from. What neither exists nor could be made in an existing
/// folder other than `/` is left out.
///
/// Secrets are strings too, and one may happen to look like a path: show the result to nobody.
pub fn paths_in_settings(settings: &Value, base: &Path) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    collect(settings, base, &mut found);
    found.into_iter().collect()
}

fn collect(value: &Value, base: &Path, found: &mut BTreeSet<PathBuf>) {
    match value {
        Value::String(text) => found.extend(path(text, base)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, base, found)),
        Value::Object(members) => members.values().for_each(|value| collect(value, base, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn path(text: &str, base: &Path) -> Option<PathBuf> {
    let without_scheme = ["unix:", "file:"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let text = without_scheme.map_or(text, |rest| if rest.starts_with("///") { &rest[2..] } else { rest });
    if text.is_empty() || text.len() > LONGEST || text.contains('\0') {
        return None;
    }
    let path = base.join(text);
    // Neither `/`, nor `..` and with it all that is next to the configuration.
    path.file_name()?;
    if path.exists() {
        return (path != base).then_some(path);
    }
    let folder = path.parent().filter(|_| text.contains('/'))?;
    (folder.is_dir() && folder.parent().is_some()).then_some(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_exists_or_could_be_made_counts() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        std::fs::write(base.join("zone.db"), "").unwrap();
        std::fs::create_dir(base.join("keys")).unwrap();
        let absolute = |name: &str| base.join(name).to_string_lossy().into_owned();
        let settings = json!({
            "records": absolute("records.json"),
            "control": format!("unix:{}", absolute("keys/control.sock")),
            "also": format!("file://{}", absolute("keys")),
            "relative": ["zone.db", "keys/new.key", "absent", "absent/file"],
            "deep": { "list": [{ "path": absolute("zone.db") }], "empty": "", "nul": "/tmp/\0x" },
            "token": "/q8Jx0vW3kZt5w==",
            "secret": "/k2/Zm9vYmFy/c2VjcmV0",
            "url": "https://dns.example/api/v1",
            "zone": "example.org",
            "dots": ["..", ".", "/", "keys/.."],
            "long": "x/".repeat(5000),
            "number": 53,
        });
        let mut expected = vec![
            base.join("keys"),
            base.join("keys/control.sock"),
            base.join("keys/new.key"),
            base.join("records.json"),
            base.join("zone.db"),
        ];
        expected.sort();
        assert_eq!(paths_in_settings(&settings, base), expected);
    }
}
