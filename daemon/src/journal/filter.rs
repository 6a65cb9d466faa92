//! Which lines of the journal are wanted.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Deserialize;
use zonemux_plugin::dns;

use super::lines::{milliseconds, time_text};

/// What a line must have. The default lets every line through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The record's name.
    pub name: Option<NamePattern>,
    /// From this time on, as it stands in a line.
    pub(crate) since: Option<String>,
    /// The backend's name.
    pub backend: Option<String>,
    /// The view's name.
    pub view: Option<String>,
    /// The outcome.
    pub outcome: Option<String>,
}

/// A name, or all names below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    /// Canonical.
    name: String,
    below: bool,
}

/// What a filter looks at.
#[derive(Deserialize)]
struct Seen<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    backend: Cow<'a, str>,
    #[serde(borrow, default)]
    view: Cow<'a, str>,
    #[serde(borrow, default)]
    outcome: Cow<'a, str>,
}

impl Filter {
    /// Only what is not older than this.
    pub fn set_since(&mut self, since: SystemTime) {
        self.since = Some(time_text(milliseconds(since)));
    }

    /// The keys of a request, and their values.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let pairs = [
            ("name", self.name.as_ref().map(ToString::to_string)),
            ("since", self.since.clone()),
            ("backend", self.backend.clone()),
            ("view", self.view.clone()),
            ("outcome", self.outcome.clone()),
        ];
        pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// Takes a key of a request and its value.
    ///
    /// # Errors
    ///
    /// When there is no such key, or the value is none of it: the text says which.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "name" => self.name = Some(value.parse().map_err(|error| format!("`name`: {error}"))?),
            "since" => {
                let since: Timestamp = value.parse().map_err(|error| format!("`since`: {error}"))?;
                self.set_since(since.into());
            }
            "backend" => self.backend = Some(value.to_owned()),
            "view" => self.view = Some(value.to_owned()),
            "outcome" => self.outcome = Some(value.to_owned()),
            _ => return Err(format!("`{key}` is no key of a filter")),
        }
        Ok(())
    }

    /// Whether a line is wanted. One that is no entry never is.
    pub(super) fn lets_through(&self, line: &[u8]) -> bool {
        let Ok(seen) = serde_json::from_slice::<Seen<'_>>(line) else { return false };
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        // Times have one form and one length, so that they compare as texts.
        self.since.as_ref().is_none_or(|since| *since.as_str() <= *seen.time)
            && is(&self.backend, &seen.backend)
            && is(&self.view, &seen.view)
            && is(&self.outcome, &seen.outcome)
            && self.name.as_ref().is_none_or(|name| name.matches(&seen.name))
    }
}

impl NamePattern {
    fn matches(&self, name: &str) -> bool {
        let name = dns::canonical(name).unwrap_or(Cow::Borrowed(name));
        if !self.below {
            return name == self.name;
        }
        name.strip_suffix(&self.name).is_some_and(|labels| labels.ends_with('.'))
    }
}

impl FromStr for NamePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (below, name) = text.strip_prefix("*.").map_or((false, text), |name| (true, name));
        let name = dns::canonical(name).map_err(|error| error.to_string())?;
        Ok(Self { name: name.into_owned(), below })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.name)
    }
}
