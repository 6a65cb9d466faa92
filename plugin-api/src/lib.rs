//! Write a zonemux backend in a page of async Rust.

mod changes;
mod endpoint;
mod endpoints;
mod error;
mod outcome;

pub use changes::{Change, ChangeId, Changes};
pub use endpoint::{Endpoint, EndpointView, Property};
pub use endpoints::{EndpointRef, Endpoints, Entry, TooLarge};
pub use error::{Error, ErrorKind, Result};
pub use outcome::{Failure, Outcome};
