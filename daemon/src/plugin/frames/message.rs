//! What is said in JSON. Unknown fields are ignored, so that either side may be newer.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use zonemux_plugin::{Capabilities, ErrorKind, Fault};

use crate::plugin::child::restrict::Profile;

/// How a plugin's process is set up, before it knows anything of the backend.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::plugin) struct Setup {
    /// The plugin's name.
    pub(in crate::plugin) name: String,
    /// What the descriptor is.
    pub(in crate::plugin) code: Code,
    /// What the process may do.
    pub(in crate::plugin) profile: Profile,
}

/// What a plugin's descriptor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::plugin) enum Code {
    /// A shared object that is loaded into the process.
    SharedObject,
    /// A program that takes the process over, and speaks these frames itself.
    Executable,
}

/// A backend's settings and what it should know of the daemon.
#[derive(Serialize, Deserialize)]
pub(in crate::plugin) struct Configure {
    /// [`PROTOCOL`](super::PROTOCOL).
    pub(in crate::plugin) protocol: u32,
    /// The backend's name.
    pub(in crate::plugin) backend: String,
    /// The zones of the configuration, canonical.
    pub(in crate::plugin) zones: Vec<String>,
    /// What relative paths among the settings refer to.
    pub(in crate::plugin) base_directory: PathBuf,
    /// A folder of the backend's own.
    pub(in crate::plugin) state_directory: PathBuf,
    /// The most talkative level that is kept: 0 (none) to 5 (trace).
    pub(in crate::plugin) log_level: u32,
    /// The settings, a JSON object. There are secrets in it: never shown.
    pub(in crate::plugin) settings: Box<serde_json::value::RawValue>,
}

/// A plugin that has accepted its settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::plugin) struct Configured {
    /// [`PROTOCOL`](super::PROTOCOL) of the plugin; 0 counts as 1.
    pub(in crate::plugin) protocol: u32,
    /// Whether two instances can't be open at once; only executables say it here.
    pub(in crate::plugin) exclusive: bool,
    /// Whether one call is made at a time; only executables say it.
    pub(in crate::plugin) sequential: bool,
}

/// A plugin that can't be used.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason", content = "words")]
pub(in crate::plugin) enum Refused {
    /// Its process could not be restricted or has no plugin to load.
    Setup(String),
    /// The dynamic linker's words.
    Linker(String),
    /// It is none.
    NotAPlugin(String),
    /// Its types differ.
    Layout(String),
    /// It failed while it was loaded.
    Initialisation(String),
    /// Its settings have these faults.
    Settings(Vec<SettingsFault>),
}

/// A fault of a plugin's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::plugin) struct SettingsFault {
    /// Dotted path below `settings`; empty for the whole.
    #[serde(default)]
    pub(in crate::plugin) path: String,
    /// What is wrong; never a secret's value.
    pub(in crate::plugin) message: String,
    /// What to do about it; may be empty.
    #[serde(default)]
    pub(in crate::plugin) hint: String,
}

impl From<SettingsFault> for Fault {
    fn from(fault: SettingsFault) -> Self {
        Self::new(fault.path, fault.message).with_hint(fault.hint)
    }
}

impl From<Fault> for SettingsFault {
    fn from(fault: Fault) -> Self {
        Self { path: fault.path, message: fault.message, hint: fault.hint }
    }
}

/// What is told of any call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::plugin) struct Call {
    /// The request's id, for logs.
    pub(in crate::plugin) id: String,
    /// Milliseconds until nobody waits any more.
    pub(in crate::plugin) time_left_ms: u64,
}

/// A call to apply changes, which are then asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::plugin) struct Apply {
    #[serde(flatten)]
    pub(in crate::plugin) call: Call,
    /// How many creates, updates and deletes there are.
    pub(in crate::plugin) create: u32,
    pub(in crate::plugin) update: u32,
    pub(in crate::plugin) delete: u32,
    /// An upper estimate of the bytes of text in all of them.
    pub(in crate::plugin) text_size: u64,
}

/// A call to adjust endpoints, which are then asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::plugin) struct Adjust {
    #[serde(flatten)]
    pub(in crate::plugin) call: Call,
    /// What the backend can do, as it said when it was last open.
    pub(in crate::plugin) capabilities: Capabilities,
    /// How many endpoints there are.
    pub(in crate::plugin) count: u32,
    /// An upper estimate of the bytes of text in all of them.
    pub(in crate::plugin) text_size: u64,
}

/// A call that went well.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::plugin) struct Done {
    /// After an open: what the backend can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::plugin) capabilities: Option<Capabilities>,
    /// After an open: whether it changes endpoints in an adjust.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::plugin) adjusts: bool,
}

/// A call that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::plugin) struct Failure {
    /// A word of [`ErrorKind`]; others count as internal.
    pub(in crate::plugin) kind: String,
    /// For the operator's log; never a secret.
    pub(in crate::plugin) message: String,
    /// Milliseconds to wait before the next try; 0 where the backend doesn't say.
    #[serde(default)]
    pub(in crate::plugin) retry_after_ms: u64,
}

/// One change that was not done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::plugin) struct Unapplied {
    /// `create`, `update` or `delete`.
    pub(in crate::plugin) list: ListName,
    /// The position in that list.
    pub(in crate::plugin) index: usize,
    /// As [`Failure::kind`].
    pub(in crate::plugin) kind: String,
    /// For the operator's log.
    pub(in crate::plugin) reason: String,
}

/// A list of a batch by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::plugin) enum ListName {
    Create,
    Update,
    Delete,
}

/// A log line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::plugin) struct Log {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub(in crate::plugin) level: u32,
    /// The module that logs.
    #[serde(default)]
    pub(in crate::plugin) target: String,
    /// The line.
    pub(in crate::plugin) message: String,
    /// Its fields.
    #[serde(default)]
    pub(in crate::plugin) fields: Vec<(String, String)>,
    /// The source file, or empty.
    #[serde(default)]
    pub(in crate::plugin) file: String,
    /// The source line, or 0.
    #[serde(default)]
    pub(in crate::plugin) line: u32,
}

/// A movement of a metric.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::plugin) struct Metric {
    /// 0 counter, 1 gauge, 2 histogram.
    pub(in crate::plugin) kind: u32,
    /// `[a-z0-9_]+`.
    pub(in crate::plugin) name: String,
    /// Its labels.
    #[serde(default)]
    pub(in crate::plugin) labels: Vec<(String, String)>,
    /// By how much, or to what.
    pub(in crate::plugin) value: f64,
}

/// The kind behind its [word](ErrorKind::as_str).
pub(in crate::plugin) fn error_kind(word: &str) -> ErrorKind {
    (1..=7).map(ErrorKind::from_code).find(|kind| kind.as_str() == word).unwrap_or(ErrorKind::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_survives_the_way() {
        for code in 1..=7 {
            let kind = ErrorKind::from_code(code);
            assert_eq!(error_kind(kind.as_str()), kind);
        }
        assert_eq!(error_kind("what a newer one says"), ErrorKind::Internal);
    }

    #[test]
    fn what_an_executable_leaves_out_has_a_meaning() {
        let configured: Configured = serde_json::from_str("{}").unwrap();
        assert!(!configured.exclusive && !configured.sequential);
        let log: Log = serde_json::from_str(r#"{"level": 3, "message": "x", "later": true}"#).unwrap();
        assert_eq!((log.level, log.message.as_str()), (3, "x"));
    }
}
