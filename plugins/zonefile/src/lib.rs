//! The plugin `zonefile`: zone files for BIND, NSD, Knot and whatever else reads them.
//! See `README.md` for its settings; all behaviour is in `zonemux_zonefile_backend`.

use zonemux_plugin::{PluginOptions, export_plugin};
use zonemux_zonefile_backend::ZoneFiles;

export_plugin!(
    ZoneFiles,
    PluginOptions {
        // Each zone's files are locked: a new instance can only be opened once the old one is closed.
        exclusive: true,
        // The served SOA is asked for after each reload.
        network: true,
        // `named-checkzone`, `rndc` and their like.
        commands: true,
        // Keys are named by the path of their file.
        secret_settings: Some(&[]),
        ..PluginOptions::DEFAULT
    }
);
