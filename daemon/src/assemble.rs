//! Makes the parts that a configuration describes: backends, views, plugins with their settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::backend::{Backend, Times};
use crate::config::{self, BackendName, Config, ViewName};
use crate::generation::Prepared;
use crate::plugin::{HostSide, Image, Inline, Loader, PluginError, Trust, locate};
use crate::view::{self, View};

/// Backends and views, routed by what the configuration says; no plugin is loaded yet.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Every backend.
    pub backends: BTreeMap<BackendName, Arc<Backend>>,
    /// Every view.
    pub views: BTreeMap<ViewName, Arc<View>>,
}

impl Parts {
    /// The parts of a configuration.
    pub fn of(config: &Config) -> Self {
        let backends: BTreeMap<_, _> = config
            .backends
            .iter()
            .map(|(name, backend)| {
                (name.clone(), Backend::new(name.as_str(), zones(backend), times(backend)))
            })
            .collect();
        let views = config
            .views
            .iter()
            .map(|(name, view)| {
                let behind = view.backends.iter().filter_map(|name| backends.get(name).cloned()).collect();
                (name.clone(), View::new(name.as_str(), view.path.as_str(), behind))
            })
            .collect();
        let parts = Self { backends, views };
        parts.refresh();
        parts
    }

    /// Routes and scopes by the zones that are known now.
    pub fn refresh(&self) {
        let views: Vec<_> = self.views.values().cloned().collect();
        let backends: Vec<_> = self.backends.values().cloned().collect();
        for view in &views {
            view.refresh();
        }
        view::set_scopes(&views, &backends);
    }
}

fn zones(backend: &config::Backend) -> Vec<String> {
    backend.zones.iter().map(|zone| zone.as_str().to_owned()).collect()
}

fn times(backend: &config::Backend) -> Times {
    Times {
        call: backend.timeout.into(),
        list: backend.list_timeout.into(),
        apply: backend.apply_timeout.into(),
    }
}

/// The file of a backend's plugin, read and checked; none of its code is run.
pub fn image(config: &Config, backend: &config::Backend) -> Result<Image, PluginError> {
    let path = locate(&backend.plugin, &config.plugins.path)?;
    let pin = backend.sha256.as_ref().map(ToString::to_string);
    let trust = match (config.plugins.trust, pin) {
        (config::Trust::Sha256, Some(sha256)) => Trust::Sha256(sha256),
        (_, sha256) => Trust::Owner { sha256 },
    };
    Image::read(&path, &trust)
}

/// Loads a backend's plugin and gives it its settings. Runs the plugin's code: call it on a thread
/// that may block.
pub fn prepare(config: &Config, name: &BackendName, loader: &Loader) -> Result<Prepared, PluginError> {
    let backend = &config.backends[name];
    let image = image(config, backend)?;
    tracing::debug!(
        backend = name.as_str(), path = %image.path.display(), sha256 = image.sha256,
        version = image.manifest.version, rustc = image.manifest.rustc, "loading plugin"
    );
    let host = HostSide::new(
        name.as_str(),
        &zones(backend),
        backend.settings.base_directory().to_owned(),
        config.state.directory.join("backends").join(name.as_str()),
    );
    let settings = backend.settings.to_json();
    Ok(Prepared {
        driver: Arc::new(Inline::configure(loader, &image, host, &settings)?),
        exclusive: image.manifest.exclusive,
        sha256: image.sha256,
    })
}
