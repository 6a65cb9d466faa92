//! What is told about every call: to the metrics by a hook, to the log by a line.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Body;
use hyper::{Method, Request, StatusCode};
use tokio::time::Instant;

use super::routes::Route;

/// Is told of every call when it is over.
pub trait Observer: Send + Sync + 'static {
    /// A call is over.
    fn request(&self, call: &Observed<'_>);
}

/// Nobody is told.
impl Observer for () {
    fn request(&self, _: &Observed<'_>) {}
}

/// A call that is over. Every text is one of a bounded set but the view's name, of which the
/// configuration decides.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Empty where the path is of no view.
    pub view: &'a str,
    /// The path below the view, or `unknown`.
    pub route: &'static str,
    /// The method, or `other`.
    pub method: &'static str,
    /// The answer's status; [`CLIENT_GONE`] where there was none.
    pub status: u16,
    /// From the end of the request's header block to its answer.
    pub duration: Duration,
    /// The request's body, where its length was said before.
    pub request_bytes: u64,
    /// The body as it was sent; of `HEAD`, what it would have been.
    pub response_bytes: u64,
    /// The body before it was compressed.
    pub plain_bytes: u64,
}

/// Stands for a status where the client went away before its answer (as in nginx's logs).
pub const CLIENT_GONE: u16 = 499;

/// Watches one call to its end, which may be that its client goes away and the call is dropped.
pub(super) struct Watch {
    observer: Arc<dyn Observer>,
    view: String,
    route: Route,
    method: &'static str,
    request_bytes: u64,
    started: Instant,
    over: bool,
}

impl Watch {
    pub(super) fn begin<B: Body>(
        observer: Arc<dyn Observer>,
        view: &str,
        route: Route,
        request: &Request<B>,
    ) -> Self {
        let request_bytes = request.body().size_hint().lower();
        let method = match *request.method() {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::OPTIONS => "OPTIONS",
            Method::PUT => "PUT",
            Method::DELETE => "DELETE",
            Method::PATCH => "PATCH",
            _ => "other",
        };
        let started = Instant::now();
        Self { observer, view: view.to_owned(), route, method, request_bytes, started, over: false }
    }

    /// When the call began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// The call was answered.
    pub(super) fn answered(mut self, status: StatusCode, sent: u64, plain: u64) {
        self.over = true;
        let duration = self.tell(status.as_u16(), sent, plain);
        tracing::debug!(status = status.as_u16(), ?duration, bytes = sent, "answered");
    }

    fn tell(&self, status: u16, response_bytes: u64, plain_bytes: u64) -> Duration {
        let duration = self.started.elapsed();
        let (view, route, method) = (self.view.as_str(), self.route.as_str(), self.method);
        self.observer.request(&Observed {
            view,
            route,
            method,
            status,
            duration,
            request_bytes: self.request_bytes,
            response_bytes,
            plain_bytes,
        });
        duration
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.over {
            let duration = self.tell(CLIENT_GONE, 0, 0);
            tracing::debug!(?duration, "the client went away before its answer");
        }
    }
}
