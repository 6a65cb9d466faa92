//! The command line: what it takes, and the commands that need no daemon.
//!
//! Commands write to the writers they are given, with ANSI styles in the text: `anstream::stdout()` and
//! `anstream::stderr()` keep those on a terminal and take them out elsewhere, and under `NO_COLOR`.

mod alone;
pub mod args;
pub mod changes;
pub mod check;
mod columns;
pub mod completions;
pub mod config_show;
mod exit;
pub mod export;
mod failure;
mod findings;
pub mod history;
pub mod import;
pub mod man;
pub mod ownership;
mod place;
pub mod plugin;
pub mod records;
pub mod release;
pub mod reload;
mod run;
mod safety_text;
pub mod serve;
pub mod status;
mod zone_text;

pub use args::{Arguments, Command, ConfigCommand, Output, OwnershipCommand, PluginCommand, parse};
pub use exit::Exit;
pub use findings::write_findings;
pub use place::Place;
pub use run::run;
