//! The root module of a plugin, made from its [`Backend`].

use std::sync::Arc;

use zonemux_plugin_abi::stable::{
    LibHeader, PrefixTypeTrait, RErr, ROk, RResult, RStr, RString, RVec, RootModuleResult, TD_Opaque,
};
use zonemux_plugin_abi::{PluginModule, PluginModuleRef, RFault, RHostBox, RPlugin_TO, RPluginBox};

use super::plugin::Configured;
use super::task::OwnRuntime;
use super::{logging, panic, settings};
use crate::backend::Backend;
use crate::fault::Fault;
use crate::host::Host;

/// What `export_plugin!` says of a crate.
pub trait Definition: 'static {
    /// The author's type.
    type Backend: Backend;
    /// The manifest, padded with spaces.
    const MANIFEST: &'static [u8];
    /// Worker threads of the runtime.
    const WORKERS: usize;
}

/// The static by which the daemon recognises a plugin.
pub const fn header<D: Definition>() -> LibHeader {
    zonemux_plugin_abi::header(root_module::<D>)
}

extern "C" fn root_module<D: Definition>() -> RootModuleResult {
    zonemux_plugin_abi::stable::call_root_module_loader(build::<D>)
}

fn build<D: Definition>() -> PluginModuleRef {
    panic::install_hook();
    PluginModule { manifest: manifest::<D>, schema: schema::<D>, configure: configure::<D> }
        .leak_into_prefix()
}

extern "C" fn manifest<D: Definition>() -> RStr<'static> {
    RStr::from_str(std::str::from_utf8(D::MANIFEST).unwrap_or_default().trim_end())
}

extern "C" fn schema<D: Definition>() -> RString {
    let schema = panic::guard(|| {
        let schema = schemars::schema_for!(<D::Backend as Backend>::Config);
        serde_json::to_string_pretty(&schema).unwrap_or_default()
    });
    RString::from(schema.unwrap_or_default())
}

pub(crate) extern "C" fn configure<D: Definition>(
    host: RHostBox,
    settings: RStr<'_>,
) -> RResult<RPluginBox, RVec<RFault>> {
    let result = panic::guard(|| -> Result<RPluginBox, Vec<Fault>> {
        let host = Host::new(host);
        logging::install(&host);
        let config = settings::read::<D::Backend>(settings.as_str())?;
        let runtime = OwnRuntime::start(D::WORKERS).map_err(|error| vec![Fault::new("", error.message())])?;
        let config = Some(Arc::new(config));
        let configured = Configured::<D::Backend> { config, host, runtime };
        Ok(RPlugin_TO::from_value(configured, TD_Opaque))
    });
    match result {
        Ok(Ok(plugin)) => ROk(plugin),
        Ok(Err(faults)) => RErr(faults.into_iter().map(encode).collect()),
        Err(panic) => RErr(RVec::from(vec![encode(Fault::new("", panic.message()))])),
    }
}

fn encode(fault: Fault) -> RFault {
    RFault { path: fault.path.into(), message: fault.message.into(), hint: fault.hint.into() }
}
