//! The read-only side: probes, metrics, a summary. Nothing here names a record.
//!
//! | Route | Answer |
//! |---|---|
//! | `GET /healthz` | 200 while the process can serve; never depends on a backend |
//! | `GET /readyz` | 200 when every view can answer `/records`, else 503; a line for each backend |
//! | `GET /metrics` | Prometheus text 0.0.4 |
//! | `GET /status` | JSON: states and counts |

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, StatusCode};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use crate::backend::BackendState;
use crate::generation::{Current, Generation};
use crate::http::{Answer, text, typed, without_body};
use crate::telemetry::metrics;

/// Prometheus's own name of its text format.
const METRICS_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// What JSON is called here.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What the admin side answers from.
#[derive(Clone)]
pub struct Admin {
    current: Current,
    stopping: Arc<AtomicBool>,
    metrics: PrometheusHandle,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("current", &self.current).finish_non_exhaustive()
    }
}

/// `/status`: bounded, and without a name of any record.
#[derive(Debug, Serialize)]
struct Summary {
    version: &'static str,
    ready: bool,
    stopping: bool,
    views: usize,
    backends: Counts,
    records: u64,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    up: usize,
    opening: usize,
    failing: usize,
    down: usize,
    closed: usize,
}

impl Admin {
    /// An admin side over whichever generation serves.
    pub fn new(current: Current, metrics: PrometheusHandle) -> Self {
        Self { current, stopping: Arc::default(), metrics }
    }

    /// From now on the daemon is not ready.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether every view can answer `/records`.
    pub fn is_ready(&self) -> bool {
        self.can_answer(&self.current.get())
    }

    fn can_answer(&self, generation: &Generation) -> bool {
        let mut backends = generation.parts.views.values().flat_map(|view| view.backends());
        !self.stopping.load(Ordering::Relaxed) && backends.all(|backend| backend.can_list())
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request<Incoming>) -> Answer {
        const ROUTES: &str = "/healthz /readyz /metrics /status";
        let answer = match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.readyz(),
            "/metrics" => {
                metrics::collect_process();
                let generation = self.current.get();
                generation.parts.safe.values().for_each(|backend| backend.set_gauges());
                let is_configured =
                    |name: &str| generation.config.backends.keys().any(|own| own.as_str() == name);
                typed(StatusCode::OK, METRICS_TYPE, metrics::render(&self.metrics, is_configured))
            }
            "/status" => self.summary(),
            _ => text(StatusCode::NOT_FOUND, format!("error: no such route\nhint: this side has {ROUTES}\n")),
        };
        match *request.method() {
            Method::GET => answer,
            Method::HEAD => without_body(answer),
            _ if answer.status() == StatusCode::NOT_FOUND => answer,
            _ => {
                let message = "error: this side is read-only\nhint: use GET\n";
                let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, message);
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                answer
            }
        }
    }

    fn readyz(&self) -> Answer {
        let mut body = String::new();
        if self.stopping.load(Ordering::Relaxed) {
            body.push_str("zonemux: stopping\n");
        }
        let generation = self.current.get();
        for (name, backend) in &generation.parts.backends {
            // Writing to a string can't fail.
            let _written = writeln!(body, "{name}: {}", backend.status().state.as_str());
        }
        let status =
            if self.can_answer(&generation) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        text(status, body)
    }

    fn summary(&self) -> Answer {
        let generation = self.current.get();
        let mut backends = Counts::default();
        let mut records = 0;
        for backend in generation.parts.backends.values() {
            let status = backend.status();
            records += status.records.unwrap_or_default();
            match status.state {
                BackendState::Up => backends.up += 1,
                BackendState::Opening => backends.opening += 1,
                BackendState::Failing => backends.failing += 1,
                BackendState::Down => backends.down += 1,
                BackendState::Closed => backends.closed += 1,
            }
        }
        json(&Summary {
            version: env!("CARGO_PKG_VERSION"),
            ready: self.can_answer(&generation),
            stopping: self.stopping.load(Ordering::Relaxed),
            views: generation.parts.views.len(),
            backends,
            records,
        })
    }
}

/// A JSON answer that ends in a newline, for a person with `curl`.
pub(crate) fn json(value: &impl Serialize) -> Answer {
    match serde_json::to_vec_pretty(value) {
        Ok(mut body) => {
            body.push(b'\n');
            typed(StatusCode::OK, JSON, Bytes::from(body))
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("error: {error}\n")),
    }
}
