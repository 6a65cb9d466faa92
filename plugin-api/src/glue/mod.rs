//! Between the author's [`Backend`](crate::Backend) and the boundary. Hidden from authors.
//!
//! What can go wrong here, and where it is dealt with:
//! - a panic that crosses the boundary ends the daemon (`abi_stable` exits the process): every entry
//!   runs under [`panic::guard`] or inside a task of [`task::run`];
//! - a future polled on the daemon's thread finds no reactor: [`task::run`] spawns it on the
//!   plugin's own runtime, and the daemon polls only a join handle;
//! - the plugin's copy of `tracing` has no subscriber: [`logging`] installs one that forwards;
//! - what is lent ends with the call: [`lend`] borrows, [`collect`] copies.

pub(crate) mod backend;
pub(crate) mod collect;
pub(crate) mod lend;
pub(crate) mod logging;
pub(crate) mod module;
pub(crate) mod panic;
pub(crate) mod plugin;
mod settings;
pub(crate) mod task;
