//! Makes the parts that a configuration describes: backends, views, drivers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::backend::{Backend, Driver, Times};
use crate::config::{self, BackendName, Config, ViewName};
use crate::http::{Credentials, ViewTable};
use crate::plugin::{HostSide, Image, Inline, Loader, PluginError, Trust, locate};
use crate::safety::mirror::Mirrors;
use crate::safety::{Policy, Registry, SafeBackend};
use crate::store::StoreError;
use crate::view::{self, Calls, View};

/// Backends and views, routed by what the configuration says; no plugin is loaded yet.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Every backend.
    pub backends: BTreeMap<BackendName, Arc<Backend>>,
    /// Every backend behind what protects it.
    pub safe: BTreeMap<BackendName, Arc<SafeBackend>>,
    /// Every view.
    pub views: BTreeMap<ViewName, Arc<View>>,
    /// What is written to beside what stands in views; to be followed when these parts serve.
    pub mirrors: Mirrors,
}

impl Parts {
    /// The parts of a configuration. Blocks on the store.
    ///
    /// # Errors
    ///
    /// When it can't be read what is remembered of a backend.
    pub fn of(config: &Config, registry: &Registry) -> Result<Self, StoreError> {
        let (mut backends, mut safe) = (BTreeMap::new(), BTreeMap::new());
        for (name, settings) in &config.backends {
            let policy = Policy::of(settings);
            let state = registry.state(name.as_str(), &policy)?;
            let remembered = state.capabilities();
            let backend = Backend::new(name.as_str(), zones(settings), times(settings), state.writes(), remembered);
            safe.insert(name.clone(), registry.protect(policy, Arc::clone(&backend))?);
            backends.insert(name.clone(), backend);
        }
        let views = config
            .views
            .iter()
            .map(|(name, view)| {
                let behind = view.backends.iter().filter_map(|name| safe.get(name).cloned()).collect();
                let journal = Arc::clone(registry.journal());
                (name.clone(), View::new(name.as_str(), view.path.as_str(), behind, journal))
            })
            .collect();
        let mirrors = Mirrors::connect(&config.backends, &safe);
        let parts = Self { backends, safe, views, mirrors };
        parts.refresh();
        Ok(parts)
    }

    /// The views by their paths, with the credentials that their callers must have.
    pub fn view_table(&self, config: &Config) -> ViewTable {
        ViewTable::guarded(self.views.iter().map(|(name, view)| {
            let auth = config.views.get(name).and_then(|view| view.auth.as_ref());
            (view.path().to_owned(), Arc::clone(view) as Arc<dyn Calls>, auth.map(credentials))
        }))
    }

    /// Routes and scopes by the zones that are known now.
    pub fn refresh(&self) {
        let views: Vec<_> = self.views.values().cloned().collect();
        let backends: Vec<_> = self.backends.values().cloned().collect();
        for view in &views {
            view.refresh();
        }
        view::set_scopes(&views, &backends);
        self.safe.values().for_each(|safe| safe.refresh());
    }
}

/// The backends of a configuration by themselves, for a look at them: nothing is remembered, and no view
/// shows them.
pub fn bare(config: &Config) -> BTreeMap<BackendName, Arc<Backend>> {
    let bare = |name: &BackendName, settings: &config::Backend| {
        Backend::new(name.as_str(), zones(settings), times(settings), Arc::default(), None)
    };
    config.backends.iter().map(|(name, settings)| (name.clone(), bare(name, settings))).collect()
}

fn credentials(auth: &config::Auth) -> Credentials {
    let second = auth.second_password.as_ref().map(config::Secret::expose);
    Credentials::new(&auth.user, auth.password.expose(), second)
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
pub fn driver(config: &Config, name: &BackendName, loader: &Loader) -> Result<Arc<dyn Driver>, PluginError> {
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
    Ok(Arc::new(Inline::configure(loader, &image, host, &settings)?))
}
