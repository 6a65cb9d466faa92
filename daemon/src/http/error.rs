//! The one place that turns what went wrong into a status and a few words.
//!
//! ExternalDNS takes 500 to 510 as "try again in the next loop" and ends its process on anything else
//! that is not a success. So trouble of ours or of a backend is always 5xx, and 4xx is only for what
//! is not the protocol.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, StatusCode};

use super::answer::{self, Answer};
use super::auth::Refused;
use super::body::BodyError;
use super::media_type::{MEDIA_TYPE, Unsupported};
use crate::view::{CallError, CallErrorKind};
use crate::wire::DecodeError;

/// An answer other than success, before it is written out.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its status.
    pub status: StatusCode,
    message: String,
    hint: Cow<'static, str>,
    retry_after: Option<Duration>,
    /// What the status demands beside the words.
    beside: Option<Beside>,
    close: bool,
}

/// A header that a status demands.
#[derive(Debug, Clone, Copy)]
enum Beside {
    Allow(&'static str),
    BasicChallenge,
}

impl Failure {
    /// A failure that says what was wrong, and what to do about it.
    pub fn new(status: StatusCode, message: impl Into<String>, hint: impl Into<Cow<'static, str>>) -> Self {
        let (message, hint) = (message.into(), hint.into());
        Self { status, message, hint, retry_after: None, beside: None, close: false }
    }

    /// The same, and the connection ends with it.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// What was wrong, in a line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// No such path; the hint lists what there is.
    pub fn not_found(path: &str, prefixes: &[&str]) -> Self {
        let mut hint = "the calls are `GET /` (negotiate), `GET /records`, `POST /records`, \
                        `POST /adjustendpoints` and `GET /healthz`"
            .to_owned();
        if prefixes.iter().any(|prefix| *prefix != "/") {
            hint.push_str(", all but the last below the path of a view: ");
            for (index, prefix) in prefixes.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(hint, "{comma}`{prefix}`").expect("a string takes all");
            }
        }
        Self::new(StatusCode::NOT_FOUND, format!("nothing is at `{}`", printable(path)), hint)
    }

    /// A path that is there, with a method that it does not take.
    pub fn method_not_allowed(method: &Method, path: &str, allow: &'static str) -> Self {
        let message = format!("`{}` does not take {}", printable(path), printable(method.as_str()));
        let hint = format!("it takes {allow}");
        Self {
            beside: Some(Beside::Allow(allow)),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, message, hint)
        }
    }

    /// The view wants credentials, and the request has not the right ones.
    pub(super) fn unauthorized(refused: &Refused) -> Self {
        let message = match refused {
            Refused::Missing => "this path wants a user and a password",
            Refused::Unreadable => "the `Authorization` is not one of HTTP Basic authentication",
            Refused::Wrong { .. } => "the user or the password is not right",
        };
        let hint = "start ExternalDNS with `--webhook-provider-url=http://USER:PASSWORD@HOST:PORT/PATH`; \
                    both stand in the view's `auth` table, and in a URL all but letters, digits and `-._~` \
                    as `%` with two hexadecimal digits";
        Self { beside: Some(Beside::BasicChallenge), ..Self::new(StatusCode::UNAUTHORIZED, message, hint) }
    }

    /// The client's `Accept` leaves no room for our media type.
    pub fn not_acceptable() -> Self {
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "the request accepts none of the media types that zonemux speaks",
            format!("send `Accept: {MEDIA_TYPE}`"),
        )
    }

    /// A body in a compression that requests may not have.
    pub fn content_encoding(encoding: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("a request's body can't be compressed with `{}`", printable(encoding)),
            "send it without `Content-Encoding`",
        )
    }

    /// Something of ours broke: the log has the details.
    pub fn internal(request_id: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "zonemux failed to answer this call",
            format!("this is a fault in zonemux: its log has the details under request {request_id}"),
        )
    }

    /// The same where the call has no number.
    pub(super) fn panicked() -> Self {
        let message = "zonemux failed to answer this request";
        let hint = "this is a fault in zonemux: its log has the details";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message, hint)
    }

    /// The call's time is up, and what it waits for has not said so itself.
    pub fn deadline(deadline: Duration) -> Self {
        let message = format!("no answer within {deadline:?}");
        CallError::deadline(message).into()
    }

    /// The answer that is sent.
    pub fn into_answer(self) -> Answer {
        let hint = self.hint;
        let body = format!("error: {}\nhint: {hint}\n", self.message);
        let mut answer = answer::text(self.status, body);
        let headers = answer.headers_mut();
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up: a client shall not come early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        match self.beside {
            Some(Beside::Allow(allow)) => drop(headers.insert(ALLOW, HeaderValue::from_static(allow))),
            Some(Beside::BasicChallenge) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"zonemux\""));
            }
            None => {}
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let (status, hint) = match error.kind {
            CallErrorKind::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ExternalDNS tries again in its next loop; the log of zonemux and `zonemux status` say why",
            ),
            CallErrorKind::Deadline => (
                StatusCode::SERVICE_UNAVAILABLE,
                "what has been started goes on; ExternalDNS asks again in its next loop",
            ),
            CallErrorKind::Stopping => {
                (StatusCode::SERVICE_UNAVAILABLE, "try again once zonemux has been started again")
            }
            CallErrorKind::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "this is a fault in zonemux: its log has the details")
            }
        };
        let close = error.kind == CallErrorKind::Stopping;
        let failure = Self::new(status, error.message, hint);
        Self { retry_after: error.retry_after, close, ..failure }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        let hint = error.hint();
        Self::new(StatusCode::BAD_REQUEST, format!("the body is not what this call takes: {error}"), hint)
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {limit} bytes"),
                "raise `webhook.max_body`, or let one ExternalDNS manage fewer records",
            )
            .closing(),
            // Not 408: a starved sidecar sends slowly without a fault of its own, and a 4xx ends it.
            BodyError::Slow { limit } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the body was not complete within {limit:?}"),
                "send it in one go; `webhook.deadline` is the time for a whole call",
            )
            .closing(),
            BodyError::Broken(message) => Self::new(
                StatusCode::BAD_REQUEST,
                format!("the body can't be read: {message}"),
                "send `Content-Length`, or chunks as in RFC 9112, 7.1",
            )
            .closing(),
        }
    }
}

