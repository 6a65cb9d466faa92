//! The running daemon: its listeners, its parts, and its orderly end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::time::Instant;
use zonemux_plugin::ErrorKind;

use crate::admin::Admin;
use crate::assemble::{self, Parts};
use crate::backend::{BackendError, Driver};
use crate::config::{self, BackendName, Config, Gzip};
use crate::control::Control;
use crate::http::{
    Address, ConnectionTimes, Listener, Observed, Observer, Server, ServerSettings, Tls, Webhook,
    WebhookSettings,
};
use crate::listening::{self, ListenError, Side};
use crate::journal::{self, Journal, Limits};
use crate::memory::Trimmer;
use crate::plugin::{Loader, PluginError};
use crate::safety::Registry;
use crate::service_manager;
use crate::store::{Files, Lock, LockError, StoreError};
use crate::telemetry::metrics;

/// How long a plugin may take to be loaded and to read its settings.
pub const LOAD_LIMIT: Duration = Duration::from_secs(20);
/// How long a probe's connection may do nothing: this port may be reached by anyone, and its slots must
/// not be held.
const ADMIN_IDLE: Duration = Duration::from_secs(10);
/// How long idle connections are waited for once everything has been answered.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// How long the journal's last lines may take.
const JOURNAL_LIMIT: Duration = Duration::from_secs(2);

