//! The running daemon: its listeners, its parts, and its orderly end.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::time::Instant;
use zonemux_plugin::ErrorKind;

use crate::admin::Admin;
use crate::assemble::{self, CertificatesNotRead, Parts};
use crate::backend::{Backend, BackendError, BackendState};
use crate::config::{BackendName, Loaded, Request};
use crate::control::Control;
use crate::generation::{self, Addresses, Current, Generation, LoadError, PluginFault};
use crate::http::{
    Address, ConnectionTimes, Listener, Observed, Observer, Server, ServerSettings, Tls, Webhook,
};
use crate::journal::{Journal, Limits};
use crate::listening::{self, ListenError, Side};
use crate::memory::Trimmer;
use crate::plugin::Loader;
use crate::reload::{Reloader, Reloads, Site, Watched};
use crate::safety::Registry;
use crate::service_manager;
use crate::store::{Files, Lock, LockError, StoreError};
use crate::telemetry::logging::Level;
use crate::telemetry::metrics;

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
    /// There is no certificate to listen with.
    #[error(transparent)]
    Certificates(#[from] CertificatesNotRead),
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

/// What a daemon starts with.
#[derive(Debug)]
pub struct Start {
    /// How the configuration was read, and is read again at a reload.
    pub request: Request,
    /// What that gave.
    pub loaded: Loaded,
    /// Which lines are logged; none where the log is not the daemon's own.
    pub level: Option<Level>,
    /// What renders the metrics.
    pub prometheus: PrometheusHandle,
}

/// A running daemon.
#[derive(Debug)]
pub struct App {
    current: Current,
    admin: Admin,
    webhook: Arc<Webhook>,
    webhook_server: Arc<Server>,
    control_server: Server,
    admin_server: Arc<Server>,
    reloader: Reloader,
    reloads: Reloads,
    plugins: watch::Receiver<Option<Arc<Vec<PluginFault>>>>,
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
    pub fn build(start: Start) -> Result<Self, StartError> {
        let Start { request, loaded: Loaded { config, sources, .. }, level, prometheus } = start;
        let config = Arc::new(config);
        std::fs::create_dir_all(&config.state.directory).map_err(|error| StartError::State {
            path: config.state.directory.display().to_string(),
            error,
        })?;
        let lock = Lock::acquire(&config.state.directory)?;
        let tls = Tls::new(assemble::tls_config(&config.webhook)?);
        let (webhook_listeners, handed_over) = webhook_listeners(&Side::webhook(&config.webhook, &tls))?;
        let admin_listeners = Side::admin(&config.admin).bind()?;
        let control_listener = listening::bind_control(&config.control)?;

        let addresses =
            Addresses { webhook: addresses(&webhook_listeners), admin: addresses(&admin_listeners) };
        let store = Arc::new(Files::new(&config.state.directory));
        let journal = Journal::open(&config.state.directory, Limits::from(&config.journal));
        let journal = Arc::new(journal.map_err(StartError::Journal)?);
        let registry = Arc::new(Registry::new(store, Arc::clone(&journal)));
        registry.keep_tidy();
        let parts = Parts::of(&config, &assemble::states(&config, &registry)?, &journal);
        let first = Generation::new(1, Arc::clone(&config), parts, addresses, BTreeMap::new());
        let webhook = Webhook::new(
            first.parts.view_table(&config, &first.in_flight, &BTreeMap::new()),
            assemble::webhook_settings(&config.webhook),
            Arc::new(CallEnd { trimmer: Trimmer::start() }),
        );
        let current = Current::new(first);
        let admin = Admin::new(current.clone(), prometheus);

        let limits = ServerSettings::default();
        let webhook_server = Arc::new(Server::start(webhook_listeners, limits, webhook.handler()));
        let answering = admin.clone();
        let brief = ServerSettings {
            times: ConnectionTimes { first: ADMIN_IDLE, idle: ADMIN_IDLE, ..limits.times },
            ..limits
        };
        let admin_server = Arc::new(Server::start(admin_listeners, brief, move |request, _| {
            let answer = answering.answer(&request);
            async move { answer }
        }));

        let loader = Arc::<Loader>::default();
        let plugins = load_plugins(&current, &loader);
        let watched = Watched::new(&sources, &config);
        let site = Site {
            request,
            current: current.clone(),
            loader,
            registry: Arc::clone(&registry),
            webhook: Arc::clone(&webhook),
            webhook_server: Arc::clone(&webhook_server),
            admin_server: Arc::clone(&admin_server),
            tls,
            level,
            handed_over,
        };
        let (mut settling, summarised) = (plugins.clone(), current.clone());
        let settled = async move {
            // Where the sender is gone nothing is loading any more.
            let _settled = settling.wait_for(Option::is_some).await;
        };
        let (reloads, reloader) = Reloads::start(site, watched, settled, move || summary(&summarised.get()));

        let control = Control::new(current.clone(), reloader.clone(), Arc::clone(&registry));
        let control_server = Server::start(vec![control_listener], brief, move |request, peer| {
            let control = control.clone();
            async move { control.answer(request, peer).await }
        });
        current.get().parts.mirrors.follow();
        let app = Self {
            current,
            admin,
            webhook,
            webhook_server,
            control_server,
            admin_server,
            reloader,
            reloads,
            plugins,
            registry,
            _lock: lock,
        };
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

    /// Asks for the configuration to be read anew; what comes of it is told to the log.
    pub fn reload(&self) {
        self.reloader.ask();
    }

    /// Waits until every plugin is loaded or refused, and gives those that are refused.
    pub async fn plugins(&self) -> Arc<Vec<PluginFault>> {
        let mut loaded = self.plugins.clone();
        let faults = loaded.wait_for(Option::is_some).await.ok().and_then(|faults| faults.clone());
        faults.unwrap_or_default()
    }

    /// One line on the backends, for the service manager.
    pub fn summary(&self) -> String {
        summary(&self.current.get())
    }

    /// Whether every view can answer `/records`.
    pub fn is_ready(&self) -> bool {
        self.admin.is_ready()
    }

    /// Ends in order: not ready → new calls answered 503 → running applies waited for → plugins
    /// closed → listeners closed, the admin side last. Says whether every apply had ended.
    pub async fn stop(mut self) -> bool {
        self.reloads.stop().await;
        let generation = self.current.get();
        let (backends, grace) = (&generation.parts.backends, generation.config.shutdown.grace);
        let deadline = Instant::now() + Duration::from(grace);
        self.admin.stopping();
        self.webhook.stopping();
        service_manager::stopping();
        tracing::info!(?grace, "stopping: waiting for running applies");
        for backend in backends.values() {
            backend.stop_listing();
        }
        let answered = self.webhook.finish(left(deadline)).await;
        let closed = backends.values().map(|backend| backend.close(deadline));
        let (closed, retired) =
            tokio::join!(futures_util::future::join_all(closed), self.reloads.finish(deadline));
        self.webhook.give_up();
        // Answers that are still being read: an idle connection ends at once.
        let (sent, _) = tokio::join!(
            self.webhook_server.close(left(deadline).max(CLOSE_GRACE)),
            self.control_server.close(CLOSE_GRACE)
        );
        let complete = answered && sent && retired && closed.into_iter().all(|closed| closed);
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
        tracing::info!(socket = %self.current.get().config.control.socket.display(), "control listens");
    }
}

/// The time until a deadline.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn summary(generation: &Generation) -> String {
    let backends = &generation.parts.backends;
    let up = backends.values().filter(|backend| backend.status().state == BackendState::Up).count();
    format!("{up} of {} backends up", backends.len())
}

/// The service manager's sockets, else those of the configuration; and which of both.
fn webhook_listeners(side: &Side<'_>) -> Result<(Vec<Listener>, bool), StartError> {
    let handed_over = service_manager::sockets().map_err(StartError::Handover)?;
    if handed_over.is_empty() {
        return Ok((side.bind()?, false));
    }
    Ok((handed_over.into_iter().map(|listener| side.adopt(listener)).collect(), true))
}

fn addresses(listeners: &[Listener]) -> Vec<String> {
    listeners.iter().map(|listener| listener.address().to_string()).collect()
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

/// Loads every plugin, and starts its backend as soon as it is there.
fn load_plugins(current: &Current, loader: &Arc<Loader>) -> watch::Receiver<Option<Arc<Vec<PluginFault>>>> {
    let (sender, receiver) = watch::channel(None);
    let (current, loader) = (current.clone(), Arc::clone(loader));
    tokio::spawn(async move {
        let first = current.get();
        let starts = first.parts.backends.iter();
        let starts = starts.map(|(name, backend)| start_backend(name, backend, &first, &loader, &current));
        let started = futures_util::future::join_all(starts).await;
        let faults: Vec<PluginFault> = started.into_iter().filter_map(Result::err).collect();
        sender.send_replace(Some(Arc::new(faults)));
    });
    receiver
}

async fn start_backend(
    name: &BackendName,
    backend: &Arc<Backend>,
    generation: &Generation,
    loader: &Arc<Loader>,
    current: &Current,
) -> Result<(), PluginFault> {
    match generation::load(&generation.config, name, loader).await {
        Ok(prepared) => {
            generation.loaded(name.clone(), prepared.file);
            let refreshed = current.clone();
            backend.start(prepared.driver, move || refreshed.refresh());
            Ok(())
        }
        Err(LoadError::Refused(error)) => {
            backend.fail(BackendError::new(ErrorKind::Config, error.reason.to_string()));
            Err(PluginFault { backend: name.clone(), error })
        }
        // The other backends serve, and a reload tries this one again.
        Err(LoadError::Stuck(error)) => {
            backend.fail(BackendError::new(ErrorKind::Internal, error.reason.to_string()));
            Ok(())
        }
    }
}
