//! Accepting connections, whatever `accept` says.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::listen::{Listener, ListenerSocket, StdSocket};
use super::plugin_peer::{self, PluginPeer};
use super::stream::Stream;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Somebody over TCP.
    Tcp(SocketAddr),
    /// A process of this machine, as the kernel knows it (`SO_PEERCRED`).
    Unix {
        /// Its process, where the kernel says so.
        pid: Option<i32>,
        /// Its user.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Where it was a plugin's process that connected, or a program that one started.
        plugin: Option<PluginPeer>,
    },
}

impl Peer {
    /// Whether the bytes never leave this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix { .. } => true,
        }
    }

    /// Whether it is known to be a plugin's process, or a program that one started.
    pub fn is_plugin(&self) -> bool {
        matches!(self, Self::Unix { plugin: Some(_), .. })
    }

    /// The backend whose process it is, where it can be told.
    pub fn backend(&self) -> Option<&Arc<str>> {
        match self {
            Self::Unix { plugin: Some(plugin), .. } => plugin.backend.as_ref(),
            _ => None,
        }
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { pid: Some(pid), uid, .. } => write!(f, "unix(pid {pid}, uid {uid})"),
            Self::Unix { pid: None, uid, .. } => write!(f, "unix(uid {uid})"),
        }
    }
}

/// Where connections come from.
pub trait Acceptor: Send + 'static {
    /// A connection's byte stream.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;
}

impl Acceptor for Listener {
    type Stream = Stream;

    async fn accept(&mut self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            ListenerSocket::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok(over_tcp(stream, address))
            }
            ListenerSocket::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                over_unix(stream)
            }
        }
    }
}

fn over_tcp(stream: TcpStream, address: SocketAddr) -> (Stream, Peer) {
    // Answers are written whole: waiting for more to send would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    (Stream::Tcp(stream), Peer::Tcp(address))
}

fn over_unix(stream: UnixStream) -> io::Result<(Stream, Peer)> {
    let credentials = stream.peer_cred()?;
    let (pid, uid, gid) = (credentials.pid(), credentials.uid(), credentials.gid());
    // Once for all of its requests: whoever connected stays who it was.
    let plugin = pid.and_then(|pid| plugin_peer::find(pid, uid));
    Ok((Stream::Unix(stream), Peer::Unix { pid, uid, gid, plugin }))
}

/// Closes a listener, and gives the connections that its clients have made and nobody has accepted
/// yet: the kernel would reset them.
pub(super) fn last_connections(listener: Listener) -> Vec<(Stream, Peer)> {
    let Ok(socket) = listener.into_socket() else { return Vec::new() };
    std::iter::from_fn(|| match &socket {
        StdSocket::Tcp(listener) => {
            let (stream, address) = listener.accept().ok()?;
            let of_tokio = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            Some(of_tokio.map(|stream| over_tcp(stream, address)))
        }
        StdSocket::Unix(listener) => {
            let (stream, _) = listener.accept().ok()?;
            let of_tokio = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
            Some(of_tokio.and_then(over_unix))
        }
    })
    .flatten()
    .collect()
}

/// The first wait after `accept` failed for want of something; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often a failing `accept` is worth a line in the log.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// Hands every connection to `serve`, for ever: the caller drops the future to stop.
///
/// A connection is accepted only while one of `slots` is free; the others wait in the kernel's queue,
/// where they cost nothing. A server that ended on a failing `accept` could be stopped by anybody who
/// opens connections until the descriptors run out.
pub async fn accept_all<A: Acceptor>(
    acceptor: &mut A,
    slots: Arc<Semaphore>,
    mut serve: impl FnMut(A::Stream, Peer, OwnedSemaphorePermit),
) {
    let mut wait = FIRST_WAIT;
    let mut logged: Option<Instant> = None;
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        match acceptor.accept().await {
            Ok((stream, peer)) => {
                wait = FIRST_WAIT;
                serve(stream, peer, slot);
            }
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(%error, "a connection ended before it was accepted");
            }
            Err(error) => {
                if logged.is_none_or(|last| last.elapsed() >= LOG_EVERY) {
                    tracing::error!(%error, retry_after = ?wait, "no connection can be accepted");
                    logged = Some(Instant::now());
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

/// Whether an error concerns the connection that came, not those that will come.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | NotConnected
    )
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::io::DuplexStream;

    use super::*;

    /// Fails as it is told, then gives one connection, then waits for ever.
    struct Script(VecDeque<io::Error>, bool);

    impl Acceptor for Script {
        type Stream = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, Peer)> {
            if let Some(error) = self.0.pop_front() {
                return Err(error);
            }
            if std::mem::replace(&mut self.1, true) {
                std::future::pending::<()>().await;
            }
            Ok((tokio::io::duplex(1).0, Peer::Tcp("127.0.0.1:1".parse().unwrap())))
        }
    }

    /// Runs a script until its connection is served, and says how long that took.
    async fn time_until_served(errors: Vec<io::Error>) -> Duration {
        let start = Instant::now();
        let (served, mut was_served) = tokio::sync::mpsc::unbounded_channel();
        let slots = Arc::new(Semaphore::new(1));
        let mut script = Script(errors.into(), false);
        let accepting = accept_all(&mut script, slots, |_, _, slot| {
            served.send(slot).unwrap();
        });
        tokio::select! {
            () = accepting => unreachable!("accepting never ends by itself"),
            _ = was_served.recv() => start.elapsed(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_breaks_costs_no_time() {
        let errors = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
        assert_eq!(time_until_served(errors.map(Into::into).into()).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn without_descriptors_it_backs_off_and_goes_on() {
        // EMFILE and ENFILE, again and again.
        let errors = [24, 23, 24, 24, 24, 24].map(io::Error::from_raw_os_error);
        let waited = time_until_served(errors.into()).await;
        let expected = [100, 200, 400, 800, 1000, 1000].iter().sum();
        let slack = Duration::from_millis(20);
        assert!(waited.abs_diff(Duration::from_millis(expected)) < slack, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_cap_connections_wait_unaccepted() {
        let slots = Arc::new(Semaphore::new(0));
        let (served, mut was_served) = tokio::sync::mpsc::unbounded_channel();
        let of_slots = Arc::clone(&slots);
        let accepting = tokio::spawn(async move {
            let mut script = Script(VecDeque::new(), false);
            accept_all(&mut script, of_slots, |_, _, slot| served.send(slot).unwrap()).await;
        });
        tokio::task::yield_now().await;
        assert!(was_served.try_recv().is_err());
        slots.add_permits(1);
        assert!(was_served.recv().await.is_some());
        accepting.abort();
    }
}
