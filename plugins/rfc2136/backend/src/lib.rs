//! The backend of the `rfc2136` plugin: records of servers that take dynamic updates (RFC 2136) and give zone
//! transfers (RFC 5936, RFC 1995).
//!
//! - `message`, `tsig`, `clock`: what goes over the wire, and its signatures.
//! - `connection`, `failure`: servers, and why they don't do what they are asked.
//! - `transfer`, `store`, `zone`, `listing`: what is in a zone.
//! - `plan`, `update`, `lane`, `decide`, `owner`, `proof`, `apply`: a batch, from its units to the zones.
//! - `settings`, `opening`, `probe`, `backend`: what the daemon sees.

mod apply;
mod backend;
mod clock;
mod connection;
mod decide;
mod failure;
mod lane;
mod listing;
mod message;
mod opening;
mod owner;
mod plan;
mod probe;
mod proof;
mod settings;
mod store;
mod transfer;
mod tsig;
mod update;
mod zone;

pub use backend::Rfc2136;
#[doc(hidden)]
pub use clock::shift_clock;
pub use settings::{Hidden, Settings, Tls, Transport, Tsig, ZoneSettings};
