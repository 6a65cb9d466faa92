//! Why a plugin is not loaded.

use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use zonemux_plugin::Fault;

use super::signature::SignatureFault;

/// A plugin that is refused: one line that says why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin `{}`: {reason}", path.display())]
pub struct PluginError {
    /// The file, or the name where no file was found.
    pub path: PathBuf,
    /// Why.
    pub reason: Refusal,
}

impl PluginError {
    pub(super) fn new(path: impl Into<PathBuf>, reason: Refusal) -> Self {
        Self { path: path.into(), reason }
    }

    /// A plugin whose first code did not come back in time.
    pub fn not_loaded_within(path: impl Into<PathBuf>, limit: Duration) -> Self {
        let why = format!("it was not loaded, or did not judge its settings, within {limit:?}");
        Self::new(path, Refusal::Initialisation(why))
    }

    /// There is nothing to start its process with.
    pub fn no_process(path: impl Into<PathBuf>, why: &std::io::Error) -> Self {
        Self::new(path, Refusal::Initialisation(format!("no process can be started for it: {why}")))
    }

    /// A plugin that must be signed, and no key to verify that with.
    pub fn key_not_known(path: impl Into<PathBuf>) -> Self {
        Self::new(path, Refusal::Signature(SignatureFault::KeyNotKnown))
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        self.reason.hint()
    }
}

/// The reason of a [`PluginError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No file of that name in any folder.
    NotFound {
        /// Every path that was tried, in order.
        tried: Vec<PathBuf>,
    },
    /// The file can't be read.
    Unreadable(String),
    /// Someone else could have written it.
    NotTrusted(String),
    /// Its hash is not the configured one.
    WrongHash {
        /// What the configuration pins.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// It is not signed as it must be.
    Signature(SignatureFault),
    /// Not a shared object at all.
    NotAnObject(String),
    /// A shared object of which something is missing or overwritten.
    Damaged(String),
    /// It brings libraries from places that were not checked.
    OwnLibraries(String),
    /// Built for another machine.
    OtherArchitecture {
        /// What the file was built for.
        found: String,
        /// What this daemon runs on.
        expected: &'static str,
    },
    /// A shared object without the manifest or the header of a plugin.
    NotAPlugin(String),
    /// Built for an interface that this daemon does not speak.
    OtherInterface {
        /// The plugin's.
        found: String,
        /// The daemon's.
        expected: &'static str,
    },
    /// Says that it ends the process at the first panic.
    Aborts,
    /// There is no sealed memory for it now.
    NotSealed(String),
    /// The dynamic linker refused it.
    Linker(String),
    /// Its types differ from ours.
    Layout(String),
    /// It failed while it was loaded.
    Initialisation(String),
    /// It refuses its settings.
    Settings(Vec<Fault>),
}

impl Refusal {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotFound { tried } if tried.len() == 1 => {
                "a relative path is relative to the configuration file that it stands in"
            }
            Self::NotFound { .. } => {
                "install the plugin into one of these folders, or name its file by `plugin = \"/path/to/file.so\"`"
            }
            Self::Unreadable(_) => "the account that runs zonemux must be able to read it",
            Self::NotTrusted(_) => {
                "let root or the account that runs zonemux own it, without write permission for others; or name its digest in the backend's `sha256` with `plugins.trust = \"sha256\"`, or sign it for \"signature\""
            }
            Self::WrongHash { .. } => {
                "if the file was replaced on purpose, put the new hash into the backend's `sha256`"
            }
            Self::Signature(fault) => fault.hint(),
            Self::NotAnObject(_) | Self::NotAPlugin(_) => {
                "a plugin is a `cdylib` crate with `zonemux_plugin::export_plugin!`"
            }
            Self::Damaged(_) => {
                "copy or install it once more; `sha256sum` tells whether that is the whole file"
            }
            Self::OwnLibraries(_) => {
                "build it without `-rpath`, and link what it needs statically; `patchelf --remove-rpath` mends a built file"
            }
            Self::OtherArchitecture { .. } => "install the plugin's package for this machine",
            Self::OtherInterface { .. } => "build the plugin with the SDK of this daemon's interface",
            Self::Aborts => {
                "build it with `panic = \"unwind\"`, which is Cargo's default; or set `isolation = \"process\"`"
            }
            Self::NotSealed(_) => "raise the limit of open files or of memory, then `zonemux reload`",
            Self::Linker(_) => {
                "a plugin must not need shared libraries that this machine lacks; `ldd` lists them"
            }
            Self::Layout(_) => "build it with a released `zonemux-plugin`",
            Self::Initialisation(_) => "ask the plugin's author, with this line",
            Self::Settings(_) => return None,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { tried } => {
                f.write_str("not found; tried ")?;
                for (index, path) in tried.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", path.display())?;
                }
                Ok(())
            }
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
            Self::NotTrusted(why) => write!(f, "not trusted: {why}"),
            Self::WrongHash { expected, found } => {
                write!(f, "its sha256 is {found}, the configuration pins {expected}")
            }
            Self::Signature(fault) => fault.fmt(f),
            Self::NotAnObject(why) => write!(f, "not a shared object: {why}"),
            Self::Damaged(why) => write!(f, "it is damaged: {why}"),
            Self::OwnLibraries(what) => write!(f, "it {what}, which nobody checks"),
            Self::OtherArchitecture { found, expected } => {
                write!(f, "built for {found}, this machine is {expected}")
            }
            Self::NotAPlugin(why) => write!(f, "not a zonemux plugin: {why}"),
            Self::OtherInterface { found, expected } => {
                write!(f, "built for plugin interface {found}, this daemon speaks {expected}")
            }
            Self::Aborts => {
                f.write_str("built with `panic = \"abort\"`, so its first panic would end the daemon")
            }
            Self::NotSealed(why) => write!(f, "no memory to load it from: {why}"),
            Self::Linker(why) => write!(f, "the dynamic linker refuses it: {why}"),
            Self::Layout(why) => write!(f, "its interface differs from this daemon's: {why}"),
            Self::Initialisation(why) => write!(f, "failed while it was loaded: {why}"),
            Self::Settings(faults) => {
                let mut line = String::from("refuses its settings");
                for fault in faults {
                    let key = if fault.path.is_empty() { String::new() } else { format!(".{}", fault.path) };
                    write!(line, "; `settings{key}`: {}", fault.message)?;
                }
                f.write_str(&line)
            }
        }
    }
}
