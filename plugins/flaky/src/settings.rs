//! What to do, and when.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use zonemux_plugin::{EndpointView, Error, Result, Secret};

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
    /// As `refuse`, but only TXT.
    RefuseTxt,
    /// Refuses a batch that has a record whose name contains `match`, and does nothing of it; other
    /// calls fail for good.
    RefuseBatch,
    /// Does half and fails: lists every other record, applies every other unit.
    Partial,
    /// Does half and panics.
    PartialPanic,
    /// Does half and waits for ever.
    PartialHang,
    /// Does half and says that this was all: a fault that nobody can see.
    Short,
    /// Applies of each unit of several changes, one of which is meant by `match` and `type`, the first
    /// change alone, and fails in a way that may pass; a batch without such a unit is applied.
    Half,
    /// As `half`, but ends the process instead of failing.
    HalfAbort,
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
    /// Part of the names that `refuse` and `half` and their like mean; empty: all.
    #[serde(rename = "match")]
    pub matches: String,
    /// The record type that they mean; empty: all.
    #[serde(rename = "type")]
    pub record_type: String,
    /// A file, by an absolute path, that is read at each operation. While it is there, it says what to do:
    /// the name of a behaviour in place of `behaviour`, or JSON of `behaviour`, `on`, `delay`, `match` and
    /// `type` in place of all five.
    pub control: Option<PathBuf>,
    /// A file, by an absolute path, to which each call of the backend appends a line: the operation, a
    /// space, and how many changes the call was given.
    pub calls: Option<PathBuf>,
    /// The record types that can be stored; empty: every type. Others are refused.
    pub record_types: Vec<String>,
    /// The lowest TTL that can be stored, in seconds; 0: any.
    pub min_ttl: u32,
    /// The highest TTL that can be stored, in seconds; 0: any.
    pub max_ttl: u32,
    /// The properties that are stored; all of them if left out.
    pub properties: Option<Vec<String>>,
    /// Whether units are said to be written in one step; as the memory backend if left out.
    pub atomic_units: Option<bool>,
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

    /// These settings as a control file changes them: a name changes the behaviour alone, JSON all five.
    fn overridden(&self, text: &str) -> Result<Self> {
        let parsed = if text.starts_with('{') {
            serde_json::from_str(text)
        } else {
            let name = serde_json::Value::String(text.to_owned());
            serde_json::from_value(name).map(|behaviour| Self { behaviour, ..self.clone() })
        };
        parsed.map_err(|error| Error::config(format!("the control file says something else: {error}")))
    }

    /// Adds a call to the file of calls.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub(crate) fn note(&self, operation: Operation, changes: usize) -> Result<()> {
        let Some(path) = &self.calls else { return Ok(()) };
        let line = format!("{} {changes}\n", operation.as_str());
        let append =
            |path: &Path| File::options().append(true).create(true).open(path)?.write_all(line.as_bytes());
        append(path).map_err(|error| Error::config(format!("can't write `{}`: {error}", path.display())))
    }

    /// Whether a record is one of those that `refuse` and its like mean.
    pub(crate) fn means(&self, record: &impl EndpointView) -> bool {
        let record_type = if self.behaviour == Behaviour::RefuseTxt { "TXT" } else { &self.record_type };
        record.dns_name().contains(&self.matches)
            && (record_type.is_empty() || record.record_type() == record_type)
    }

    /// The delay.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}