/// Why the daemon can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The configuration was read without the files of `[webhook.tls]`.
    #[error("`webhook.tls`: its files have not been read")]
    Certificates,
    /// A descriptor of the service manager's can't be used.
    #[error("a socket of the service manager can't be used: {0}")]
    Handover(io::Error),
    /// The state directory can't be made.
    #[error("`state.directory`: can't make {path}: {error}")]
    State {
        /// The folder.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// Another process uses the state directory.
    #[error("`state.directory`: {0}")]
    Lock(#[from] LockError),
    /// What earlier processes remembered can't be read.
    #[error("`state.directory`: {0}")]
    Store(#[from] StoreError),
    /// There is no thread for the journal.
    #[error("the journal can't be begun: {0}")]
    Journal(io::Error),
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen(error) => error.hint(),
            Self::Lock(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::State { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("the account that runs zonemux must be allowed to write there")
            }
            _ => None,
        }
    }
}

/// A plugin that can't be used for a backend.
#[derive(Debug, Clone)]
pub struct PluginFault {
    /// The backend.
    pub backend: BackendName,
    /// Why.
    pub error: PluginError,
}

/// A running daemon.
#[derive(Debug)]
pub struct App {
    config: Arc<Config>,
    parts: Parts,
    admin: Admin,
    webhook: Arc<Webhook>,
    webhook_server: Server,
    control_server: Server,
    admin_server: Server,
    loaded: watch::Receiver<Option<Arc<Vec<PluginFault>>>>,
    registry: Arc<Registry>,
    /// Nobody else uses the state directory.
    _lock: Lock,
}

impl App {
    /// Binds every listener and begins to load plugins and to open backends behind them. Must be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// When something can't be listened on. Plugins are told of by [`plugins`](Self::plugins).
    pub fn build(config: Config, prometheus: PrometheusHandle) -> Result<Self, StartError> {
        let config = Arc::new(config);
        std::fs::create_dir_all(&config.state.directory).map_err(|error| StartError::State {
            path: config.state.directory.display().to_string(),
            error,
        })?;
        let lock = Lock::acquire(&config.state.directory)?;
        let tls = Tls::new(tls_config(&config.webhook)?);
        let webhook_listeners = webhook_listeners(&Side::webhook(&config.webhook, &tls))?;
        let admin_listeners = Side::admin(&config.admin).bind()?;
        let control_listener = listening::bind_control(&config.control)?;

        let store = Arc::new(Files::new(&config.state.directory));
        let journal = Arc::new(open_journal(&config)?);
        let registry = Arc::new(Registry::new(store, journal));
        let parts = Parts::of(&config, &registry)?;
        let settings = webhook_settings(&config.webhook);
        let call_end = Arc::new(CallEnd { trimmer: Trimmer::start() });
        let webhook = Webhook::new(parts.view_table(&config), settings, call_end);
        let admin = Admin::new(parts.clone(), prometheus);
        let control = Control::new(
            parts.clone(),
            addresses(&webhook_listeners),
            addresses(&admin_listeners),
            journal::folder(&config.state.directory),
        );

        let limits = ServerSettings::default();
        let webhook_server = Server::start(webhook_listeners, limits, webhook.handler());
        let answering = admin.clone();
        let brief = ServerSettings {
            times: ConnectionTimes { first: ADMIN_IDLE, idle: ADMIN_IDLE, ..limits.times },
            ..limits
        };
        let admin_server = Server::start(admin_listeners, brief, move |request, _| {
            let answer = answering.answer(&request);
            async move { answer }
        });
        let control_server = Server::start(vec![control_listener], brief, move |request, peer| {
            let control = control.clone();
            async move { control.answer(request, peer).await }
        });
        let loaded = load_plugins(&config, &parts);
        parts.mirrors.follow();
        let app =
            Self { config, parts, admin, webhook, webhook_server, control_server, admin_server, loaded, registry, _lock: lock };
        app.log_addresses();
        Ok(app)
    }

    /// Where ExternalDNS finds the daemon.
    pub fn webhook_addresses(&self) -> Vec<Address> {
        self.webhook_server.addresses()
    }

    /// Where probes and metrics are.
    pub fn admin_addresses(&self) -> Vec<Address> {
        self.admin_server.addresses()
    }

    /// Waits until every plugin is loaded or refused, and gives those that are refused.
    pub async fn plugins(&self) -> Arc<Vec<PluginFault>> {
        let mut loaded = self.loaded.clone();
        let faults = loaded.wait_for(Option::is_some).await.ok().and_then(|faults| faults.clone());
        faults.unwrap_or_default()
    }

    /// One line on the backends, for the service manager.
    pub fn summary(&self) -> String {
        let states = self.parts.backends.values().map(|backend| backend.status().state);
        let up = states.filter(|state| *state == crate::backend::BackendState::Up).count();
        format!("{up} of {} backends up", self.parts.backends.len())
    }

    /// Whether every view can answer `/records`.
    pub fn is_ready(&self) -> bool {
        self.admin.is_ready()
    }

    /// Ends in order: not ready → new calls answered 503 → running applies waited for → plugins
    /// closed → listeners closed, the admin side last. Says whether every apply had ended.
    pub async fn stop(self) -> bool {
        let deadline = Instant::now() + Duration::from(self.config.shutdown.grace);
        self.admin.stopping();
        self.webhook.stopping();
        service_manager::stopping();
        tracing::info!(grace = ?self.config.shutdown.grace, "stopping: waiting for running applies");
        for backend in self.parts.backends.values() {
            backend.stop_listing();
        }
        let answered = self.webhook.finish(left(deadline)).await;
        let closed = self.parts.backends.values().map(|backend| backend.close(deadline));
        let closed = futures_util::future::join_all(closed).await;
        self.webhook.give_up();
        // Answers that are still being read: an idle connection ends at once.
        let (sent, _) = tokio::join!(
            self.webhook_server.close(left(deadline).max(CLOSE_GRACE)),
            self.control_server.close(CLOSE_GRACE)
        );
        let complete = answered && sent && closed.into_iter().all(|closed| closed);
        let journal = Arc::clone(self.registry.journal());
        let written = tokio::task::spawn_blocking(move || journal.close(JOURNAL_LIMIT)).await;
        if !written.unwrap_or_default() {
            tracing::warn!(limit = ?JOURNAL_LIMIT, "the journal was not written to its end");
        }
        self.admin_server.close(CLOSE_GRACE).await;
        tracing::info!(complete, "stopped");
        complete
    }

    fn log_addresses(&self) {
        for address in self.webhook_addresses() {
            tracing::info!(%address, "webhook listens");
        }
        for address in self.admin_addresses() {
            tracing::info!(%address, "admin listens");
        }
        tracing::info!(socket = %self.config.control.socket.display(), "control listens");
    }
}

fn open_journal(config: &Config) -> Result<Journal, StartError> {
    let limits = Limits { max_size: config.journal.max_size.bytes(), keep: config.journal.keep };
    Journal::open(&config.state.directory, limits).map_err(StartError::Journal)
}

/// The time until a deadline.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// What the webhook's TCP listeners speak: TLS by the certificates that were read, or plain HTTP where
/// none is configured.
pub(crate) fn tls_config(webhook: &config::Webhook) -> Result<Option<Arc<rustls::ServerConfig>>, StartError> {
    let Some(tls) = &webhook.tls else { return Ok(None) };
    let certificates = tls.certificates.as_ref().ok_or(StartError::Certificates)?;
    Ok(Some(certificates.server_config()))
}

/// The limits of the webhook's calls, as configured.
pub(crate) fn webhook_settings(webhook: &config::Webhook) -> WebhookSettings {
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

/// What happens when a call of ExternalDNS is over: it is counted, and its memory given back.
struct CallEnd {
    trimmer: Trimmer,
}

impl Observer for CallEnd {
    fn request(&self, call: &Observed<'_>) {
        self.trimmer.moved(call.request_bytes.max(call.plain_bytes));
        metrics::http_request(
            call.view,
            call.route,
            call.method,
            call.status,
            call.duration,
            call.plain_bytes,
        );
    }
}

/// The service manager's sockets, else those of the configuration.
fn webhook_listeners(side: &Side<'_>) -> Result<Vec<Listener>, StartError> {
    let handed_over = service_manager::sockets().map_err(StartError::Handover)?;
    if handed_over.is_empty() {
        return Ok(side.bind()?);
    }
    Ok(handed_over.into_iter().map(|listener| side.adopt(listener)).collect())
}

fn addresses(listeners: &[Listener]) -> Vec<String> {
    listeners.iter().map(|listener| listener.address().to_string()).collect()
}

/// Loads every plugin on a thread of its own, and starts its backend as soon as it is there.
fn load_plugins(config: &Arc<Config>, parts: &Parts) -> watch::Receiver<Option<Arc<Vec<PluginFault>>>> {
    let (sender, receiver) = watch::channel(None);
    let (config, parts, loader) = (Arc::clone(config), parts.clone(), Arc::new(Loader::default()));
    tokio::spawn(async move {
        let loads = parts.backends.keys().cloned().map(|name| {
            let (config, loader, parts) = (Arc::clone(&config), Arc::clone(&loader), parts.clone());
            async move { load_plugin(name, config, loader, parts).await.err() }
        });
        let faults: Vec<PluginFault> =
            futures_util::future::join_all(loads).await.into_iter().flatten().collect();
        sender.send_replace(Some(Arc::new(faults)));
    });
    receiver
}

async fn load_plugin(
    name: BackendName,
    config: Arc<Config>,
    loader: Arc<Loader>,
    parts: Parts,
) -> Result<(), PluginFault> {
    let (driver_name, backend) = (name.clone(), Arc::clone(&parts.backends[&name]));
    let loading = on_own_thread(move || assemble::driver(&config, &driver_name, &loader));
    match tokio::time::timeout(LOAD_LIMIT, loading).await {
        Ok(Some(Ok(driver))) => {
            backend.start(driver, move || parts.refresh());
            Ok(())
        }
        Ok(Some(Err(error))) => {
            backend.fail(BackendError::new(ErrorKind::Config, error.reason.to_string()));
            Err(PluginFault { backend: name, error })
        }
        // Its constructors or its check of the settings hang or broke off. The other backends serve.
        Ok(None) | Err(_) => {
            tracing::error!(backend = name.as_str(), limit = ?LOAD_LIMIT, "the plugin can't be loaded in time");
            backend.fail(BackendError::new(ErrorKind::Internal, "the plugin can't be loaded in time"));
            Ok(())
        }
    }
}

/// Runs a plugin's first code on a thread of its own: one that hangs there must keep neither the
/// runtime's threads nor its shutdown. `None`: it panicked, or no thread could be had.
async fn on_own_thread(
    work: impl FnOnce() -> Result<Arc<dyn Driver>, PluginError> + Send + 'static,
) -> Option<Result<Arc<dyn Driver>, PluginError>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("load-plugin".into()).spawn(move || {
        // Nobody listens any more after the limit.
        let _late = sender.send(work());
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread for loading a plugin");
        return None;
    }
    receiver.await.ok()
}
