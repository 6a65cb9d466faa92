//! Secrets: written in place, or as a reference that is followed here.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use config::{Value, ValueKind};
use zeroize::Zeroizing;

use super::super::error::Finding;
use super::super::key_path::KeyPath;
use super::super::load::Purpose;
use super::super::origin::Origin;
use super::super::paths;
use super::super::secret_place::reference;
use super::super::value::Secret;
use super::Reader;

/// Far above any key; keeps a wrong path (a device) from filling the memory.
const LARGEST_SECRET: u64 = 1 << 20;

/// What became of a reference.
pub(super) enum Followed {
    /// The secret's text.
    Text(Zeroizing<String>),
    /// Not looked up, or not there to be looked up, and that is no fault now.
    Unknown,
    /// Reported.
    Faulty,
}

impl Reader<'_> {
    /// A secret of the daemon's own. One that is not known, and need not be, is empty.
    pub(super) fn secret(&mut self, path: &KeyPath, value: &Value) -> Option<Secret> {
        if let ValueKind::String(text) = &value.kind {
            if text.is_empty() {
                self.faults.push(Finding::at(path, "the secret is empty").from_layer(Origin::of(value)));
                return None;
            }
            return Some(Secret::new(text.clone()));
        }
        if reference(value).is_none() {
            let expected = "a secret: { file = \"…\" }, { env = \"…\" }, { credential = \"…\" } or a text";
            self.mismatch(path, value, expected, None);
            return None;
        }
        match self.follow(path, value) {
            Followed::Text(text) => Some(Secret::new(text)),
            Followed::Unknown => Some(Secret::new(String::new())),
            Followed::Faulty => None,
        }
    }

    /// Follows a reference (see `secret_place`).
    pub(super) fn follow(&mut self, path: &KeyPath, value: &Value) -> Followed {
        if self.purpose == Purpose::Inspect && reference(value).is_some() {
            return Followed::Unknown;
        }
        let Some((name, origin, found)) = self.look_up(value) else {
            return Followed::Faulty;
        };
        match found {
            Ok(Some(text)) => Followed::Text(text),
            Ok(None) => {
                let message =
                    format!("credential `{name}` was not checked: it is there only inside the systemd unit");
                self.warnings.push(Finding::at(path, message).from_layer(origin));
                Followed::Unknown
            }
            Err((message, hint)) => {
                let fault = Finding { hint, ..Finding::at(path, message) };
                self.faults.push(fault.from_layer(origin));
                Followed::Faulty
            }
        }
    }

    /// Follows a reference to a text that is no secret, so that it is read for whatever purpose; where
    /// nothing but a look is wanted, that it can't be read is no fault.
    pub(super) fn follow_public(&mut self, path: &KeyPath, value: &Value) -> Followed {
        if self.purpose != Purpose::Inspect {
            return self.follow(path, value);
        }
        match self.look_up(value) {
            Some((_, _, Ok(Some(text)))) => Followed::Text(text),
            _ => Followed::Unknown,
        }
    }

    /// What a reference leads to, with the name in it and where it stands.
    fn look_up<'a>(&mut self, value: &'a Value) -> Option<(&'a str, Origin, Found)> {
        let (form, target) = reference(value)?;
        let ValueKind::String(name) = &target.kind else {
            return None;
        };
        let origin = Origin::of(target);
        let found = match form {
            "file" => self.secret_file(name, &origin).map(Some),
            "env" => self.secret_variable(name).map(Some),
            _ => self.credential(name),
        };
        Some((name, origin, found))
    }

    fn secret_file(&mut self, name: &str, origin: &Origin) -> Result<Zeroizing<String>, Problem> {
        let base = origin.base_directory(self.environment.current_directory());
        let path = paths::resolve(base, Path::new(name));
        let text = read(&path);
        self.referenced_files.push(path);
        text
    }

    fn secret_variable(&self, name: &str) -> Result<Zeroizing<String>, Problem> {
        let Some(value) = self.environment.get(name) else {
            return Err((format!("environment variable `{name}` is not set, or empty"), None));
        };
        let text =
            value.to_str().ok_or_else(|| (format!("environment variable `{name}` is not UTF-8"), None))?;
        trimmed(Zeroizing::new(text.to_owned()))
            .ok_or_else(|| (format!("environment variable `{name}` is empty"), None))
    }

    /// A systemd credential; none outside a unit when that is only worth a warning.
    fn credential(&mut self, name: &str) -> Result<Option<Zeroizing<String>>, Problem> {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Err((format!("expected the name of a credential, got {name:?}"), None));
        }
        let load = || Some(format!("add `LoadCredential={name}:/path/to/file` to the unit"));
        match (self.environment.get("CREDENTIALS_DIRECTORY"), self.purpose) {
            (Some(directory), _) => {
                let path = PathBuf::from(directory).join(name);
                self.referenced_files.push(path.clone());
                match path.try_exists() {
                    Ok(false) => Err((format!("the unit has no credential `{name}`"), load())),
                    _ => read(&path).map(Some),
                }
            }
            (None, Purpose::Serve) => {
                Err((format!("credential `{name}` is missing: $CREDENTIALS_DIRECTORY is not set"), load()))
            }
            (None, Purpose::Check | Purpose::Inspect) => Ok(None),
        }
    }

    /// Warns of a secret that is written in a file which more accounts than its owner can read.
    pub(super) fn warn_if_readable(&mut self, path: &KeyPath, value: &Value) {
        let (ValueKind::String(_), Origin::File(file)) = (&value.kind, Origin::of(value)) else {
            return;
        };
        let Ok(metadata) = fs::metadata(&file) else { return };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o044 != 0 {
            self.warnings.push(
                Finding::at(
                    path,
                    format!("a secret stands in a file that others can read (mode {mode:04o})"),
                )
                .hint(format!(
                    "`chmod 600 {}`, or name a file of its own: {{ file = \"…\" }}",
                    file.display()
                ))
                .from_layer(Origin::File(file)),
            );
        }
    }
}

/// A text; none for a credential outside its unit.
type Found = Result<Option<Zeroizing<String>>, Problem>;

/// A message and a hint.
type Problem = (String, Option<String>);

fn read(path: &Path) -> Result<Zeroizing<String>, Problem> {
    let shown = path.display();
    let unreadable = |error: &io::Error| (format!("can't read the secret in `{shown}`: {error}"), None);
    let mut text = Zeroizing::new(String::new());
    let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
    file.take(LARGEST_SECRET + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    if text.len() as u64 > LARGEST_SECRET {
        return Err((format!("the secret in `{shown}` is larger than 1 MiB"), None));
    }
    trimmed(text).ok_or_else(|| (format!("the secret in `{shown}` is empty"), None))
}

/// The text without one newline at its end; none if nothing is left.
fn trimmed(mut text: Zeroizing<String>) -> Option<Zeroizing<String>> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_is_dropped() {
        let of = |text: &str| trimmed(Zeroizing::new(text.to_owned())).map(|text| text.to_string());
        assert_eq!(of("a\n").as_deref(), Some("a"));
        assert_eq!(of("a\r\n").as_deref(), Some("a"));
        assert_eq!(of(" a \n\n").as_deref(), Some(" a \n"));
        assert_eq!(of("a").as_deref(), Some("a"));
        assert_eq!(of("\n"), None);
        assert_eq!(of(""), None);
    }
}
