//! What is wrong, or doubtful, in a configuration.

use std::fmt;
use std::path::PathBuf;

use super::key_path::KeyPath;
use super::origin::Origin;
use super::plugin_use::PluginUse;

/// One fault or warning: what, where, and what to do about it. No secret is ever in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key it is about; none where it is about a whole file.
    pub key: Option<KeyPath>,
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    /// The layer to look at; none where no layer is to blame.
    pub origin: Option<Origin>,
    /// What to write or do instead.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding about a key.
    pub fn at(key: &KeyPath, message: impl Into<String>) -> Self {
        Self { key: Some(key.clone()), message: message.into(), origin: None, hint: None }
    }

    /// A finding about a file, a variable or the whole.
    pub fn general(message: impl Into<String>) -> Self {
        Self { key: None, message: message.into(), origin: None, hint: None }
    }

    /// The same with the layer it came from.
    #[must_use]
    pub fn from_layer(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The lines below the first one: where it stands, and the hint.
    pub(crate) fn details(&self) -> impl Iterator<Item = (&'static str, String)> {
        let origin = match &self.origin {
            Some(Origin::File(path)) => Some(("in", path.display().to_string())),
            Some(Origin::Environment(variable)) => Some(("in", format!("environment variable {variable}"))),
            Some(Origin::Default) | None => None,
        };
        origin.into_iter().chain(self.hint.clone().map(|hint| ("hint:", hint)))
    }
}

impl fmt::Display for Finding {
    /// The first line: key and message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "`{key}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Why there is no configuration: every fault that was found, at least one.
#[derive(Debug, Clone)]
pub struct ConfigErrors {
    /// The faults, in the order of the sections.
    pub faults: Vec<Finding>,
    /// What would have been warned of beside them.
    pub warnings: Vec<Finding>,
    /// The files that were read, or could not be, as far as they are known: once one of them changes,
    /// there may be a configuration.
    pub sources: Vec<PathBuf>,
    /// The socket on which a daemon of this configuration answers, where that can be told all the same.
    pub control: Option<PathBuf>,
    /// What is known of plugins all the same, for their faults to be told beside these.
    pub plugin_uses: Vec<PluginUse>,
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    /// Every fault in plain text, with its details below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.faults.iter().enumerate() {
            let newline = if position == 0 { "" } else { "\n" };
            write!(f, "{newline}{fault}")?;
            for (label, detail) in fault.details() {
                write!(f, "\n  {label} {detail}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_listed_with_place_and_hint() {
        let key = KeyPath::of(&["webhook", "deadline"]);
        let errors = ConfigErrors {
            faults: vec![
                Finding::at(&key, "expected a duration such as \"10s\", got 10")
                    .from_layer(Origin::File("/etc/zonemux/config.toml".into()))
                    .hint("write \"10s\""),
                Finding::general("no backend is configured").from_layer(Origin::Default),
            ],
            warnings: vec![],
            sources: vec![],
            control: None,
            plugin_uses: vec![],
        };
        insta::assert_snapshot!(errors, @r#"
        `webhook.deadline`: expected a duration such as "10s", got 10
          in /etc/zonemux/config.toml
          hint: write "10s"
        no backend is configured
        "#);
    }
}
