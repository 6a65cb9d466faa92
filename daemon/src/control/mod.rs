//! The side that the command line talks to, over a unix socket: it may name what the admin side
//! must not. Every request is logged with the peer's process and user.
//!
//! | Route | Answer |
//! |---|---|
//! | `GET /status` | [`Status`]: views, backends, their last errors |
//! | `GET /probe` | [`Probe`]s: each backend asked and listed anew |
//! | `GET /history?name=…&from=…` | [`HistoryPage`]: lines of the journal from a place on |
//! | `GET /records?backend=…`, `?view=…` | a list of endpoints, as ExternalDNS gets it |
//! | `POST /plan?view=…` | [`Reported`](crate::view::Reported): what would become of the changes in the body |
//! | `POST /apply?view=…&allow_deletes=…` | [`Reported`](crate::view::Reported): what became of them |
//! | `GET`, `POST /release?backend=…` | [`Release`](crate::safety::Release): what is held; `POST` grants it |
//! | `GET`, `POST /ownership` | see [`ownership`] |
//! | `POST /reload` | [`Outcome`]: what came of reading the configuration anew |

mod apply;
mod arguments;
mod client;
mod fault;
mod history;
pub mod ownership;
mod plan;
mod records;
mod release;
mod status;
mod work;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use client::{ControlError, get, post, send};
pub use history::{HistoryPage, route as history_route};
pub use status::{SafeStatus, Status, ViewStatus};
pub use work::{LARGEST_CHANGES, Work, WorkRoute, longest};

use crate::admin::json;
use crate::backend::{Backend, BackendError, ListResult};
use crate::generation::Current;
use crate::http::{Answer, BodyError, Limits, Peer, collect, log_refused_plugin, text};
use crate::journal;
use crate::reload::{Outcome, Reloader};
use crate::safety::Registry;

/// How long a probe may take.
pub const PROBE_LIMIT: Duration = Duration::from_secs(60);
/// How long a body may take to arrive over a local socket.
const BODY_LIMIT: Duration = Duration::from_secs(30);

/// Every route with the methods that it takes.
const ROUTES: [(&str, &str); 9] = [
    ("/status", "GET"),
    ("/probe", "GET"),
    ("/history", "GET"),
    ("/records", "GET"),
    ("/plan", "POST"),
    ("/apply", "POST"),
    ("/release", "GET, POST"),
    ("/reload", "POST"),
    ("/ownership", "GET, POST"),
];

/// What came of asking a backend.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Probe {
    /// Its name in the configuration.
    pub backend: String,
    /// How many records it listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What its plugin said of itself meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What the control side answers from.
#[derive(Debug, Clone)]
pub struct Control {
    current: Current,
    reloader: Reloader,
    registry: Arc<Registry>,
    started: SystemTime,
}

impl Control {
    /// A control side over whichever generation serves, and over what is remembered of backends.
    pub fn new(current: Current, reloader: Reloader, registry: Arc<Registry>) -> Self {
        Self { current, reloader, registry, started: SystemTime::now() }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        let path = request.uri().path().to_owned();
        if peer.is_plugin() {
            log_refused_plugin(&peer, "control");
            return text(StatusCode::FORBIDDEN, "error: a plugin has no business here\n");
        }
        tracing::info!(%peer, method = %request.method(), path, "control request");
        let Some((_, methods)) = ROUTES.iter().find(|(route, _)| *route == path) else {
            let message = "error: no such route\nhint: is `zonemux` of the same version as the daemon?\n";
            return text(StatusCode::NOT_FOUND, message);
        };
        if !methods.split(", ").any(|method| method == request.method().as_str()) {
            let message = format!("error: wrong method\nhint: use {}\n", methods.replace(", ", " or "));
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, message);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
            return answer;
        }
        match &*path {
            "/status" => self.status().await,
            "/probe" => json(&probe(self.current.get().parts.backends.values()).await),
            "/history" => {
                let journal = journal::folder(&self.current.get().config.state.directory);
                history::answer(journal, request.uri().query()).await
            }
            "/reload" => match self.reloader.reload().await {
                Some(outcome) => json(&*outcome),
                None => text(StatusCode::SERVICE_UNAVAILABLE, "error: the daemon is stopping\n"),
            },
            "/ownership" => ownership::answer(Arc::clone(&self.registry) as _, request).await,
            _ => match work(request).await {
                Ok(work) => work.run(&self.current.get().parts).await,
                Err(answer) => answer,
            },
        }
    }

    async fn status(&self) -> Answer {
        let generation = self.current.get();
        let asked = Arc::clone(&generation);
        // Tables are locked while they are written.
        let told =
            tokio::task::spawn_blocking(move || (ViewStatus::of(&asked.parts), SafeStatus::of(&asked.parts)));
        let Ok((views, backends)) = told.await else {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "error: asking for the status broke off\n");
        };
        json(&Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: self.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            generation: generation.number,
            reload: Outcome::clone(&self.reloader.last()),
            webhook: generation.addresses.webhook.clone(),
            admin: generation.addresses.admin.clone(),
            views,
            backends,
        })
    }
}

/// A request that needs nothing but backends and views.
async fn work(request: Request<Incoming>) -> Result<Work, Answer> {
    let path = request.uri().path();
    let route =
        WorkRoute::ALL.into_iter().find(|route| route.path() == path && route.method() == request.method());
    let Some(route) = route else {
        return Err(text(StatusCode::NOT_FOUND, "error: no such route\n"));
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = if route.takes_changes() { changes_file(request.into_body()).await? } else { Bytes::new() };
    Ok(Work { route, query, body })
}

async fn changes_file(body: Incoming) -> Result<Bytes, Answer> {
    let until = Instant::now() + BODY_LIMIT;
    let limits = Limits { bytes: LARGEST_CHANGES, until, time: BODY_LIMIT };
    collect(body, limits).await.map_err(|error| match error {
        BodyError::TooLarge { limit } => {
            let message = format!("error: the changes file has more than {limit} bytes\nhint: split it\n");
            text(StatusCode::PAYLOAD_TOO_LARGE, message)
        }
        BodyError::Slow { limit } => {
            text(StatusCode::REQUEST_TIMEOUT, format!("error: the changes did not arrive within {limit:?}\n"))
        }
        BodyError::Broken(error) => {
            text(StatusCode::BAD_REQUEST, format!("error: the changes can't be read: {error}\n"))
        }
    })
}

/// Asks every backend whether it works, and lists it.
pub async fn probe(backends: impl Iterator<Item = &Arc<Backend>>) -> Vec<Probe> {
    join_all(backends.map(|backend| async move {
        let started = Instant::now();
        let deadline = started + PROBE_LIMIT;
        let records = async {
            let notes = backend.check(deadline).await?;
            let list = backend.list("probe", deadline, || Ok(|_: &ListResult| {})).await?;
            Ok::<_, BackendError>((list.json.count as u64, notes))
        };
        let (records, notes, error) = match records.await {
            Ok((records, notes)) => (Some(records), notes, None),
            Err(error) => (None, Vec::new(), Some(error.message)),
        };
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Probe { backend: backend.name().to_owned(), records, error, notes, took_ms }
    }))
    .await
}
