//! The process's surroundings as plain data, so that reading a configuration depends on nothing else.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Environment variables and the current directory.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    current_directory: PathBuf,
}

impl Environment {
    /// Those of this process, as they are now. Fails when the current directory is gone.
    pub fn of_process() -> io::Result<Self> {
        let current_directory = std::env::current_dir()?;
        Ok(Self { variables: std::env::vars_os().collect(), current_directory })
    }

    /// No variables, in `current_directory`.
    pub fn empty(current_directory: impl Into<PathBuf>) -> Self {
        Self { variables: BTreeMap::new(), current_directory: current_directory.into() }
    }

    /// The same with one variable set.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// A variable's value; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Every variable, in the order of the names.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The folder to which relative paths of the command line and of variables refer.
    pub fn current_directory(&self) -> &Path {
        &self.current_directory
    }
}

impl fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.variables.keys().collect();
        f.debug_struct("Environment")
            .field("variables", &names)
            .field("current_directory", &self.current_directory)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::empty("/tmp").with("TOKEN", "hunter2");
        assert_eq!(
            format!("{environment:?}"),
            r#"Environment { variables: ["TOKEN"], current_directory: "/tmp" }"#
        );
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(Environment::empty("/").with("A", "").get("A"), None);
        assert_eq!(Environment::empty("/").with("A", "b").get("A"), Some(OsStr::new("b")));
    }
}
