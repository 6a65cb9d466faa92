//! The backend of the `zonefile` plugin: records of clients in zone files that BIND, NSD, Knot or
//! another server reads. How such files are read and written is `zonemux-master-file`'s.
//!
//! - `records`, `foreign`, `rules`: what is in a zone, whose it is, and what is refused.
//! - `managed`, `serial`: what is written.
//! - `lock`, `swap`, `steps`: files, replaced in one step and never over somebody's edit.
//! - `zone`, `candidate`: a zone's files now, and their next version.
//! - `command`, `check`, `service`, `query`, `git`: other programs, and the server.
//! - `batch`, `sift`, `culprits`, `apply`: a batch, from its units to the served zone.
//! - `opening`, `nested`: what was left undone when the process ended, or was right before the settings changed.
//! - `settings`, `backend`: what the daemon sees.

mod apply;
mod backend;
mod batch;
mod candidate;
mod check;
mod command;
mod culprits;
mod foreign;
mod git;
mod lock;
mod managed;
mod nested;
mod opening;
mod query;
mod records;
mod rules;
mod serial;
mod service;
mod settings;
mod sift;
#[doc(hidden)]
pub mod steps;
mod swap;
mod zone;

pub use backend::ZoneFiles;
pub use serial::Policy;
pub use settings::{Control, Mode, Server, Settings, SoaTimes};
