//! What a configuration would change, found out without changing anything.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::assemble;
use crate::config::{BackendName, Config};
use crate::generation::{self, Generation, LoadError, PluginFault, PluginFile, Prepared, same_instance};
use crate::plugin::{Image, Loader, PluginError};

/// What is to become of a configured backend.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It stays as it is.
    Keep(PluginFile),
    /// It is to be opened.
    Open(Prepared),
}

/// Every backend's verdict, or the faults of all plugins that can't be used.
pub(super) async fn judge_all(
    before: &Generation,
    config: &Arc<Config>,
    loader: &Arc<Loader>,
) -> Result<Vec<(BackendName, Verdict)>, Vec<PluginFault>> {
    let judged = join_all(config.backends.keys().map(|name| judge(before, config, name, loader))).await;
    let (mut verdicts, mut faults) = (Vec::new(), Vec::new());
    for (name, judged) in config.backends.keys().zip(judged) {
        match judged {
            Ok(verdict) => verdicts.push((name.clone(), verdict)),
            Err(error) => faults.push(PluginFault { backend: name.clone(), error }),
        }
    }
    if faults.is_empty() { Ok(verdicts) } else { Err(faults) }
}

async fn judge(
    before: &Generation,
    config: &Arc<Config>,
    name: &BackendName,
    loader: &Arc<Loader>,
) -> Result<Verdict, PluginError> {
    let is_same =
        before.config.backends.get(name).is_some_and(|old| same_instance(old, &config.backends[name]));
    if is_same && let Some(file) = before.file(name) {
        // Also one that stays must be found and trusted now, as it must be at the next start.
        let sha256 = read(config, name).await?.sha256;
        if sha256 == file.sha256 {
            return Ok(Verdict::Keep(file));
        }
        tracing::info!(
            backend = name.as_str(),
            before = file.sha256,
            after = sha256,
            "the plugin's file was replaced; its new code is loaded beside the old, which stays in memory"
        );
    }
    generation::load(config, name, loader).await.map(Verdict::Open).map_err(LoadError::into_error)
}

async fn read(config: &Arc<Config>, name: &BackendName) -> Result<Image, PluginError> {
    let used = config.plugin_use(name, &config.backends[name]);
    let reading = tokio::task::spawn_blocking(move || assemble::image(&used));
    reading.await.unwrap_or_else(|_| {
        let plugin = config.backends[name].plugin.to_string();
        Err(PluginError::not_loaded_within(plugin, generation::LOAD_LIMIT))
    })
}
