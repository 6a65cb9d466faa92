//! What an answer is made of: a body in chunks, its length known before the first byte.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// An answer that is complete before its status line is sent.
pub type Answer = Response<Body>;

/// `Content-Type` of every answer that a person reads.
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A body in chunks that are all there already, so that a client never sees it break off.
#[derive(Debug, Default)]
pub struct Body {
    chunks: VecDeque<Bytes>,
    remaining: u64,
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The bytes that are still to be sent.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }
}

impl From<Vec<Bytes>> for Body {
    fn from(chunks: Vec<Bytes>) -> Self {
        let remaining = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks: chunks.into(), remaining }
    }
}

impl From<Bytes> for Body {
    fn from(chunk: Bytes) -> Self {
        vec![chunk].into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks.pop_front();
        Poll::Ready(chunk.map(|chunk| {
            self.remaining -= chunk.len() as u64;
            Ok(Frame::data(chunk))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

/// A short text of its own.
pub fn text(status: StatusCode, text: impl Into<Body>) -> Answer {
    typed(status, TEXT, text)
}

/// A body of a media type.
pub fn typed(status: StatusCode, media_type: HeaderValue, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    answer
}

/// The answer to `HEAD`: what `GET` would have said, without its body.
#[must_use]
pub fn without_body(answer: Answer) -> Answer {
    let (mut head, body) = answer.into_parts();
    head.headers.insert(CONTENT_LENGTH, body.remaining().into());
    Response::from_parts(head, Body::empty())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_body_says_its_length_and_gives_its_chunks_in_order() {
        let body = Body::from(vec![Bytes::from_static(b"one "), Bytes::from_static(b"two")]);
        assert_eq!(hyper::body::Body::size_hint(&body).exact(), Some(7));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "one two");
    }

    #[test]
    fn an_answer_to_head_keeps_the_length() {
        let answer = without_body(text(StatusCode::OK, "four"));
        assert_eq!(answer.headers()[CONTENT_LENGTH], "4");
        assert_eq!(answer.body().remaining(), 0);
    }
}
