//! The DNS server of the authority plugin: answers what its [zones](zonemux_authority_zones::Zones) hold, and nothing
//! else; never recursive.
//!
//! - `message`: requests are read, answers written; `rate`, `cookies`: who gets them.
//! - `udp`: threads with a socket each; `tcp`: a task for each connection, with limits.
//! - `signed`, `transfer`: zones for secondaries; `notify` tells them, `catalog` says which zones there are.

mod bind;
mod catalog;
mod cookies;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod message;
mod metrics;
mod notify;
mod rate;
mod server;
mod settings;
mod shared;
mod signed;
mod tcp;
mod transfer;
mod udp;

pub use domain::tsig::{Algorithm, Key, KeyName};
pub use ipnet::IpNet;
pub use server::{Server, StartError};
pub use settings::{MAX_UDP, RateLimit, Secondary, ServerSettings, TcpLimits};
