//! What to do, and when.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use zonemux_plugin::{EndpointView, Error, Result, Secret};

use crate::behaviour::{Behaviour, Operation};

/// The settings of the plugin.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What to do.
    pub behaviour: Behaviour,
    /// When; nothing: at each operation but `validate`.
    pub on: Vec<Operation>,
    /// Does half of a list or a batch, and misbehaves then rather than before.
    pub half: bool,
    /// Milliseconds, for `late` and `retry-after`.
    pub delay: u64,
    /// Lines, for `print` and `babble`.
    pub count: u64,
    /// The process that `trespass` means, beside the daemon; 0: none.
    pub pid: i32,
    /// The files and sockets that `trespass` means.
    pub paths: Vec<PathBuf>,
    /// The file, by an absolute path, to which `trespass` and `multiply` append what they found out.
    pub report: Option<PathBuf>,
    /// Part of the names that `refuse` and `half` and their like mean; empty: all.
    #[serde(rename = "match")]
    pub matches: String,
    /// The record type that they mean; empty: all.
    #[serde(rename = "type")]
    pub record_type: String,
    /// A file, by an absolute path, that is read at each operation. While it is there, it says what to do:
    /// the name of a behaviour in place of `behaviour`, or JSON of this and the settings above in place of
    /// all of them.
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

    /// These settings as a control file changes them: a name changes the behaviour alone.
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

    /// Whether every other record is listed, and every other unit applied.
    pub(crate) fn is_half(&self) -> bool {
        let by_name = matches!(
            self.behaviour,
            Behaviour::Partial | Behaviour::PartialPanic | Behaviour::PartialHang | Behaviour::Short
        );
        by_name || self.half && self.behaviour != Behaviour::Healthy
    }

    /// Adds a line to the report.
    pub(crate) fn tell(&self, line: &str) {
        let Some(path) = &self.report else { return };
        let append = || File::options().append(true).create(true).open(path)?.write_all(line.as_bytes());
        // Whoever reads it misses the line.
        let _told: io::Result<()> = append();
    }

    /// The delay.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}
