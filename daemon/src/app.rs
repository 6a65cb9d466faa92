//! The running daemon: its listeners, its parts, and its orderly end.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::time::Instant;
use zonemux_plugin::ErrorKind;

use crate::admin::Admin;
use crate::assemble::{self, Parts};
use crate::backend::{BackendError, Driver};
use crate::config::{self, BackendName, Config, Gzip, Listen, ListenSet};
use crate::control::Control;
use crate::http::{
    Address, ConnectionTimes, Listener, Observed, Observer, Server, ServerSettings, ViewTable, Webhook,
    WebhookSettings,
};
use crate::journal;
use crate::memory::Trimmer;
use crate::plugin::{Loader, PluginError};
use crate::service_manager;
use crate::telemetry::metrics;
use crate::view::Calls;

/// How long a plugin may take to be loaded and to read its settings.
pub const LOAD_LIMIT: Duration = Duration::from_secs(20);
/// How long a probe's connection may do nothing: this port may be reached by anyone, and its slots must
/// not be held.
const ADMIN_IDLE: Duration = Duration::from_secs(10);
/// How long idle connections are waited for once everything has been answered.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// Why the daemon can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error("`{key}`: can't listen on {address}: {error}")]
    Listen {
        /// The configuration's key.
        key: &'static str,
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
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
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { error, .. } if error.kind() == io::ErrorKind::AddrInUse => {
                Some("is another zonemux running? `ss -ltxnp` shows who listens")
            }
            Self::Listen { error, .. } | Self::State { error, .. }
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some(
                    "the account that runs zonemux must be allowed to; ports below 1024 need CAP_NET_BIND_SERVICE",
                )
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
        let webhook_listeners = webhook_listeners(&config)?;
        let admin_listeners = bind_all("admin.listen", &config.admin.listen)?;
        let control_listener = bind("control.listen", &Listen::Unix(config.control.socket.clone()))?;

        let parts = Parts::of(&config);
        let views =
            parts.views.values().map(|view| (view.path().to_owned(), Arc::clone(view) as Arc<dyn Calls>));
        let settings = webhook_settings(&config.webhook);
        let webhook =
            Webhook::new(ViewTable::new(views), settings, Arc::new(CallEnd { trimmer: Trimmer::start() }));
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
        let brief = ServerSettings { times: ConnectionTimes { idle: ADMIN_IDLE, ..limits.times }, ..limits };
        let admin_server = Server::start(admin_listeners, brief, move |request, _| {
            let answer = answering.answer(&request);
            async move { answer }
        });
        let control_server = Server::start(vec![control_listener], brief, move |request, peer| {
            let control = control.clone();
            async move { control.answer(request, peer).await }
        });
        let loaded = load_plugins(&config, &parts);
        let app =
            Self { config, parts, admin, webhook, webhook_server, control_server, admin_server, loaded };
        app.log_addresses();
        Ok(app)
    }

    /// Where ExternalDNS finds the daemon.
    pub fn webhook_addresses(&self) -> &[Address] {
        self.webhook_server.addresses()
    }

    /// Where probes and metrics are.
    pub fn admin_addresses(&self) -> &[Address] {
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

/// The time until a deadline.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn webhook_settings(webhook: &config::Webhook) -> WebhookSettings {
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

fn webhook_listeners(config: &Config) -> Result<Vec<Listener>, StartError> {
    let handed_over = service_manager::sockets().map_err(StartError::Handover)?;
    if handed_over.is_empty() { bind_all("webhook.listen", &config.webhook.listen) } else { Ok(handed_over) }
}

/// Binds a set of addresses. Of the default ones, an IPv6 address that the machine lacks is no fault.
fn bind_all(key: &'static str, set: &ListenSet) -> Result<Vec<Listener>, StartError> {
    let mut listeners = Vec::with_capacity(set.addresses.len());
    for address in &set.addresses {
        match bind(key, address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if set.is_default && lacks_ipv6(address, &error) => match address {
                Listen::Tcp(any) if any.ip().is_unspecified() => {
                    listeners.push(bind(key, &Listen::Tcp((Ipv4Addr::UNSPECIFIED, any.port()).into()))?);
                }
                _ => tracing::info!(%address, "this machine has no such IPv6 address; left out"),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

/// Whether an IPv6 address can't be bound because the machine has none, or not this one.
fn lacks_ipv6(address: &Listen, error: &StartError) -> bool {
    let StartError::Listen { error, .. } = error else { return false };
    let lacking = error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    matches!(address, Listen::Tcp(address) if address.is_ipv6()) && lacking
}

fn bind(key: &'static str, listen: &Listen) -> Result<Listener, StartError> {
    let address = match listen {
        Listen::Tcp(address) => Address::Tcp(*address),
        Listen::Unix(path) => Address::Unix(path.clone()),
    };
    Listener::bind(&address).map_err(|error| StartError::Listen { key, address: address.to_string(), error })
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
