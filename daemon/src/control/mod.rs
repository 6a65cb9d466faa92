//! The side that the command line talks to, over a unix socket: it may name what the admin side
//! must not. Every request is logged with the peer's process and user.
//!
//! | Route | Answer |
//! |---|---|
//! | `GET /status` | [`Status`]: views, backends, their last errors |
//! | `GET /probe` | [`Probe`]s: each backend asked and listed anew |
//! | `GET /history?name=…&from=…` | [`HistoryPage`]: lines of the journal from a place on |
//! | `POST /reload` | [`Outcome`]: what came of reading the configuration anew |

mod client;
mod history;
pub mod ownership;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use client::{ControlError, get, post, send};
pub use history::{HistoryPage, route as history_route};

use crate::admin::json;
use crate::backend::{Backend, BackendStatus};
use crate::generation::Current;
use crate::http::{Answer, Peer, text};
use crate::journal;
use crate::reload::{Outcome, Reloader};

/// How long a probe may take.
pub const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// `GET /status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started, in seconds since 1970.
    pub started_at: u64,
    /// How many configurations have served since then, the one that serves now included.
    pub generation: u64,
    /// What came of the last attempt to read the configuration.
    pub reload: Outcome,
    /// Where ExternalDNS finds it.
    pub webhook: Vec<String>,
    /// Where probes and metrics are.
    pub admin: Vec<String>,
    /// Its views.
    pub views: Vec<ViewStatus>,
    /// Its backends.
    pub backends: Vec<BackendStatus>,
}

/// A view in [`Status`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ViewStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its path prefix.
    pub path: String,
    /// The names of its backends.
    pub backends: Vec<String>,
}

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
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What the control side answers from.
#[derive(Debug, Clone)]
pub struct Control {
    current: Current,
    reloader: Reloader,
    started: SystemTime,
}

impl Control {
    /// A control side over whichever generation serves.
    pub fn new(current: Current, reloader: Reloader) -> Self {
        Self { current, reloader, started: SystemTime::now() }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Answer {
        let path = request.uri().path();
        tracing::info!(%peer, method = %request.method(), path, "control request");
        let method = match path {
            "/status" | "/probe" | "/history" => Method::GET,
            "/reload" => Method::POST,
            _ => {
                let message = "error: no such route\nhint: is `zonemux` of the same version as the daemon?\n";
                return text(StatusCode::NOT_FOUND, message);
            }
        };
        if request.method() != method {
            let message = format!("error: wrong method\nhint: use {method}\n");
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, message);
            let allow = if method == Method::GET { "GET" } else { "POST" };
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
            return answer;
        }
        match path {
            "/status" => json(&self.status()),
            "/history" => {
                let journal = journal::folder(&self.current.get().config.state.directory);
                history::answer(journal, request.uri().query()).await
            }
            "/probe" => json(&probe(self.current.get().parts.backends.values()).await),
            _ => match self.reloader.reload().await {
                Some(outcome) => json(&*outcome),
                None => text(StatusCode::SERVICE_UNAVAILABLE, "error: the daemon is stopping\n"),
            },
        }
    }

    fn status(&self) -> Status {
        let generation = self.current.get();
        let views = generation.parts.views.iter().map(|(name, view)| ViewStatus {
            name: name.as_str().to_owned(),
            path: view.path().to_owned(),
            backends: view.backends().iter().map(|backend| backend.name().to_owned()).collect(),
        });
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: self.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            generation: generation.number,
            reload: Outcome::clone(&self.reloader.last()),
            webhook: generation.addresses.webhook.clone(),
            admin: generation.addresses.admin.clone(),
            views: views.collect(),
            backends: generation.parts.backends.values().map(|backend| backend.status()).collect(),
        }
    }
}

/// Asks every backend whether it works, and lists it.
pub async fn probe(backends: impl Iterator<Item = &Arc<Backend>>) -> Vec<Probe> {
    join_all(backends.map(|backend| async move {
        let started = Instant::now();
        let deadline = started + PROBE_LIMIT;
        let records = async {
            backend.check(deadline).await?;
            backend.list("probe", deadline, |_| {}).await.map(|list| list.json.count as u64)
        };
        let (records, error) = match records.await {
            Ok(records) => (Some(records), None),
            Err(error) => (None, Some(error.message)),
        };
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Probe { backend: backend.name().to_owned(), records, error, took_ms }
    }))
    .await
}
