//! What to do, and when.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use zonemux_plugin::{Error, Result, Secret};

/// A way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// As the memory backend.
    #[default]
    Healthy,
    /// Panics with a text.
    Panic,
    /// Panics with a value that is not text, and that panics again when it is dropped.
    PanicValue,
    /// Panics in a task of its own, and answers the error of joining it.
    PanicTask,
    /// Waits for ever without holding its thread. Adjusting can't wait: it blocks.
    Hang,
    /// Holds its thread until the control file says something else.
    Block,
    /// Answers after `delay`, without holding its thread. Adjusting can't wait: it holds it.
    Late,
    /// Refuses records whose names contain `match`; other calls fail for good.
    Refuse,
    /// Does half and fails: lists every other record, applies every other unit.
    Partial,
    /// Does half and panics.
    PartialPanic,
    /// Does half and waits for ever.
    PartialHang,
    /// Does half and says that this was all: a fault that nobody can see.
    Short,
    /// Fails in a way that may pass.
    Fail,
    /// Fails in a way that may pass after `delay`, and says so.
    RetryAfter,
    /// Says that its settings are wrong.
    FailConfig,
    /// Ends the process.
    Abort,
    /// Logs on every level and moves a metric of each kind, then behaves.
    Chatty,
}

/// When to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// While settings are checked. Not among the operations that are meant where none is named.
    Validate,
    /// While the backend is opened.
    Open,
    /// While records are listed.
    Records,
    /// While changes are applied.
    Apply,
    /// While endpoints are adjusted.
    Adjust,
    /// While the backend is checked.
    Check,
    /// While the backend is closed.
    Close,
    /// While the backend is dropped.
    Drop,
}

impl Operation {
    /// The word for logs and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Open => "open",
            Self::Records => "records",
            Self::Apply => "apply",
            Self::Adjust => "adjust",
            Self::Check => "check",
            Self::Close => "close",
            Self::Drop => "drop",
        }
    }
}

/// The settings of the plugin.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What to do.
    pub behaviour: Behaviour,
    /// When; nothing: at each operation but `validate`.
    pub on: Vec<Operation>,
    /// Milliseconds, for `late` and `retry-after`.
    pub delay: u64,
    /// Part of the names that `refuse` refuses; empty: all.
    #[serde(rename = "match")]
    pub matches: String,
    /// A file, by an absolute path, that is read at each operation. While it is there, it says what to do:
    /// the name of a behaviour in place of `behaviour`, or JSON of `behaviour`, `on`, `delay` and `match`
    /// in place of all four.
    pub control: Option<PathBuf>,
    /// As in the memory plugin.
    pub file: Option<PathBuf>,
    /// Never used; there to see that nobody shows it.
    pub token: Option<Secret>,
}

impl Settings {
    /// What holds for an operation: these settings, or those of the control file.
    ///
    /// # Errors
    ///
    /// When the control file can't be read or understood.
    pub fn now(&self, operation: Operation) -> Result<Self> {
        let now = match &self.control {
            None => self.clone(),
            Some(path) => match fs::read_to_string(path) {
                Ok(text) => self.overridden(text.trim())?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.clone(),
                Err(error) => return Err(Error::config(format!("can't read `{}`: {error}", path.display()))),
            },
        };
        let meant =
            if now.on.is_empty() { operation != Operation::Validate } else { now.on.contains(&operation) };
        Ok(if meant { now } else { Self { behaviour: Behaviour::Healthy, ..now } })
    }

    /// These settings as a control file changes them: a name changes the behaviour alone, JSON all four.
    fn overridden(&self, text: &str) -> Result<Self> {
        let parsed = if text.starts_with('{') {
            serde_json::from_str(text)
        } else {
            let name = serde_json::Value::String(text.to_owned());
            serde_json::from_value(name).map(|behaviour| Self { behaviour, ..self.clone() })
        };
        parsed.map_err(|error| Error::config(format!("the control file says something else: {error}")))
    }

    /// The delay.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}
