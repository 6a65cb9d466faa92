//! One connection: hyper between a watched byte stream and a handler that always answers.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::accept::Peer;
use super::activity::{Activity, ConnectionTimes, Overdue};
use super::answer::{Answer, Body};
use super::error::{self, Failure};
use super::timed_io::TimedIo;

/// The largest header block, and what hyper reads at once of a body.
pub const MAX_HEAD: usize = 64 * 1024;
/// The most header lines; ExternalDNS sends five or so, a mesh's proxies add a dozen.
const MAX_HEADER_LINES: usize = 100;
/// How much is read and thrown away after the last answer: room for a body over the limit.
const MAX_LINGER: u64 = 64 * 1024 * 1024;

/// Serves a connection to its end. Cancelling `stop` ends it after the call that is being answered.
pub async fn serve<S, H, F>(
    stream: S,
    peer: Peer,
    handler: H,
    times: ConnectionTimes,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(Request<Incoming>, Peer) -> F,
    F: Future<Output = Answer>,
{
    let activity = Activity::new();
    let watched = activity.clone();
    // In a box a handler of any type can move, which hyper's connection must.
    let handler = Box::new(handler);
    let service = service_fn(move |request| {
        watched.call();
        let answer = answer(handler(request, peer.clone()));
        let activity = watched.clone();
        async move {
            let answer = answer.await;
            Ok::<_, Infallible>(answer.map(|body| Watched { body, activity }))
        }
    });
    let io = TokioIo::new(TimedIo::new(stream, activity.clone()));
    let mut builder = http1::Builder::new();
    builder
        // Hyper's own limit counts the wait for a next request too; `Activity` tells them apart.
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(2 * MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .max_headers(MAX_HEADER_LINES);
    let mut connection = builder.serve_connection(io, service);

    let end = drive(&mut connection, &activity, &times, &stop).await;
    let mut stream = connection.into_parts().io.into_inner().into_inner();
    let last_words = match end {
        End::Over | End::Overdue(Overdue::Idle) => None,
        End::Http2 => Some(error::http_2()),
        End::Overdue(Overdue::Head) => {
            tracing::debug!("a header block was not complete in time");
            Some(error::slow_head(times.head))
        }
        End::Overdue(Overdue::Stalled) => {
            tracing::debug!(after = ?times.stalled, "a client does not take its answer");
            return;
        }
    };
    if let Some(words) = last_words
        && tokio::time::timeout(times.linger, stream.write_all(&words)).await.is_err()
    {
        return;
    }
    if !activity.ended() {
        linger(stream, &times).await;
    }
}

/// How hyper's part of a connection came to its end.
enum End {
    /// Everything was answered, or the client has gone.
    Over,
    /// The client speaks HTTP/2, to which hyper's parser says nothing.
    Http2,
    /// Something took too long.
    Overdue(Overdue),
}

/// Polls a connection until it ends, or is overdue.
async fn drive<C>(
    connection: &mut C,
    activity: &Activity,
    times: &ConnectionTimes,
    stop: &CancellationToken,
) -> End
where
    C: Drive + Unpin,
{
    let mut cancelled = pin!(stop.cancelled().fuse());
    let mut alarm = pin!(tokio::time::sleep(times.first));
    let mut idle_is_over = false;
    poll_fn(|cx| {
        if cancelled.as_mut().poll(cx).is_ready() {
            connection.finish();
        }
        loop {
            if let Poll::Ready(result) = connection.poll_end(cx) {
                let Err(error) = result else { return Poll::Ready(End::Over) };
                tracing::debug!(%error, "a connection ended early");
                let end = if error.is_parse_version_h2() { End::Http2 } else { End::Over };
                return Poll::Ready(end);
            }
            // Every event that moves the deadline happens inside the poll above.
            let Some((deadline, overdue)) = activity.deadline(times) else {
                return Poll::Pending;
            };
            if alarm.deadline() != deadline {
                alarm.as_mut().reset(deadline);
            }
            ready!(alarm.as_mut().poll(cx));
            if overdue != Overdue::Idle || idle_is_over {
                return Poll::Ready(End::Overdue(overdue));
            }
            // Hyper ends an idle connection cleanly when it is asked to; once is enough.
            idle_is_over = true;
            connection.finish();
        }
    })
    .await
}

/// What [`drive`] needs of hyper's connection, whose own type can't be named.
trait Drive {
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>>;
    fn finish(&mut self);
}

impl<I, S> Drive for http1::Connection<I, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = Watched> + Unpin,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        Pin::new(self).poll(cx)
    }

    fn finish(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

/// A handler that panics must not take the connection with it: a client that sees it break off ends.
async fn answer(handler: impl Future<Output = Answer>) -> Answer {
    let answered = AssertUnwindSafe(handler).catch_unwind().await;
    answered.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        Failure::panicked().into_answer()
    })
}

/// Closes our side and reads on for a while: with unread bytes the kernel would reset the connection,
/// and the client would lose the answer.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, times: &ConnectionTimes) {
    let read_on = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut thrown_away = vec![0; 16 * 1024];
        let mut left = MAX_LINGER;
        while let Ok(bytes @ 1..) = stream.read(&mut thrown_away).await {
            left = left.saturating_sub(bytes as u64);
            if left == 0 {
                return;
            }
        }
    };
    if tokio::time::timeout(times.linger, read_on).await.is_err() {
        tracing::debug!("a client did not close its side");
    }
}

/// An answer's body that says when it was handed over to its end.
#[derive(Debug)]
struct Watched {
    body: Body,
    activity: Activity,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.activity.answered();
    }
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
