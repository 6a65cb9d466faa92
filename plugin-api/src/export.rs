//! The one line that makes a crate a plugin.

/// Makes a [`Backend`](crate::Backend) the plugin of this `cdylib` crate. One crate exports one
/// backend; name, version and description come from its `Cargo.toml`.
///
/// ```standalone_crate
/// # use zonemux_plugin::{Backend, Call, Changes, Host, Outcome, Records, Result};
/// # #[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
/// # struct Settings {}
/// # struct MyDns;
/// # impl Backend for MyDns {
/// #     type Config = Settings;
/// #     async fn open(_: Settings, _: Host) -> Result<Self> { Ok(Self) }
/// #     async fn records(&self, _: &Call, _: &mut Records) -> Result<()> { Ok(()) }
/// #     async fn apply_changes(&self, _: &Call, _: Changes) -> Result<Outcome> { Ok(Outcome::applied()) }
/// # }
/// zonemux_plugin::export_plugin!(MyDns);
/// ```
///
/// [`PluginOptions`](crate::PluginOptions) say what else the daemon should know:
///
/// ```standalone_crate
/// # use zonemux_plugin::{Backend, Call, Changes, Host, Outcome, Records, Result};
/// # #[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
/// # struct Settings {}
/// # struct MyDns;
/// # impl Backend for MyDns {
/// #     type Config = Settings;
/// #     async fn open(_: Settings, _: Host) -> Result<Self> { Ok(Self) }
/// #     async fn records(&self, _: &Call, _: &mut Records) -> Result<()> { Ok(()) }
/// #     async fn apply_changes(&self, _: &Call, _: Changes) -> Result<Outcome> { Ok(Outcome::applied()) }
/// # }
/// use zonemux_plugin::{PluginOptions, export_plugin};
///
/// export_plugin!(MyDns, PluginOptions { secret_settings: Some(&["token"]), ..PluginOptions::DEFAULT });
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($backend:ty $(,)?) => {
        $crate::export_plugin!($backend, $crate::PluginOptions::DEFAULT);
    };
    ($backend:ty, $options:expr $(,)?) => {
        // Twice in a crate, and this name is what the compiler complains of.
        #[doc(hidden)]
        mod __a_crate_exports_one_zonemux_plugin {}

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
