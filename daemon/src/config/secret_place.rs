//! Where secrets stand, and what a reference to one looks like.

use config::{Value, ValueKind};

use super::key_path::KeyPath;

/// The keys of the daemon's own secrets.
const OWN: [&str; 2] = ["views.*.auth.password", "plugins.public_key"];

/// The forms of a reference, each a key of a table with one entry.
pub(crate) const FORMS: [&str; 3] = ["file", "env", "credential"];

/// Whether a table at `path` may be a reference: the daemon's own secrets, and everything below a
/// plugin's table of settings (that table itself is none: plugins have settings called `file`).
pub(crate) fn is_secret_place(path: &KeyPath) -> bool {
    path.matches("backends.*.settings.*") || OWN.iter().any(|own| path.matches(own))
}

/// Whether `value` is a table with exactly one key, that of a form, and a text as its value.
pub(crate) fn is_reference(value: &Value) -> bool {
    reference(value).is_some()
}

/// The form and the text of a reference.
pub(crate) fn reference(value: &Value) -> Option<(&str, &Value)> {
    let ValueKind::Table(table) = &value.kind else {
        return None;
    };
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some((key, text)), None)
            if FORMS.contains(&key.as_str()) && matches!(text.kind, ValueKind::String(_)) =>
        {
            Some((key, text))
        }
        _ => None,
    }
}
