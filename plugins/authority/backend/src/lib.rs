//! The backend of the `authority` plugin: zones kept on disk, changed by ExternalDNS, answered over DNS.
//!
//! - `settings`: what the operator says, and what is wrong with it.
//! - `fixed`, `mailbox`: what settings put into zones.
//! - `opening`: bringing the zones that are kept to what the settings say.
//! - `nested`: zones below others, that come and go.
//! - `wanted`: a record as it is asked for, as an RRset, and as it is listed.
//! - `rules`: what can't stand beside what.
//! - `apply`: a batch, unit by unit.
//! - `serving`: what settings tell the DNS server.
//! - `backend`: what the daemon calls.

mod apply;
mod backend;
mod fixed;
mod mailbox;
mod nested;
mod opening;
mod rules;
mod serving;
mod settings;
mod wanted;

pub use backend::Authority;
pub use settings::{
    Algorithm, Limits, NameServer, NameServerTable, Seconds, Serial, Settings, SoaSettings, StaticRecord,
    Transfer, Tsig,
};
