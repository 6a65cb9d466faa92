//! The root module of a plugin, made from its [`Backend`].

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use zonemux_plugin_abi::stable::{
    LibHeader, PrefixTypeTrait, RErr, ROk, RResult, RStr, RString, RVec, RootModuleResult, TD_Opaque,
};
use zonemux_plugin_abi::{PluginModule, PluginModuleRef, RFault, RHostBox, RPlugin_TO, RPluginBox};

use super::plugin::Configured;
use super::task::OwnRuntime;
use super::{logging, panic};
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
        let config = read::<D::Backend>(settings.as_str())?;
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

/// Decodes settings; serde stops at the first fault of form, `validate` names all of content.
fn read<B: Backend>(settings: &str) -> Result<B::Config, Vec<Fault>> {
    let mut deserializer = serde_json::Deserializer::from_str(settings);
    let config: B::Config = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| vec![fault_of_form(&error, settings)])?;
    let faults = B::validate(&config);
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

/// serde's words name the value that it found; it may be a secret, so they are kept only where
/// they are about a key.
fn fault_of_form(error: &serde_path_to_error::Error<serde_json::Error>, settings: &str) -> Fault {
    let path = match error.path().to_string() {
        path if path == "." => String::new(),
        path => path,
    };
    let words = error.inner().to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let about_a_key = ["missing field", "unknown field", "unknown variant", "duplicate field"];
    if about_a_key.iter().any(|start| words.starts_with(start)) {
        return Fault::new(path, words);
    }
    let mut message = String::from("a value of the wrong form");
    let settings: Option<Value> = serde_json::from_str(settings).ok();
    // `on[2].name` is `/on/2/name` there.
    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
    if let Some(found) = settings.as_ref().and_then(|settings| settings.pointer(&pointer)) {
        let kind = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a table",
        };
        // Writing to a string can't fail.
        let _written = write!(message, ": found {kind}");
    }
    // "expected value" is said where nothing is known.
    if let Some((_, expected)) = words.rsplit_once("expected ").filter(|(_, expected)| *expected != "value") {
        let _written = write!(message, ", expected {expected}");
    }
    Fault::new(path, message)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{Call, Changes, Outcome, Records, Secret};

    #[derive(Clone, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        #[expect(dead_code, reason = "only decoded")]
        token: Secret,
        port: Option<u16>,
    }

    struct Nothing;

    impl Backend for Nothing {
        type Config = Settings;

        fn validate(config: &Settings) -> Vec<Fault> {
            let too_low = config.port.is_some_and(|port| port < 1024);
            too_low.then(|| Fault::new("port", "below 1024")).into_iter().collect()
        }

        async fn open(_: Settings, _: Host) -> crate::Result<Self> {
            Ok(Self)
        }

        async fn records(&self, _: &Call, _: &mut Records) -> crate::Result<()> {
            Ok(())
        }

        async fn apply_changes(&self, _: &Call, _: Changes) -> crate::Result<Outcome> {
            Ok(Outcome::applied())
        }
    }

    fn fault(settings: &str) -> (String, String) {
        let faults = read::<Nothing>(settings).err().expect("a fault");
        (faults[0].path.clone(), faults[0].message.clone())
    }

    #[test]
    fn faults_name_the_key_and_never_the_value() {
        let pairs = [
            (r#"{"token": 17, "port": 5}"#, "token", "found a number"),
            (r#"{"token": "hunter2", "port": "hunter2"}"#, "port", "found a string, expected u16"),
            (r#"{"token": "hunter2", "portt": 1}"#, "portt", "unknown field `portt`"),
            (r"{}", "", "missing field `token`"),
            (r#"{"token": "hunter2", "port": 5}"#, "port", "below 1024"),
        ];
        for (settings, path, words) in pairs {
            let (found, message) = fault(settings);
            assert_eq!(found, path, "{settings}");
            assert!(message.contains(words), "{settings}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
