//! The webhook as one service: which call it is, how long it may take, and what is told of it.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::accept::Peer;
use super::answer::{self, Answer, Body};
use super::calls::{self, Reply};
use super::error::Failure;
use super::observe::{Observer, Watch};
use super::routes::{Route, ViewTable};
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
    settings: WebhookSettings,
    observer: Arc<dyn Observer>,
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
            settings,
            observer,
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
        // Before `stopping` is asked: what passes it is waited for.
        let _answering = self.calls.token();
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("{:08x}-{number}", self.process);
        let views = self.views.load_full();
        let (route, view) = views.route(request.uri().path());
        let name = view.map_or("", |view| view.name());
        let span = tracing::info_span!("webhook", request_id, route = route.as_str(), view = name, %peer);
        let watch = Watch::begin(Arc::clone(&self.observer), name, route, &request);
        let context = CallContext {
            request_id: request_id.clone(),
            deadline: watch.started() + self.settings.deadline,
        };
        let call = view.map(|view| calls::Call {
            view: Arc::clone(view),
            context,
            settings: self.settings,
            applies: self.applies.clone(),
            gzip: self.settings.gzip_local || !peer.is_local(),
        });
        let head = request.method() == Method::HEAD;
        let answering = async {
            let replying = self.reply(request, route, call, &views);
            let reply = match AssertUnwindSafe(replying).catch_unwind().await {
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
        // While stopping, refusing is what was asked for.
        if self.stopping.load(Ordering::Acquire) {
            tracing::debug!(status, error, "a call failed");
        } else {
            tracing::warn!(status, error, "a call failed");
        }
        failure.into_answer().into()
    }

    async fn reply(
        &self,
        request: Request<Incoming>,
        route: Route,
        call: Option<calls::Call>,
        views: &ViewTable,
    ) -> Result<Reply, Failure> {
        let (path, method) = (request.uri().path(), request.method());
        if self.stopping.load(Ordering::Acquire) && route != Route::Healthz {
            return Err(CallError::stopping().into());
        }
        if method == Method::OPTIONS && (route != Route::Unknown || path == "*") {
            return Ok(options(route).into());
        }
        if route == Route::Unknown {
            return Err(Failure::not_found(path, &views.paths()));
        }
        if !route.takes(method) {
            return Err(Failure::method_not_allowed(method, path, route.allow()));
        }
        let Some(call) = call else { return Ok(answer::text(StatusCode::OK, "ok\n").into()) };
        // A view's own word about its deadline comes first: it is asked before the timer is.
        let answering = tokio::time::timeout_at(call.context.deadline, call.answer(route, request));
        match self.given_up.run_until_cancelled(answering).await {
            Some(Ok(reply)) => reply,
            Some(Err(_)) => Err(Failure::deadline(self.settings.deadline)),
            None => Err(CallError::stopping().into()),
        }
    }
}

fn options(route: Route) -> Answer {
    let mut answer = Answer::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let allow = if route == Route::Unknown { "GET, HEAD, POST, OPTIONS" } else { route.allow() };
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    answer
}
