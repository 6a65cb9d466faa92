//! The backend of the `memory` plugin: the reference for how a zonemux backend behaves.
//!
//! - `packed`: one endpoint in one allocation.
//! - `records`: all of them in order, and a batch's way back from half-done.
//! - `rules`: what is refused, and why.
//! - `apply`: a batch, unit by unit.
//! - `file`: the file that makes records survive.
//! - `backend`: the trait that the daemon calls.

mod apply;
mod backend;
mod file;
mod packed;
mod records;
mod rules;

pub use backend::{Memory, Settings};
