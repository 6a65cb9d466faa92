//! Loads plugins and lets them judge their settings, each on a thread of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use zonemux_plugin::Fault;

use crate::assemble;
use crate::backend::Driver;
use crate::config::{BackendName, Config, DescribedSettings, Finding, Isolation, KeyPath, PluginUse};
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
    /// It did not come back within [`LOAD_LIMIT`], or broke off, or its process ended.
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
pub async fn load(config: &Config, name: &BackendName, loader: &Arc<Loader>) -> Result<Prepared, LoadError> {
    on_thread(config.plugin_use(name, &config.backends[name]), loader, assemble::prepare).await
}

/// What came of judging plugins.
#[derive(Debug, Default)]
pub struct Judged {
    /// Those that can be opened.
    pub prepared: Vec<(BackendName, Prepared)>,
    /// What is wrong with the others.
    pub faults: Vec<PluginFault>,
}

impl Judged {
    /// What is wrong, as faults of the configuration.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        self.faults.iter().flat_map(PluginFault::findings)
    }
}

/// Judges every plugin as far as its use is known; no backend is opened.
pub async fn judge(uses: Vec<PluginUse>, loader: &Arc<Loader>) -> Judged {
    let judging = uses.into_iter().map(|used| async move {
        let backend = used.backend.clone();
        (backend, on_thread(used, loader, assemble::judge).await)
    });
    let mut judged = Judged::default();
    for (backend, outcome) in join_all(judging).await {
        match outcome {
            Ok(Some(prepared)) => judged.prepared.push((backend, prepared)),
            Ok(None) => {}
            Err(error) => judged.faults.push(PluginFault { backend, error: error.into_error() }),
        }
    }
    judged
}

/// What plugins say of their settings; nothing of those that can't be loaded or don't say what is secret.
pub async fn describe(
    uses: Vec<PluginUse>,
    loader: &Arc<Loader>,
) -> BTreeMap<BackendName, DescribedSettings> {
    let describing = uses.into_iter().map(|used| async move {
        let backend = used.backend.clone();
        Some((backend, on_thread(used, loader, |used, _| assemble::described(used)).await.ok()??))
    });
    join_all(describing).await.into_iter().flatten().collect()
}

/// Does something with a plugin on a thread of its own, within [`LOAD_LIMIT`].
async fn on_thread<T: Send + 'static>(
    used: PluginUse,
    loader: &Arc<Loader>,
    work: impl FnOnce(&PluginUse, &Loader) -> Result<T, PluginError> + Send + 'static,
) -> Result<T, LoadError> {
    if used.isolation == Isolation::Process {
        // Made where the runtime is that watches the processes; the thread below reports its error.
        let _made = loader.launcher();
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let (backend, plugin, loader) = (used.backend.clone(), used.plugin.to_string(), Arc::clone(loader));
    let thread = std::thread::Builder::new().name("load-plugin".into()).spawn(move || {
        // Nobody listens any more after the limit.
        let _late = sender.send(work(&used, &loader));
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread for loading a plugin");
    }
    if let Ok(Ok(done)) = tokio::time::timeout(LOAD_LIMIT, receiver).await {
        return done.map_err(|error| {
            if error.may_pass() { LoadError::Stuck(error) } else { LoadError::Refused(error) }
        });
    }
    // Its constructors or its check of the settings hang, or broke off.
    tracing::error!(backend = backend.as_str(), limit = ?LOAD_LIMIT, "the plugin can't be loaded in time");
    Err(LoadError::Stuck(PluginError::not_loaded_within(plugin, LOAD_LIMIT)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;

    use super::*;
    use crate::config::load_text;

    #[tokio::test(start_paused = true)]
    async fn a_plugin_whose_check_of_its_settings_hangs_is_told_of_after_the_limit() {
        let text = "version = 1\n[backends.lan]\nplugin = \"slow\"\nzones = [\"example.org\"]";
        let config = load_text(Path::new("/etc/zonemux/config.toml"), text).unwrap().config;
        let used = config.plugin_uses().remove(0);
        let (release, hanging) = mpsc::channel::<()>();
        let begun = tokio::time::Instant::now();
        let loader = Arc::default();
        let judged = on_thread(used, &loader, move |_, _| {
            // Until the test is over.
            let _released = hanging.recv();
            Ok(())
        });
        let error = judged.await.unwrap_err();
        assert!(matches!(error, LoadError::Stuck(_)), "{error:?}");
        assert_eq!(begun.elapsed(), LOAD_LIMIT);
        let fault = PluginFault { backend: "lan".parse().unwrap(), error: error.into_error() };
        let [finding] = &fault.findings()[..] else { panic!("{fault:?}") };
        assert_eq!(finding.key.as_ref().unwrap().to_string(), "backends.lan.plugin");
        assert!(finding.message.contains("did not judge its settings, within 20s"), "{finding}");
        drop(release);
    }
}
