//! A request's body: whole, within limits, or refused.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::CONTENT_ENCODING;
use tokio::time::Instant;

use super::error::Failure;

/// Why a body was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than this many bytes.
    TooLarge {
        /// The largest body that is taken.
        limit: usize,
    },
    /// It was not complete in time.
    Slow {
        /// How long it was waited for.
        limit: Duration,
    },
    /// It does not follow its own framing, or the client went away.
    Broken(String),
}

/// How much of a body is taken, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body, in bytes.
    pub bytes: usize,
    /// When the last byte must be there.
    pub until: Instant,
    /// The time that `until` leaves in all, for the message.
    pub time: Duration,
}

/// Reads a body to its end.
///
/// One that declares itself too large is refused before its first byte is asked for, so that a client
/// that waits for `100 Continue` never sends it.
pub async fn collect(mut body: Incoming, limits: Limits) -> Result<Bytes, BodyError> {
    let limit = limits.bytes;
    let declared = body.size_hint().exact();
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge { limit });
    }
    let read = async {
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| BodyError::Broken(chain(&error)))?;
            // Trailers mean nothing here.
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > limit - whole.len() {
                return Err(BodyError::TooLarge { limit });
            }
            if whole.is_empty() {
                // The pages of an empty buffer cost nothing until they are written.
                let length = declared.and_then(|length| usize::try_from(length).ok());
                whole.reserve_exact(length.unwrap_or(data.len()));
            }
            whole.extend_from_slice(&data);
        }
        Ok(Bytes::from(whole))
    };
    match tokio::time::timeout_at(limits.until, read).await {
        Ok(read) => read,
        Err(_) => Err(BodyError::Slow { limit: limits.time }),
    }
}

/// Refuses a compressed body: the protocol has none, and its JSON would look malformed.
pub fn check_encoding(headers: &HeaderMap) -> Result<(), Failure> {
    for encoding in headers.get_all(CONTENT_ENCODING) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes());
        let encoding = encoding.trim();
        if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
            return Err(Failure::content_encoding(encoding));
        }
    }
    Ok(())
}

fn chain(error: &hyper::Error) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}
