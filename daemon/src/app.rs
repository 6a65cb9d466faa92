//! The running daemon: its listeners, its parts, and its orderly end.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio::time::Instant;
use zonemux_plugin::ErrorKind;

use crate::admin::Admin;
use crate::assemble::Parts;
use crate::backend::{Backend, BackendError, BackendState};
use crate::config::{self, BackendName, Config, Gzip, Listen};
use crate::control::Control;
use crate::generation::{self, Addresses, Current, Generation, LoadError, PluginFault};
use crate::http::{
    Address, ConnectionTimes, Observed, Observer, Server, ServerSettings, ViewTable, Webhook, WebhookSettings,
};
use crate::listeners::{self, StartError};
use crate::memory::Trimmer;
use crate::plugin::Loader;
use crate::service_manager;
use crate::telemetry::metrics;
use crate::view::Calls;

/// How long a probe's connection may do nothing: this port may be reached by anyone, and its slots must
/// not be held.
const ADMIN_IDLE: Duration = Duration::from_secs(10);
/// How long idle connections are waited for once everything has been answered.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// A running daemon.
#[derive(Debug)]
pub struct App {
    current: Current,
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
        let webhook_listeners = listeners::webhook(&config)?;
        let admin_listeners = listeners::bind_all("admin.listen", &config.admin.listen)?;
        let control_listener =
            listeners::bind("control.listen", &Listen::Unix(config.control.socket.clone()))?;

        let parts = Parts::of(&config);
        let webhook = Webhook::new(
            view_table(&parts),
            webhook_settings(&config.webhook),
            Arc::new(CallEnd { trimmer: Trimmer::start() }),
        );
        let addresses = Addresses {
            webhook: listeners::addresses(&webhook_listeners),
            admin: listeners::addresses(&admin_listeners),
        };
        let current = Current::new(Generation { number: 1, config, parts, addresses });
        let admin = Admin::new(current.clone(), prometheus);
        let control = Control::new(current.clone());

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
        let loaded = load_plugins(&current, &Arc::default());
        let app = Self { current, admin, webhook, webhook_server, control_server, admin_server, loaded };
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
        let generation = self.current.get();
        let backends = &generation.parts.backends;
        let up = backends.values().filter(|backend| backend.status().state == BackendState::Up).count();
        format!("{up} of {} backends up", backends.len())
    }

    /// Whether every view can answer `/records`.
    pub fn is_ready(&self) -> bool {
        self.admin.is_ready()
    }

    /// Ends in order: not ready → new calls answered 503 → running applies waited for → plugins
    /// closed → listeners closed, the admin side last. Says whether every apply had ended.
    pub async fn stop(self) -> bool {
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
        tracing::info!(socket = %self.current.get().config.control.socket.display(), "control listens");
    }
}

/// The time until a deadline.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn view_table(parts: &Parts) -> ViewTable {
    ViewTable::new(
        parts.views.values().map(|view| (view.path().to_owned(), Arc::clone(view) as Arc<dyn Calls>)),
    )
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

/// Loads every plugin, and starts its backend as soon as it is there.
fn load_plugins(current: &Current, loader: &Arc<Loader>) -> watch::Receiver<Option<Arc<Vec<PluginFault>>>> {
    let (sender, receiver) = watch::channel(None);
    let (current, loader) = (current.clone(), Arc::clone(loader));
    tokio::spawn(async move {
        let first = current.get();
        let loads = first.parts.backends.iter().map(|(name, backend)| {
            let (current, loader, config) = (current.clone(), Arc::clone(&loader), Arc::clone(&first.config));
            async move { start_backend(name, backend, &config, &loader, current).await.err() }
        });
        let faults: Vec<PluginFault> =
            futures_util::future::join_all(loads).await.into_iter().flatten().collect();
        sender.send_replace(Some(Arc::new(faults)));
    });
    receiver
}

async fn start_backend(
    name: &BackendName,
    backend: &Arc<Backend>,
    config: &Arc<Config>,
    loader: &Arc<Loader>,
    current: Current,
) -> Result<(), PluginFault> {
    match generation::load(config, name, loader).await {
        Ok(prepared) => {
            backend.start(prepared.driver, move || current.refresh());
            Ok(())
        }
        Err(LoadError::Refused(error)) => {
            backend.fail(BackendError::new(ErrorKind::Config, error.reason.to_string()));
            Err(PluginFault { backend: name.clone(), error })
        }
        // The other backends serve.
        Err(LoadError::Stuck(_)) => {
            backend.fail(BackendError::new(ErrorKind::Internal, "the plugin can't be loaded in time"));
            Ok(())
        }
    }
}
