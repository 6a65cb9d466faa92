//! The root module: the first thing that the daemon reads of a loaded plugin.

use abi_stable::StableAbi;
use abi_stable::library::{CheckTypeLayout, LibHeader, RootModule, RootModuleResult};
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RResult, RStr, RString, RVec};

use crate::host::RHostBox;
use crate::objects::RPluginBox;
use crate::values::RFault;

/// The exported static (an `abi_stable` `LibHeader`) that a plugin is recognised by.
pub const HEADER_SYMBOL: &str = "zonemux_plugin_header_v1";

/// The ELF section that holds the manifest (JSON, UTF-8), readable without running the file.
pub const MANIFEST_SECTION: &str = ".zonemux.plugin";

/// What a plugin file offers. **Ownership**: the plugin's, for ever (plugins are never unloaded
/// inline). **Thread**: any. **Failure**: by results; a plugin catches its own panics.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModuleRef)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// The same JSON as in [`MANIFEST_SECTION`].
    pub manifest: extern "C" fn() -> RStr<'static>,
    /// JSON Schema of the settings.
    pub schema: extern "C" fn() -> RString,
    /// Checks settings (a JSON object) without any I/O, and reports every fault at once.
    #[sabi(last_prefix_field)]
    pub configure: extern "C" fn(host: RHostBox, settings: RStr<'_>) -> RResult<RPluginBox, RVec<RFault>>,
}

impl RootModule for PluginModuleRef {
    abi_stable::declare_root_module_statics! {PluginModuleRef}

    const BASE_NAME: &'static str = "zonemux_plugin";
    const NAME: &'static str = "zonemux_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// The static that a plugin exports as [`HEADER_SYMBOL`]. `constructor` must make a
/// [`PluginModuleRef`], as `call_root_module_loader` does of a function that returns one.
pub const fn header(constructor: extern "C" fn() -> RootModuleResult) -> LibHeader {
    // SAFETY: the only constructors are those of the SDK's glue, whose module is a PluginModuleRef.
    unsafe { LibHeader::from_constructor::<PluginModuleRef>(constructor, CheckTypeLayout::Yes) }
}
