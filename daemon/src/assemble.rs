//! Makes the parts that a configuration describes: backends, views, plugins with their settings.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;

use crate::backend::{Backend, Driver, Times};
use crate::config::{
    self, BackendName, Config, DescribedSettings, Gzip, Isolation, Known, PluginReference, PluginUse,
    ViewName,
};
use crate::generation::{InFlight, PluginFile, Prepared, RemovedView};
use crate::http::{Credentials, ViewTable, WebhookSettings};
use crate::journal::Journal;
use crate::plugin::child::restrict::paths_in_settings;
use crate::plugin::{
    self, HostSide, Image, Inline, Isolated, Loader, Permissions, PluginError, Trust, locate,
};
use crate::safety::mirror::Mirrors;
use crate::safety::{Policy, Registry, SafeBackend, State};
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
    /// The parts of a configuration, none of which is open yet.
    pub fn of(config: &Config, states: &States, journal: &Arc<Journal>) -> Self {
        let backends = config.backends.iter();
        let backends =
            backends.map(|(name, configured)| (name.clone(), backend(name, configured, &states[name])));
        let parts = Self::with(config, backends.collect(), states, journal);
        parts.refresh();
        parts
    }

    /// Policies and views over backends that are there already; [`refresh`](Self::refresh) routes and
    /// scopes them.
    pub fn with(
        config: &Config,
        backends: BTreeMap<BackendName, Arc<Backend>>,
        states: &States,
        journal: &Arc<Journal>,
    ) -> Self {
        let protect = |(name, backend): (&BackendName, &Arc<Backend>)| {
            let policy = Policy::of(&config.backends[name]);
            let state = Arc::clone(&states[name]);
            (name.clone(), SafeBackend::new(policy, Arc::clone(backend), state, Arc::clone(journal)))
        };
        let safe: BTreeMap<_, _> = backends.iter().map(protect).collect();
        let views = config
            .views
            .iter()
            .map(|(name, view)| {
                let behind = view.backends.iter().filter_map(|name| safe.get(name).cloned()).collect();
                let journal = Arc::clone(journal);
                (name.clone(), View::new(name.as_str(), view.path.as_str(), behind, journal))
            })
            .collect();
        let mirrors = Mirrors::connect(&config.backends, &safe);
        Self { backends, safe, views, mirrors }
    }

    /// The views by their paths, with the credentials that their callers must have. Calls are counted
    /// among those in flight; in the place of removed views, by path, stands what says so.
    pub fn view_table(
        &self,
        config: &Config,
        in_flight: &InFlight,
        removed: &BTreeMap<String, Arc<RemovedView>>,
    ) -> ViewTable {
        let table = ViewTable::guarded(self.views.iter().map(|(name, view)| {
            let auth = config.views.get(name).and_then(|view| view.auth.as_ref());
            let counted = in_flight.count(Arc::clone(view) as Arc<dyn Calls>);
            (view.path().to_owned(), counted, auth.map(credentials))
        }));
        let removed = removed.iter().map(|(path, view)| (path.clone(), Arc::clone(view) as Arc<dyn Calls>));
        table.with_removed(removed)
    }

    /// Routes and scopes by the zones that are known now.
    pub fn refresh(&self) {
        let views: Vec<_> = self.views.values().cloned().collect();
        let backends: Vec<_> = self.backends.values().cloned().collect();
        for view in &views {
            view.refresh();
        }
        view::set_scopes(&views, &backends);
        for safe in self.safe.values() {
            safe.refresh();
        }
    }
}

/// What is remembered of every backend of a configuration.
pub type States = BTreeMap<BackendName, Arc<State>>;

/// Reads what is remembered of every backend of a configuration. Blocks on the store.
///
/// # Errors
///
/// When it can't be read.
pub fn states(config: &Config, registry: &Registry) -> Result<States, StoreError> {
    let state = |(name, configured): (&BackendName, &config::Backend)| {
        Ok((name.clone(), registry.state(name.as_str(), &Policy::of(configured))?))
    };
    config.backends.iter().map(state).collect()
}

/// A backend that is not open yet. It takes its turn in writing with every other of its name.
pub fn backend(name: &BackendName, configured: &config::Backend, state: &State) -> Arc<Backend> {
    let (zones, times) = (zones(configured), times(configured));
    Backend::new(name.as_str(), zones, times, state.writes(), state.capabilities())
}

/// The backends of a configuration by themselves, for a look at them: nothing is remembered, and no view
/// shows them.
pub fn bare(config: &Config) -> BTreeMap<BackendName, Arc<Backend>> {
    let bare = |name: &BackendName, configured: &config::Backend| {
        Backend::new(name.as_str(), zones(configured), times(configured), Arc::default(), None)
    };
    config.backends.iter().map(|(name, configured)| (name.clone(), bare(name, configured))).collect()
}

/// The webhook's limits, as configured.
pub fn webhook_settings(webhook: &config::Webhook) -> WebhookSettings {
    let settings = WebhookSettings {
        max_body: webhook.max_body.as_usize(),
        deadline: webhook.deadline.into(),
        ..WebhookSettings::default()
    };
    match webhook.gzip {
        Gzip::Auto => settings,
        Gzip::Always => WebhookSettings { gzip_local: true, ..settings },
        Gzip::Never => WebhookSettings { gzip_from: u64::MAX, ..settings },
    }
}

/// The configuration was read without the files of `[webhook.tls]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`webhook.tls`: its files have not been read")]
pub struct CertificatesNotRead;

