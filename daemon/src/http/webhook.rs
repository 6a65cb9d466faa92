//! The webhook as one service: which call it is, how long it may take, and what is told of it.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONNECTION, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::accept::Peer;
use super::answer::{self, Answer, Body};
use super::attempts::Attempts;
use super::calls::{Call, Reply};
use super::error::Failure;
use super::observe::{Observer, Watch};
use super::refused_plugins::log_refused_plugin;
use super::routes::{Entry, Route, ViewTable};
use crate::view::{CallContext, CallError};

/// The webhook's limits, as configured.
#[derive(Debug, Clone, Copy)]
pub struct WebhookSettings {
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// The whole time of a call, its body included.
    pub deadline: Duration,
    /// The smallest answer that is compressed for a client that asks for it, in bytes.
    pub gzip_from: u64,
    /// Whether answers are compressed for clients on this machine as well: for a list of 30 MB both
    /// ends together spend 150 ms on it, and the loopback takes 17 ms without.
    pub gzip_local: bool,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            max_body: 32 << 20,
            deadline: Duration::from_secs(12),
            gzip_from: 256 << 10,
            gzip_local: false,
        }
    }
}

/// Names a call in the log, so that a client's report can be matched with it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// ExternalDNS's side of the daemon.
pub struct Webhook {
    views: ArcSwap<ViewTable>,
    settings: ArcSwap<WebhookSettings>,
    observer: Arc<dyn Observer>,
    attempts: Attempts,
    stopping: AtomicBool,
    /// Applies that go on when their client goes away.
    applies: TaskTracker,
    /// Every call from its header block to its answer, one that still sends its body included.
    calls: TaskTracker,
    /// Ends the wait of the calls that are left when there is no more time.
    given_up: CancellationToken,
    /// Tells the requests of this process from those of the one before.
    process: u32,
    requests: AtomicU64,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("views", &self.views)
            .field("settings", &self.settings)
            .field("stopping", &self.stopping)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// A webhook that answers for these views.
    pub fn new(views: ViewTable, settings: WebhookSettings, observer: Arc<dyn Observer>) -> Arc<Self> {
        Arc::new(Self {
            views: ArcSwap::from_pointee(views),
            settings: ArcSwap::from_pointee(settings),
            observer,
            attempts: Attempts::new(),
            stopping: AtomicBool::new(false),
            applies: TaskTracker::new(),
            calls: TaskTracker::new(),
            given_up: CancellationToken::new(),
            process: fastrand::u32(..),
            requests: AtomicU64::new(0),
        })
    }

    /// What [`Server::start`](super::Server::start) takes.
    pub fn handler(
        self: &Arc<Self>,
    ) -> impl Fn(Request<Incoming>, Peer) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Clone + use<>
    {
        let webhook = Arc::clone(self);
        move |request, peer| Box::pin(Arc::clone(&webhook).handle(request, peer))
    }

    /// Other views from the next call on; calls that are running end on the old ones.
    pub fn set_views(&self, views: ViewTable) {
        self.views.store(Arc::new(views));
    }

    /// Other limits from the next call on; calls that are running keep theirs.
    pub fn set_settings(&self, settings: WebhookSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// From now on every new call but `/healthz` is answered 503, and every answer closes its
    /// connection; they are still accepted, because a refused connection ends ExternalDNS.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Waits for every call that is being answered, and for the applies that are running, also those
    /// whose clients have gone. Says whether all have ended in time.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.calls.close();
        self.applies.close();
        let both = async { tokio::join!(self.calls.wait(), self.applies.wait()) };
        tokio::time::timeout(limit, both).await.is_ok()
    }

    /// Answers the calls that are left with 503: what they asked for may still be going on, but a broken
    /// connection would end ExternalDNS.
    pub fn give_up(&self) {
        self.given_up.cancel();
    }

    /// How many applies are running.
    pub fn running_applies(&self) -> usize {
        self.applies.len()
    }

