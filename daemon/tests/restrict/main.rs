//! What a plugin's process may not do, tried by real processes: this executable again, restricted as a
//! child of the daemon is. Each act is tried as the user of the tests and, where that is root, as one
//! without any right too.
#![expect(clippy::unwrap_used, reason = "a step that fails fails its test")]

mod child;
mod commands;
mod files;
mod inherited;
mod network;
mod others;
mod raw;
mod resources;
mod useful;
