//! The plugin `authority`: zones kept on disk by zonemux itself, and answered over DNS.
//! See `README.md` for its settings; all behaviour is in `zonemux_authority_backend`.

use zonemux_authority_backend::Authority;
use zonemux_plugin::{PluginOptions, export_plugin};

export_plugin!(
    Authority,
    PluginOptions {
        // It owns ports, and locks its folder: a new instance can only be opened once the old one is closed.
        exclusive: true,
        secret_settings: Some(&["transfer.*.tsig.secret"]),
        // A long list must not hold up transfers.
        workers: 2,
        ..PluginOptions::DEFAULT
    }
);
