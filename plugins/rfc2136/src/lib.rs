//! The plugin `rfc2136`: records of servers that take dynamic updates and give zone transfers.
//! See `README.md` for its settings; all behaviour is in `zonemux_rfc2136_backend`.

use zonemux_plugin::{PluginOptions, export_plugin};
use zonemux_rfc2136_backend::Rfc2136;

export_plugin!(
    Rfc2136,
    PluginOptions {
        network: true,
        secret_settings: Some(&["tsig.secret", "zone.*.tsig.secret"]),
        ..PluginOptions::DEFAULT
    }
);
