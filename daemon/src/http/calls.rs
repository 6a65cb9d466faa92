//! ExternalDNS's four calls: read from HTTP, put to a view, written as HTTP.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HeaderValue, VARY};
use hyper::{HeaderMap, Method, Request, StatusCode};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::answer::{self, Answer, Body};
use super::body::{self, Limits};
use super::compress;
use super::error::Failure;
use super::media_type::{self, MEDIA_TYPE_VALUE};
use super::routes::Route;
use super::webhook::WebhookSettings;
use crate::view::{CallContext, CallError, Calls, Chunks};
use crate::wire::{self, DecodeError};

/// Bodies above this size are decoded and compressed off the runtime's own threads: 64 KiB take some
/// 0.2 ms, and a larger one would hold up every other connection of its thread.
const INLINE: usize = 64 * 1024;

/// Newer ExternalDNS takes no answer above this size.
const LARGEST_TAKEN: u64 = 32 << 20;

/// One call of one view.
pub(super) struct Call {
    pub(super) view: Arc<dyn Calls>,
    pub(super) context: CallContext,
    pub(super) settings: WebhookSettings,
    pub(super) applies: TaskTracker,
    /// Whether a large answer may be compressed for this client.
    pub(super) gzip: bool,
}

/// An answer, and how long its body was before it was compressed.
pub(super) struct Reply {
    pub(super) answer: Answer,
    pub(super) plain_bytes: u64,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        let plain_bytes = answer.body().remaining();
        Self { answer, plain_bytes }
    }
}

impl Call {
    /// Answers a call of a route that takes its method.
    pub(super) async fn answer(self, route: Route, request: Request<Incoming>) -> Result<Reply, Failure> {
        match (route, request.method() == Method::POST) {
            (Route::Negotiate, _) => self.negotiate(request.headers()).map(Reply::from),
            (Route::Records, true) => self.apply(request).await.map(Reply::from),
            (Route::Records, false) => self.records(request.headers()).await,
            (Route::Adjust, _) => self.adjust(request).await,
            (Route::Healthz | Route::Unknown, _) => Err(Failure::internal(&self.context.request_id)),
        }
    }

    fn negotiate(&self, headers: &HeaderMap) -> Result<Answer, Failure> {
        if !media_type::accepts(headers) {
            return Err(Failure::not_acceptable());
        }
        let zones = self.view.zones()?;
        if zones.is_empty() {
            // Without a filter ExternalDNS would manage every zone that there is.
            return Err(CallError::unavailable("no zone is known yet").into());
        }
        Ok(answer::typed(StatusCode::OK, MEDIA_TYPE_VALUE, wire::domain_filter(&zones)))
    }

    async fn records(self, headers: &HeaderMap) -> Result<Reply, Failure> {
        let gzip = self.gzip && compress::wants_gzip(headers);
        let records = self.view.clone().records(self.context.clone()).await?;
        self.list(records, gzip).await
    }

    async fn adjust(self, request: Request<Incoming>) -> Result<Reply, Failure> {
        let gzip = self.gzip && compress::wants_gzip(request.headers());
        let endpoints = self.decode(request, wire::endpoints).await?;
        let adjusted = self.view.clone().adjust(self.context.clone(), endpoints).await?;
        self.list(adjusted, gzip).await
    }

    /// Applies in a task of its own: a client that goes away has still asked for its changes, and half
    /// of them would be worse than all. [`Webhook::finish`](super::Webhook::finish) waits for it.
    async fn apply(self, request: Request<Incoming>) -> Result<Answer, Failure> {
        let changes = self.decode(request, wire::changes).await?;
        let request_id = self.context.request_id.clone();
        let (view, context) = (self.view, self.context);
        let applying = async move {
            let applied = AssertUnwindSafe(async { view.apply(context, changes).await }).catch_unwind().await;
            tracing::debug!(done = matches!(applied, Ok(Ok(()))), "an apply has ended");
            applied
        };
        match self.applies.spawn(applying.in_current_span()).await {
            Ok(Ok(applied)) => applied?,
            Ok(Err(_)) | Err(_) => return Err(Failure::internal(&request_id)),
        }
        let mut answer = Answer::new(Body::empty());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        Ok(answer)
    }

    async fn decode<T: Send + 'static>(
        &self,
        request: Request<Incoming>,
        decode: fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, Failure> {
        media_type::check_content_type(request.headers())?;
        body::check_encoding(request.headers())?;
        let (bytes, time) = (self.settings.max_body, self.settings.deadline);
        let limits = Limits { bytes, until: self.context.deadline, time };
        let body = body::collect(request.into_body(), limits).await?;
        if body.len() <= INLINE {
            return Ok(decode(&body)?);
        }
        let decoded = tokio::task::spawn_blocking(move || decode(&body)).await;
        Ok(decoded.map_err(|_| Failure::internal(&self.context.request_id))??)
    }

    async fn list(self, chunks: Chunks, gzip: bool) -> Result<Reply, Failure> {
        let plain_bytes = length(&chunks);
        if plain_bytes > LARGEST_TAKEN {
            tracing::warn!(
                bytes = plain_bytes,
                limit = LARGEST_TAKEN,
                "newer versions of ExternalDNS refuse an answer of this size"
            );
        }
        let gzip = gzip && plain_bytes >= self.settings.gzip_from;
        let chunks = if gzip {
            let compressed = tokio::task::spawn_blocking(move || compress::gzip(&chunks)).await;
            match compressed {
                Ok(Ok(compressed)) => compressed,
                Ok(Err(_)) | Err(_) => return Err(Failure::internal(&self.context.request_id)),
            }
        } else {
            chunks
        };
        let mut answer = answer::typed(StatusCode::OK, MEDIA_TYPE_VALUE, chunks);
        let headers = answer.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(Reply { answer, plain_bytes })
    }
}

fn length(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}
