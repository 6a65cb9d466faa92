//! The plugin `flaky`: the memory backend, which misbehaves on command. For tests of the daemon, and
//! of whatever else must survive its plugins. See `README.md` for what it can do.

mod backend;
mod batch;
mod behaviour;
mod crash;
mod descriptors;
mod limits;
mod loading;
mod plan;
mod settings;
#[cfg(test)]
mod tests;
mod trespass;

use zonemux_plugin::{PluginOptions, export_plugin};

pub use backend::Flaky;
pub use behaviour::{Behaviour, Operation};
pub use settings::Settings;

export_plugin!(Flaky, PluginOptions { secret_settings: Some(&["token"]), ..PluginOptions::DEFAULT });
