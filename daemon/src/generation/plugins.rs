//! Loads plugins and lets them judge their settings, each on a thread of its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zonemux_plugin::Fault;

use crate::assemble;
use crate::backend::Driver;
use crate::config::{BackendName, Config, Finding, Isolation, KeyPath};
use crate::plugin::{Loader, PluginError, Refusal};

/// How long a plugin may take to be loaded and to read its settings.
pub const LOAD_LIMIT: Duration = Duration::from_secs(20);

/// A plugin that can't be used for a backend.
#[derive(Debug, Clone)]
pub struct PluginFault {
    /// The backend.
    pub backend: BackendName,
    /// Why.
    pub error: PluginError,
}

impl PluginFault {
    /// The same as faults of the configuration: one for each setting that is refused, else one.
    pub fn findings(&self) -> Vec<Finding> {
        let backend = KeyPath::of(&["backends", self.backend.as_str()]);
        let Refusal::Settings(settings) = &self.error.reason else {
            let finding = Finding::at(&backend.key("plugin"), self.error.to_string());
            return vec![self.error.hint().into_iter().fold(finding, Finding::hint)];
        };
        let finding = |fault: &Fault| {
            let steps = fault.path.split('.').filter(|step| !step.is_empty());
            let key = steps.fold(backend.key("settings"), |key, step| step_into(&key, step));
            let finding = Finding::at(&key, fault.message.clone());
            if fault.hint.is_empty() { finding } else { finding.hint(fault.hint.clone()) }
        };
        settings.iter().map(finding).collect()
    }
}

/// One step of a plugin's path, such as `servers` or `servers[2]`.
fn step_into(key: &KeyPath, step: &str) -> KeyPath {
    let index = step.strip_suffix(']').and_then(|step| step.rsplit_once('['));
    match index.and_then(|(name, index)| Some((name, index.parse().ok()?))) {
        Some((name, index)) => key.key(name).index(index),
        None => key.key(step),
    }
}

/// A plugin that has accepted a backend's settings; nothing is open yet.
#[derive(Clone)]
pub struct Prepared {
    /// What opens it.
    pub driver: Arc<dyn Driver>,
    /// The file that it is.
    pub file: PluginFile,
}

/// What counts of a plugin's file once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFile {
    /// Its hash, in lower-case hexadecimal.
    pub sha256: String,
    /// Whether two of its instances can't be open at a time.
    pub exclusive: bool,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Why a plugin is not [`Prepared`].
#[derive(Debug, Clone)]
pub enum LoadError {
    /// It is refused, or refuses its settings.
    Refused(PluginError),
    /// It did not come back within [`LOAD_LIMIT`], or broke off.
    Stuck(PluginError),
}

impl LoadError {
    /// Both are one to those who only report it.
    pub fn into_error(self) -> PluginError {
        match self {
            Self::Refused(error) | Self::Stuck(error) => error,
        }
    }
}

/// Loads the plugin of a configured backend. A plugin that hangs in its first code keeps a thread of its
/// own, and neither the runtime's threads nor its shutdown.
pub async fn load(
    config: &Arc<Config>,
    name: &BackendName,
    loader: &Arc<Loader>,
) -> Result<Prepared, LoadError> {
    if config.backends[name].isolation == Isolation::Process {
        // Made where the runtime is that watches the processes; the thread below reports its error.
        let _made = loader.launcher();
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (of_thread, of_backend, loader) = (Arc::clone(config), name.clone(), Arc::clone(loader));
    let thread = std::thread::Builder::new().name("load-plugin".into()).spawn(move || {
        // Nobody listens any more after the limit.
        let _late = sender.send(assemble::prepare(&of_thread, &of_backend, &loader));
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread for loading a plugin");
    }
    if let Ok(Ok(prepared)) = tokio::time::timeout(LOAD_LIMIT, receiver).await {
        return prepared.map_err(LoadError::Refused);
    }
    // Its constructors or its check of the settings hang, or broke off.
    tracing::error!(backend = name.as_str(), limit = ?LOAD_LIMIT, "the plugin can't be loaded in time");
    let plugin = config.backends[name].plugin.to_string();
    Err(LoadError::Stuck(PluginError::not_loaded_within(plugin, LOAD_LIMIT)))
}
