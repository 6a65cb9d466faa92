//! A view: one face of the daemon to one ExternalDNS, at a path prefix.

mod calls;

pub use calls::{CallContext, CallError, CallErrorKind, CallFuture, Calls, Chunks};
