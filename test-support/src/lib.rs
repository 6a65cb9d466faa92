//! Runs the built daemon for tests, and talks to it as its clients do: over sockets, signals and files,
//! never through its code.
//!
//! ```no_run
//! use zonemux_test_support::Site;
//!
//! let site = Site::new("target/debug/zonemux");
//! site.backend("lan", "memory", "example.org", "");
//! let daemon = site.start();
//! daemon.wait_ready();
//! assert_eq!(daemon.webhook().get("/records").text(), "[]");
//! ```
//!
//! Nothing here sleeps for a fixed time: [`eventually`] waits for a condition with a generous limit, and
//! says what it waited for. A test that fails shows what its daemons logged.

mod answer;
mod bounds;
mod daemon;
mod http;
mod metrics;
mod notify;
mod plugins;
mod process;
mod records;
pub mod servers;
mod site;
mod wait;

pub use answer::Answer;
pub use bounds::{Bounds, median};
pub use daemon::Daemon;
pub use http::{Connection, MEDIA_TYPE, Request, Target};
pub use metrics::Metrics;
pub use notify::NotifySocket;
pub use plugins::plugin;
pub use process::{Finished, Process};
pub use records::{create, delete, names, record};
pub use rustix::process::Signal;
pub use site::Site;
pub use wait::{LIMIT, eventually};