impl From<Unsupported> for Failure {
    fn from(unsupported: Unsupported) -> Self {
        let message = match unsupported {
            Unsupported::Version(version) => {
                format!(
                    "version {} of ExternalDNS's webhook protocol is not spoken here",
                    printable(&version)
                )
            }
            Unsupported::Other(media_type) => {
                format!("a body of type `{}` is not taken", printable(&media_type))
            }
        };
        let hint = format!("send `Content-Type: {MEDIA_TYPE}`, or `application/json`");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, hint)
    }
}

/// Our words for the answers that hyper gives to a header block that it can't read, with nothing but
/// a status. `None` for anything else.
pub(super) fn instead_of_parser(head: &[u8]) -> Option<Bytes> {
    let status = head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let status = StatusCode::from_bytes(status).ok()?;
    let (message, hint) = match status {
        StatusCode::BAD_REQUEST => ("this is not a valid HTTP/1 request", "send HTTP/1.1 as in RFC 9112"),
        StatusCode::URI_TOO_LONG => ("the request's path is too long", "the longest is 65534 bytes"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("the request's header block is too large", "send at most 64 KiB in at most 100 header lines")
        }
        _ => return None,
    };
    Some(raw(status, message, hint))
}

/// What a client gets that does not end its header block in time.
pub(super) fn slow_head(limit: Duration) -> Bytes {
    let message = format!("the request's header block was not complete within {limit:?}");
    raw(StatusCode::REQUEST_TIMEOUT, &message, "send it in one go")
}

/// What a client gets that begins with HTTP/2, as one does that was told to without asking first.
pub(super) fn http_2() -> Bytes {
    let message = "this port speaks HTTP/1.1, and the connection began with HTTP/2";
    raw(StatusCode::HTTP_VERSION_NOT_SUPPORTED, message, "have the client speak HTTP/1.1")
}

/// What a client gets that speaks plain HTTP where TLS is wanted.
pub(super) fn plain_http() -> Bytes {
    let message = "this port speaks TLS, and the request came without";
    raw(StatusCode::BAD_REQUEST, message, "write `https://` where the URL has `http://`")
}

/// An answer outside of hyper: complete, and the last one of its connection.
fn raw(status: StatusCode, message: &str, hint: &str) -> Bytes {
    let body = format!("error: {message}\nhint: {hint}\n");
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into()
}

/// A client's text in our words: short, and without control characters.
pub(super) fn printable(text: &str) -> String {
    const LIMIT: usize = 100;
    let mut printed: String = text.chars().take(LIMIT).flat_map(char::escape_debug).collect();
    if text.chars().nth(LIMIT).is_some() {
        printed.push('…');
    }
    printed
}
