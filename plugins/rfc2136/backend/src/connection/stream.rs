//! Messages over a stream, each behind its length (RFC 1035, section 4.2.2).

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// What is read at once: a message of a transfer, mostly.
const BUFFER: usize = 64 * 1024;

/// TCP, or TLS over it.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// A connection to a server.
pub(crate) struct Connection {
    stream: BufReader<Box<dyn Duplex>>,
    limit: Duration,
    /// When it was used last.
    pub(super) used: Instant,
    /// The position of its server among those of the settings.
    pub(super) server: usize,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Duplex>, limit: Duration, server: usize) -> Self {
        Self { stream: BufReader::with_capacity(BUFFER, stream), limit, used: Instant::now(), server }
    }

    /// Whether it can be used again: the server has neither closed it nor sent what nobody asked for.
    pub(super) fn is_alive(&mut self) -> bool {
        self.stream.buffer().is_empty() && self.stream.fill_buf().now_or_never().is_none()
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u16::try_from(message.len())
            .map_err(|_| io::Error::other("a message of more than 65535 octets"))?;
        // In one piece: some servers take what comes first for the whole.
        let frame = [&length.to_be_bytes()[..], message].concat();
        let stream = self.stream.get_mut();
        let send = async {
            stream.write_all(&frame).await?;
            stream.flush().await
        };
        timeout(self.limit, send).await.map_err(|_| silent(self.limit))?
    }

    /// Receives the next message.
    pub(super) async fn receive(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        let stream = &mut self.stream;
        let receive = async {
            let length = stream.read_u16().await?;
            to.clear();
            to.resize(length.into(), 0);
            stream.read_exact(to).await
        };
        let received = timeout(self.limit, receive).await.map_err(|_| silent(self.limit))?;
        received.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(error.kind(), "it closed the connection before its answer was whole")
            }
            _ => error,
        })?;
        self.used = Instant::now();
        Ok(())
    }
}

fn silent(limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {limit:?}"))
}

/// Connects by TCP, from an address where one is set.
pub(super) async fn connect(
    address: SocketAddr,
    source: Option<IpAddr>,
    limit: Duration,
) -> io::Result<TcpStream> {
    let connect = async {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(source) = source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    timeout(limit, connect)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {limit:?}")))?
}
