//! The byte stream under hyper: tells [`Activity`] what goes through, and puts words to the answers
//! that hyper's parser gives on its own.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::error;

/// A stream whose progress is watched.
#[derive(Debug)]
pub(super) struct TimedIo<S> {
    stream: S,
    activity: Activity,
    /// Our words instead of the parser's answer, and the length of what they replace.
    instead: Option<(Bytes, usize)>,
}

impl<S> TimedIo<S> {
    pub(super) fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity, instead: None }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncWrite + Unpin> TimedIo<S> {
    /// Sends our own words where hyper refuses a header block with an empty body. Hyper's bytes count
    /// as written once ours are.
    fn poll_instead(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Option<io::Result<usize>>> {
        if self.instead.is_none() && self.activity.between_calls() {
            self.instead = error::instead_of_parser(bytes).map(|answer| (answer, bytes.len()));
        }
        let Some((answer, length)) = &mut self.instead else {
            return Poll::Ready(None);
        };
        while answer.has_remaining() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, answer)) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::WriteZero.into()))),
                Ok(written) => answer.advance(written),
                Err(failure) => return Poll::Ready(Some(Err(failure))),
            }
        }
        let length = *length;
        self.instead = None;
        Poll::Ready(Some(Ok(length)))
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.activity.wrote(written.is_ready());
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if read.is_ok() && room > 0 {
            self.activity.read(buffer.filled().len() - before);
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(written) = ready!(self.poll_instead(cx, bytes)) {
            return Poll::Ready(written);
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.first().map_or(&[][..], |slice| slice);
        if let Some(written) = ready!(self.poll_instead(cx, first)) {
            return Poll::Ready(written);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        if flushed.is_ok() {
            self.activity.flushed();
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
