//! The command line: what it takes, and the commands that need no daemon.
//!
//! Commands write to the writers they are given, with ANSI styles in the text: `anstream::stdout()` and
//! `anstream::stderr()` keep those on a terminal and take them out elsewhere, and under `NO_COLOR`.

pub mod args;
pub mod check;
pub mod completions;
pub mod config_show;
mod exit;
mod findings;
pub mod history;
pub mod man;
pub mod ownership;
pub mod plugin;
pub mod reload;
mod run;
pub mod serve;
pub mod status;

pub use args::{Arguments, Command, ConfigCommand, Output, OwnershipCommand, PluginCommand, parse};
pub use exit::Exit;
pub use findings::write_findings;
pub use run::run;
