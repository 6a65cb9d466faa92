//! Answers TCP (RFC 7766): one request after the other on each connection, with limits.

mod limits;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::message::{Outcome, Query, Responder, Transport, is_transfer};
use crate::shared::Shared;
use crate::signed::{self, Signer};
use crate::transfer::{self, frame, send};
pub(crate) use limits::Connections;

/// After the kernel could not give a connection, for want of descriptors say.
const PAUSE: Duration = Duration::from_millis(100);
/// Octets that wait in the system to be sent, beside those that are on their way: a few messages of a transfer.
const UNSENT: u32 = 128 * 1024;
/// Octets that are read at once: a request has a hundred, seldom more.
const READ: usize = 512;
/// The largest request. What may come in one is a name, a few options and a signature.
const LARGEST: usize = 4096;

/// Takes connections until it is stopped.
pub(crate) async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Beyond the limits it is closed at once: the client asks again, by UDP or later.
        let Some(slot) = connections.take(client.ip(), shared.settings.is_secondary(client.ip())) else {
            continue;
        };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        let connections = Arc::clone(&connections);
        tasks.spawn(async move {
            let _slot = slot;
            let mut connection = Connection::new(stream, client, shared);
            tokio::select! {
                // It ended by itself, or the client broke it.
                _ended = connection.serve(&connections) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

struct Connection {
    input: BufReader<OwnedReadHalf>,
    output: OwnedWriteHalf,
    client: SocketAddr,
    shared: Arc<Shared>,
    /// Made with the first request: most of those who never ask are up to no good.
    responder: Option<Responder>,
}

impl Connection {
    fn new(stream: TcpStream, client: SocketAddr, shared: Arc<Shared>) -> Self {
        // Each answer is sent at once, whole.
        let _delayed = stream.set_nodelay(true);
        // Without a limit the system takes megabytes for a client that does not read.
        let _unlimited = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
        let (input, output) = stream.into_split();
        Self { input: BufReader::with_capacity(READ, input), output, client, shared, responder: None }
    }

    async fn serve(&mut self, connections: &Connections) -> io::Result<()> {
        let mut request = Vec::new();
        loop {
            // The more connections there are, the sooner one that says nothing is closed.
            let patience = connections.patience(self.shared.settings.tcp.idle);
            match timeout(patience, self.read(&mut request)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) | Err(_) => return Ok(()),
                Ok(Err(error)) => return Err(error),
            }
            self.answer(&request, connections).await?;
        }
    }

    /// Reads a request; `false` where the client has said all.
    async fn read(&mut self, request: &mut Vec<u8>) -> io::Result<bool> {
        let mut length = [0; 2];
        match self.input.read_exact(&mut length).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
        let length = usize::from(u16::from_be_bytes(length));
        if length > LARGEST {
            return Ok(false);
        }
        request.resize(length, 0);
        self.input.read_exact(request).await?;
        Ok(true)
    }

    async fn answer(&mut self, request: &[u8], connections: &Connections) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let client = self.client;
        let mut responder = match self.responder.take() {
            Some(responder) => responder,
            None => Responder::new(Arc::clone(&shared.settings), shared.cookies.clone(), false),
        };
        let outcome = responder.respond(request, client, Transport::Tcp, &shared.zones.table());
        let sent = match outcome {
            Outcome::Silence | Outcome::Limited => Err(io::ErrorKind::InvalidData.into()),
            Outcome::Answer(done) => {
                shared.metrics.answered(Transport::Tcp, done);
                self.send(responder.writer.as_slice()).await
            }
            Outcome::Transfer(query) => self.transfer(&mut responder, &query, None, connections).await,
            Outcome::Signed(query) => match signed::check(&shared.keys, request) {
                Ok(signer) => self.signed(&mut responder, &query, signer, connections).await,
                Err(answer) => self.send(&answer).await,
            },
        };
        self.responder = Some(responder);
        sent
    }

    async fn signed(
        &mut self,
        responder: &mut Responder,
        query: &Query<'_>,
        mut signer: Signer,
        connections: &Connections,
    ) -> io::Result<()> {
        if is_transfer(query) {
            return self.transfer(responder, query, Some(signer), connections).await;
        }
        let outcome = {
            let table = self.shared.zones.table();
            responder.answer(query, self.client, Transport::Tcp, &table, Some(signer.key()))
        };
        if let Outcome::Answer(done) = outcome {
            self.shared.metrics.answered(Transport::Tcp, done);
            signer.sign(responder.writer.buffer_mut());
        }
        self.send(responder.writer.as_slice()).await
    }

    async fn transfer(
        &mut self,
        responder: &mut Responder,
        query: &Query<'_>,
        signer: Option<Signer>,
        connections: &Connections,
    ) -> io::Result<()> {
        // Waits for its turn; the client sees a slow server.
        let (shared, client) = (Arc::clone(&self.shared), self.client.ip());
        let _turn = connections.transfer(client).await;
        let done = transfer::over_stream(&shared, responder, query, client, signer, &mut self.output).await?;
        shared.metrics.answered(Transport::Tcp, done);
        Ok(())
    }

    async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut octets = Vec::with_capacity(message.len() + 2);
        frame(&mut octets, message)?;
        send(&mut self.output, &octets, self.shared.settings.tcp.write).await
    }
}
