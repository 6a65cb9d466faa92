//! The backend of the `zonefile` plugin: records of clients in zone files that BIND, NSD, Knot or
//! another server reads.
//!
//! - `lexer`, `reader`, `generate`, `soa`, `name`, `rdata`, `ttl`: reading master files.
//! - `records`, `foreign`, `rules`: what is in a zone, whose it is, and what is refused.
//! - `managed`, `serial`: what is written.
//! - `identity`, `lock`, `swap`, `steps`: files, replaced in one step and never over somebody's edit.
//! - `zone`, `candidate`: a zone's files now, and their next version.
//! - `command`, `check`, `service`, `query`, `git`: other programs, and the server.
//! - `batch`, `sift`, `culprits`, `apply`: a batch, from its units to the served zone.
//! - `opening`: what was left undone when the process ended.
//! - `settings`, `backend`: what the daemon sees.

mod apply;
mod backend;
mod batch;
mod candidate;
mod check;
mod command;
mod culprits;
mod foreign;
mod generate;
mod git;
mod identity;
mod lexer;
mod lock;
mod managed;
mod name;
mod opening;
mod query;
mod rdata;
mod reader;
mod records;
mod rules;
mod serial;
mod service;
mod settings;
mod sift;
mod soa;
#[doc(hidden)]
pub mod steps;
mod swap;
mod ttl;
mod zone;

pub use backend::ZoneFiles;
pub use serial::Policy;
pub use settings::{Control, Mode, Server, Settings, SoaTimes};