/// What the webhook's TCP listeners speak: TLS by the certificates that were read, or plain HTTP where
/// none is configured.
pub fn tls_config(
    webhook: &config::Webhook,
) -> Result<Option<Arc<rustls::ServerConfig>>, CertificatesNotRead> {
    let Some(tls) = &webhook.tls else { return Ok(None) };
    let certificates = tls.certificates.as_ref().ok_or(CertificatesNotRead)?;
    Ok(Some(certificates.server_config()))
}

fn credentials(auth: &config::Auth) -> Credentials {
    let second = auth.second_password.as_ref().map(config::Secret::expose);
    Credentials::new(&auth.user, auth.password.expose(), second)
}

fn zones(backend: &config::Backend) -> Vec<String> {
    zone_names(&backend.zones)
}

fn zone_names(zones: &[config::Zone]) -> Vec<String> {
    zones.iter().map(|zone| zone.as_str().to_owned()).collect()
}

/// How long a backend's calls may take, as configured.
pub fn times(backend: &config::Backend) -> Times {
    Times {
        call: backend.timeout.into(),
        list: backend.list_timeout.into(),
        apply: backend.apply_timeout.into(),
    }
}

/// The file of a backend's plugin, read and checked; none of its code is run.
pub fn image(used: &PluginUse) -> Result<Image, PluginError> {
    let path = locate(&used.plugin, &used.plugins.path)?;
    let pin = used.sha256.as_ref().map(ToString::to_string);
    let trust = match (used.plugins.trust, pin, &used.plugins.public_key) {
        (config::Trust::Sha256, Some(sha256), _) => Trust::Sha256(sha256),
        (config::Trust::Signature, sha256, Some(keys)) => Trust::Signature { keys: keys.clone(), sha256 },
        (config::Trust::Signature, _, None) => return Err(PluginError::key_not_known(path)),
        (config::Trust::Owner | config::Trust::Sha256, sha256, _) => Trust::Owner { sha256 },
    };
    match used.plugin {
        PluginReference::Program(_) => Image::read_program(&path, &trust),
        PluginReference::Name(_) | PluginReference::File(_) => Image::read(&path, &trust),
    }
}

/// Loads a backend's plugin and gives it its settings. Runs the plugin's code: call it on a thread
/// that may block.
pub fn prepare(used: &PluginUse, loader: &Loader) -> Result<Prepared, PluginError> {
    let name = &used.backend;
    let image = image(used)?;
    tracing::debug!(
        backend = name.as_str(), path = %image.path.display(), sha256 = image.sha256,
        trusted = %image.trusted, version = image.manifest.version, rustc = image.manifest.rustc,
        "loading plugin"
    );
    let host = HostSide::new(
        name.as_str(),
        &zone_names(&used.zones),
        used.settings.base_directory().to_owned(),
        used.state.join("backends").join(name.as_str()),
    );
    let settings = used.settings.to_json();
    let (driver, exclusive): (Arc<dyn Driver>, bool) = match used.isolation {
        Isolation::Inline => {
            (Arc::new(Inline::configure(loader, &image, host, &settings)?), image.manifest.exclusive)
        }
        Isolation::Process => {
            let launcher = loader.launcher().map_err(|error| PluginError::no_process(&image.path, &error))?;
            let permissions = permissions(used, &settings);
            let isolated = Isolated::configure(&launcher, &image, host, &settings, &permissions)?;
            let exclusive = isolated.exclusive();
            (Arc::new(isolated), exclusive)
        }
    };
    Ok(Prepared { driver, file: PluginFile { exclusive, sha256: image.sha256 } })
}

/// What a backend's process may change: its own folder of the state directory, and what its settings name.
fn permissions(used: &PluginUse, settings: &str) -> Permissions {
    let settings = serde_json::from_str(settings).unwrap_or_default();
    let mut writable = paths_in_settings(&settings, used.settings.base_directory());
    writable.push(state_directory(used));
    Permissions { memory_limit: used.memory_limit.bytes(), writable }
}

/// A backend's own folder. Made here, where the state directory is ours: its process may not make it, since it
/// may not write into the others'.
fn state_directory(used: &PluginUse) -> PathBuf {
    let directory = used.state.join("backends").join(used.backend.as_str());
    let ours = rustix::process::geteuid().as_raw();
    if used.state.metadata().is_ok_and(|metadata| metadata.uid() == ours)
        && let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(&directory)
    {
        tracing::debug!(backend = used.backend.as_str(), %error, "the backend's own folder can't be made");
    }
    directory
}

/// What a backend's plugin says of its settings, if it says which of them are secret. Runs it for that, in a
/// process that is told nothing and ends with the answer, however the backend is run.
pub fn described(used: &PluginUse) -> Result<Option<DescribedSettings>, PluginError> {
    let image = image(used)?;
    let Some(secret) = image.manifest.secret_settings.clone() else { return Ok(None) };
    Ok(DescribedSettings::new(secret, &plugin::schema(&image)?))
}

/// Judges a backend's use of a plugin as far as it is known, as [`prepare`] does; gives what is prepared
/// where that is all of it.
pub fn judge(used: &PluginUse, loader: &Loader) -> Result<Option<Prepared>, PluginError> {
    match used.known {
        Known::File => {
            let path = locate(&used.plugin, &used.plugins.path)?;
            match used.plugin {
                // What a program is shows when it is run.
                PluginReference::Program(_) => Ok(None),
                PluginReference::Name(_) | PluginReference::File(_) => {
                    Image::read_untrusted(&path).map(|_| None)
                }
            }
        }
        Known::Trust => image(used).map(|_| None),
        Known::Settings => prepare(used, loader).map(Some),
    }
}
