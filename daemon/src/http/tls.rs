//! TLS in front of a connection, with certificates that can be replaced while it runs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::accept::Peer;
use super::activity::ConnectionTimes;
use super::connection::linger;
use super::error;
use super::stream::Stream;
use crate::telemetry::log_limit::LogLimit;
use crate::telemetry::metrics;

/// For a connection's first byte, and again for the rest of its handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// The most handshakes at a time; more wait their turn. Each has up to 100 KB of buffers and takes a
/// millisecond or so of a processor.
const HANDSHAKES: usize = 256;

/// Whether connections speak TLS, and as whom. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: ArcSwapOption<ServerConfig>,
    handshakes: Semaphore,
    log: LogLimit,
}

/// Why there is no TLS on a connection.
enum Unestablished {
    /// Nothing was sent.
    Silent,
    /// The first byte is that of a plain request.
    PlainHttp(TcpStream),
    /// The client does not agree, or the connection broke.
    Failed(io::Error, Option<TcpStream>),
}

impl Tls {
    /// TLS by `config`, or none.
    pub fn new(config: Option<Arc<ServerConfig>>) -> Self {
        let config = ArcSwapOption::new(config);
        Self(Arc::new(Shared { config, handshakes: Semaphore::new(HANDSHAKES), log: LogLimit::new() }))
    }

    /// Something else from the next connection on; those that are open keep what they have.
    pub fn set(&self, config: Option<Arc<ServerConfig>>) {
        self.0.config.store(config);
    }

    /// Shakes hands where that is wanted. `None`: the client has been told what was wrong, as far as
    /// it listens.
    pub(super) async fn establish(
        &self,
        stream: Stream,
        peer: &Peer,
        times: &ConnectionTimes,
    ) -> Option<Stream> {
        let Some(config) = self.0.config.load_full() else { return Some(stream) };
        let stream = match stream {
            Stream::Tcp(stream) => stream,
            other => return Some(other),
        };
        match self.handshake(stream, config).await {
            Ok(stream) => Some(Stream::Tls(Box::new(stream))),
            Err(unestablished) => {
                self.refuse(unestablished, peer, times).await;
                None
            }
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        config: Arc<ServerConfig>,
    ) -> Result<TlsStream<TcpStream>, Unestablished> {
        let mut first = [0];
        match tokio::time::timeout(HANDSHAKE_LIMIT, stream.peek(&mut first)).await {
            Err(_) | Ok(Ok(0)) => return Err(Unestablished::Silent),
            Ok(Err(error)) => return Err(Unestablished::Failed(error, None)),
            // A method begins with a letter, a TLS record with 22.
            Ok(Ok(_)) if first[0].is_ascii_alphabetic() => return Err(Unestablished::PlainHttp(stream)),
            Ok(Ok(_)) => {}
        }
        let _turn = self.0.handshakes.acquire().await;
        let shaking = TlsAcceptor::from(config).accept(stream).into_fallible();
        match tokio::time::timeout(HANDSHAKE_LIMIT, shaking).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err((error, stream))) => Err(Unestablished::Failed(error, Some(stream))),
            Err(_) => {
                let error = io::Error::new(io::ErrorKind::TimedOut, "it was not complete in time");
                Err(Unestablished::Failed(error, None))
            }
        }
    }

    async fn refuse(&self, unestablished: Unestablished, peer: &Peer, times: &ConnectionTimes) {
        let (error, stream) = match unestablished {
            Unestablished::Silent => {
                tracing::debug!("a connection without a handshake");
                return;
            }
            Unestablished::PlainHttp(mut stream) => {
                let words = error::plain_http();
                let told = tokio::time::timeout(times.linger, stream.write_all(&words)).await;
                let error = io::Error::new(io::ErrorKind::InvalidData, "the client speaks HTTP without TLS");
                (error, matches!(told, Ok(Ok(()))).then_some(stream))
            }
            Unestablished::Failed(error, stream) => (error, stream),
        };
        metrics::tls_handshake_failure();
        if let Some(suppressed) = self.0.log.line() {
            tracing::warn!(%peer, %error, suppressed, "TLS handshake failed");
        }
        // With unread bytes the client would find the connection reset, and never see the alert.
        if let Some(stream) = stream {
            linger(stream, times).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    use super::*;

    /// A server's and a client's side of one certificate.
    fn both() -> (Arc<ServerConfig>, TlsConnector) {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["zonemux.example.org".to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (Arc::new(server), Arc::new(client).into())
    }

    #[tokio::test]
    async fn beyond_the_bound_a_handshake_waits_its_turn_and_is_not_refused() {
        let (server, client) = both();
        let tls = Tls::new(Some(server));
        let all = u32::try_from(HANDSHAKES).unwrap();
        let others = tls.0.handshakes.acquire_many(all).await.unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connecting = tokio::spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            client.connect(ServerName::try_from("zonemux.example.org").unwrap(), stream).await
        });
        let (stream, peer) = listener.accept().await.unwrap();
        let (times, peer) = (ConnectionTimes::default(), Peer::Tcp(peer));
        let mut establishing = Box::pin(tls.establish(Stream::Tcp(stream), &peer, &times));
        let early = tokio::time::timeout(Duration::from_millis(100), &mut establishing).await;
        assert!(early.is_err() && !connecting.is_finished(), "nobody was answered out of turn");

        drop(others);
        assert!(matches!(establishing.await, Some(Stream::Tls(_))));
        assert!(connecting.await.unwrap().is_ok());
        assert_eq!(tls.0.handshakes.available_permits(), HANDSHAKES, "an open connection holds no turn");
    }
}