    async fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Answer {
        if peer.is_plugin() {
            log_refused_plugin(&peer, "webhook");
            return answer::text(StatusCode::FORBIDDEN, "error: a plugin has no business here\n");
        }
        // Before `stopping` is asked: what passes it is waited for.
        let _answering = self.calls.token();
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("{:08x}-{number}", self.process);
        let views = self.views.load_full();
        let (route, entry) = views.route(request.uri().path());
        let entry = entry.cloned();
        let name = entry.as_deref().map_or("", |entry| entry.view.name());
        let span = tracing::info_span!("webhook", request_id, route = route.as_str(), view = name, %peer);
        let watch = Watch::begin(Arc::clone(&self.observer), name, route, &request);
        let settings = **self.settings.load();
        let deadline = watch.started() + settings.deadline;
        let context = CallContext { request_id: request_id.clone(), deadline };
        let head = request.method() == Method::HEAD;
        let asked = Asked { request, peer, route, entry, views, settings, context };
        let answering = async {
            let reply = match AssertUnwindSafe(self.reply(asked)).catch_unwind().await {
                Ok(Ok(reply)) => reply,
                Ok(Err(failure)) => self.failed(failure),
                Err(_) => self.failed(Failure::internal(&request_id)),
            };
            let sent = reply.answer.body().remaining();
            watch.answered(reply.answer.status(), sent, reply.plain_bytes.max(sent));
            reply.answer
        };
        let mut answer = answering.instrument(span).await;
        if head {
            answer = answer::without_body(answer);
        }
        if let Ok(request_id) = HeaderValue::try_from(request_id) {
            answer.headers_mut().insert(REQUEST_ID, request_id);
        }
        if self.stopping.load(Ordering::Acquire) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    fn failed(&self, failure: Failure) -> Reply {
        let (status, error) = (failure.status.as_u16(), failure.message());
        // While stopping, refusing is what was asked for; failed attempts have lines of their own.
        if self.stopping.load(Ordering::Acquire) || failure.status == StatusCode::UNAUTHORIZED {
            tracing::debug!(status, error, "a call failed");
        } else {
            tracing::warn!(status, error, "a call failed");
        }
        failure.into_answer().into()
    }

    async fn reply(&self, asked: Asked) -> Result<Reply, Failure> {
        let (route, method, path) = (asked.route, asked.request.method(), asked.request.uri().path());
        if self.stopping.load(Ordering::Acquire) && route != Route::Healthz {
            return Err(CallError::stopping().into());
        }
        if route == Route::Unknown && !(method == Method::OPTIONS && path == "*") {
            return Err(Failure::not_found(path, &asked.views.open_paths()));
        }
        // Before anything else is said of the path, and before the body is read.
        self.admit(&asked).await?;
        if method == Method::OPTIONS {
            return Ok(options(route).into());
        }
        if !route.takes(method) {
            return Err(Failure::method_not_allowed(method, path, route.allow()));
        }
        let Asked { request, peer, entry, settings, context, .. } = asked;
        let Some(entry) = entry else { return Ok(answer::text(StatusCode::OK, "ok\n").into()) };
        let deadline = context.deadline;
        let call = Call {
            view: Arc::clone(&entry.view),
            context,
            settings,
            applies: self.applies.clone(),
            gzip: settings.gzip_local || !peer.is_local(),
        };
        // A view's own word about its deadline comes first: it is asked before the timer is.
        let answering = tokio::time::timeout_at(deadline, call.answer(route, request));
        match self.given_up.run_until_cancelled(answering).await {
            Some(Ok(reply)) => reply,
            Some(Err(_)) => Err(Failure::deadline(settings.deadline)),
            None => Err(CallError::stopping().into()),
        }
    }

    /// Lets a request through to its view, or refuses it after a while.
    async fn admit(&self, asked: &Asked) -> Result<(), Failure> {
        let Some(Entry { view, credentials: Some(credentials), .. }) = asked.entry.as_deref() else {
            return Ok(());
        };
        let Err(refused) = credentials.check(asked.request.headers()) else { return Ok(()) };
        let deadline = asked.context.deadline;
        let waiting = self.attempts.failed(view.name(), &asked.peer, &refused, deadline);
        self.given_up.run_until_cancelled(waiting).await;
        let failure = Failure::unauthorized(&refused);
        // A body that nobody reads would stand before the connection's next request.
        Err(if asked.request.body().is_end_stream() { failure } else { failure.closing() })
    }
}

/// A request, and all that its answer depends on as it was when it came.
struct Asked {
    request: Request<Incoming>,
    peer: Peer,
    route: Route,
    /// The view that the path belongs to.
    entry: Option<Arc<Entry>>,
    views: Arc<ViewTable>,
    settings: WebhookSettings,
    context: CallContext,
}

fn options(route: Route) -> Answer {
    let mut answer = Answer::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let allow = if route == Route::Unknown { "GET, HEAD, POST, OPTIONS" } else { route.allow() };
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}
