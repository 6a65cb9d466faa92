//! The plugin `memory`: records in memory, with an optional file that makes them survive restarts.
//! See `README.md` for its settings; all behaviour is in `zonemux_memory_backend`.

use zonemux_memory_backend::Memory;
use zonemux_plugin::{PluginOptions, export_plugin};

export_plugin!(
    Memory,
    PluginOptions {
        // The file is locked: a new instance can only be opened once the old one is closed.
        exclusive: true,
        // A file is all it has.
        network: false,
        secret_settings: Some(&[]),
        ..PluginOptions::DEFAULT
    }
);
