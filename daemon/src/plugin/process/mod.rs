//! Runs a plugin's code in a process of its own, which the daemon starts, listens to and outlives.
//!
//! [`Isolated`] is the [`Driver`](crate::backend::Driver) of a backend; each process that it
//! starts is given the plugin's sealed bytes and the one backend's settings, answers calls in
//! frames, and may end at any time: every call in flight then fails, and the backend is opened
//! anew in another process. Whatever the plugin did, it did not do it here.

mod calls;
pub mod cgroup;
mod driver;
mod ending;
mod feed;
mod instance;
mod launch;
mod link;
mod outbox;
mod output;
mod reading;
mod schema;
mod start;
mod watching;

pub use driver::Isolated;
pub(super) use feed::unknown_old;
pub use launch::Launcher;
pub use schema::schema;
pub use start::Permissions;
