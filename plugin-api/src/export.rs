//! The one line that makes a crate a plugin.

/// Makes a [`Backend`](crate::Backend) the plugin of this `cdylib` crate.
///
/// ```ignore
/// export_plugin!(MyDns);
/// // or, with what else the daemon should know:
/// export_plugin!(MyDns, PluginOptions { secret_settings: Some(&["token"]), ..PluginOptions::DEFAULT });
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($backend:ty $(,)?) => {
        $crate::export_plugin!($backend, $crate::PluginOptions::DEFAULT);
    };
    ($backend:ty, $options:expr $(,)?) => {
        const _: () = {
            const OPTIONS: $crate::PluginOptions = $options;
            const MANIFEST: [u8; $crate::__private::MANIFEST_SIZE] = $crate::__private::encode_manifest(
                $crate::__private::Package {
                    name: env!("CARGO_PKG_NAME"),
                    version: env!("CARGO_PKG_VERSION"),
                    description: env!("CARGO_PKG_DESCRIPTION"),
                    aborts: cfg!(panic = "abort"),
                },
                OPTIONS,
            );

            #[allow(unsafe_code, reason = "puts the manifest where it can be read without running the file")]
            #[unsafe(no_mangle)]
            #[cfg_attr(target_os = "linux", unsafe(link_section = ".zonemux.plugin"))]
            #[used]
            static ZONEMUX_PLUGIN_MANIFEST_V1: [u8; $crate::__private::MANIFEST_SIZE] = MANIFEST;

            struct Definition;

            impl $crate::__private::Definition for Definition {
                type Backend = $backend;
                const MANIFEST: &'static [u8] = &ZONEMUX_PLUGIN_MANIFEST_V1;
                const WORKERS: usize = OPTIONS.workers;
            }

            #[allow(unsafe_code, reason = "the name by which the daemon finds the header")]
            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals, reason = "the name is part of the interface")]
            static zonemux_plugin_header_v1: $crate::__private::LibHeader =
                $crate::__private::header::<Definition>();
        };
    };
}
