//! Write a zonemux backend in a page of async Rust.

mod backend;
mod call;
mod capabilities;
mod changes;
pub mod dns;
mod endpoint;
mod endpoints;
mod error;
mod export;
mod fault;
mod glue;
mod host;
mod manifest;
mod outcome;
mod records;
mod secret;
pub mod testing;
mod units;

pub use backend::{Adjust, Backend};
pub use call::Call;
pub use capabilities::Capabilities;
pub use changes::{Change, ChangeId, Changes};
pub use endpoint::{Endpoint, EndpointView, Property};
pub use endpoints::{EndpointRef, Endpoints, Entry, TooLarge};
pub use error::{Error, ErrorKind, Result};
pub use fault::Fault;
pub use host::Host;
pub use manifest::{Manifest, PluginOptions};
pub use outcome::{Failure, Outcome};
pub use records::Records;
pub use schemars;
pub use secret::Secret;
pub use units::{Unit, is_ownership_txt};
pub use zonemux_plugin_abi::MANIFEST_SECTION;

/// For `export_plugin!` and the daemon only; not part of what authors may rely on.
#[doc(hidden)]
pub mod __private {
    pub use crate::glue::lend::{Lender, Lent};
    pub use crate::glue::module::{Definition, header};
    pub use crate::manifest::{MANIFEST_SIZE, Package, encode as encode_manifest};
    pub use zonemux_plugin_abi::stable::LibHeader;
}
