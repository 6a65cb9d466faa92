//! TLS in front of the webhook, with a real client's library.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zonemux::http::{Address, Listener, Server, ServerSettings, Tls};

use crate::authority::Authority;
use crate::client::Client;
use crate::workshop::{LOCAL, Workshop, get, post};

/// A workshop's webhook behind TLS.
struct Secured {
    workshop: Workshop,
    _server: Server,
    tls: Tls,
    address: std::net::SocketAddr,
}

impl Secured {
    fn start(config: Arc<rustls::ServerConfig>) -> Self {
        let workshop = Workshop::start();
        let tls = Tls::new(Some(config));
        let listener = Listener::bind(&Address::Tcp(LOCAL.parse().unwrap())).unwrap();
        let Address::Tcp(address) = *listener.address() else { unreachable!() };
        let listeners = vec![listener.with_tls(tls.clone())];
        let server = Server::start(listeners, ServerSettings::default(), workshop.webhook.handler());
        Self { workshop, _server: server, tls, address }
    }

    async fn plain(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn connect(&self, client: ClientConfig, name: &'static str) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name).unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, self.plain().await).await
    }
}

const NAME: &str = "zonemux.example.org";

#[tokio::test]
async fn both_versions_are_spoken_and_http_1_1_is_agreed_on() {
    let authority = Authority::new();
    let secured = Secured::start(authority.server(NAME, false));
    for (version, spoken) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut config = authority.client(&[version], false);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = secured.connect(config, NAME).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut client = Client::new(stream);
        // Several calls on one connection, a body of megabytes among them.
        client.send(get("/records")).await;
        assert_eq!(client.reply().await.status, 200);
        let padding = " ".repeat(8 << 20);
        client.send(post("/records", format!("{{}}{padding}"))).await;
        assert_eq!(client.reply().await.status, 204);
        let chunk = bytes::Bytes::from(vec![b' '; 1 << 20]);
        secured.workshop.view.behave(crate::view::Behaviour::List(vec![chunk; 8]));
        client.send(get("/records")).await;
        assert_eq!(client.reply().await.body.len(), 8 << 20);
        secured.workshop.view.behave(crate::view::Behaviour::Work);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_gets_its_answer_over_tls_too() {
    let authority = Authority::new();
    let secured = Secured::start(authority.server(NAME, false));
    let mut client = Client::new(secured.connect(authority.client(&[&TLS13], false), NAME).await.unwrap());
    client.send(post("/records", vec![b' '; 33 << 20])).await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
    assert!(client.closed().await);
}

#[tokio::test]
async fn clients_without_a_certificate_are_told_so_where_one_is_wanted() {
    let authority = Authority::new();
    let secured = Secured::start(authority.server(NAME, true));
    for version in [&TLS12, &TLS13] {
        let stream = secured.connect(authority.client(&[version], true), NAME).await.unwrap();
        let mut client = Client::new(stream);
        client.send(get("/records")).await;
        assert_eq!(client.reply().await.status, 200);

        let stranger = Authority::new().client(&[version], true);
        let mut config = authority.client(&[version], false);
        let anonymous = refusal(&secured, config.clone()).await;
        assert!(
            anonymous.contains("CertificateRequired") || anonymous.contains("HandshakeFailure"),
            "{anonymous}"
        );
        // Trusts our authority, and is certified by another.
        config.client_auth_cert_resolver = stranger.client_auth_cert_resolver;
        let of_another = refusal(&secured, config).await;
        // Both authorities have one name, so that only the signature tells them apart.
        assert!(of_another.contains("DecryptError"), "{of_another}");
    }
}

/// What a client hears that is not let in: with TLS 1.3 only after its own part of the handshake.
async fn refusal(secured: &Secured, config: ClientConfig) -> String {
    let refused = async {
        let mut stream = secured.connect(config, NAME).await?;
        stream.write_all(get("/records").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    refused.await.expect_err("no answer").to_string()
}

#[tokio::test]
async fn plain_http_is_told_to_use_tls() {
    let authority = Authority::new();
    let secured = Secured::start(authority.server(NAME, false));
    let mut client = Client::new(secured.plain().await);
    client.send(post("/records", vec![b' '; 1 << 20])).await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (400, Some("close")));
    insta::assert_snapshot!(reply.text(), @r"
    error: this port speaks TLS, and the request came without
    hint: write `https://` where the URL has `http://`
    ");
    assert!(client.closed().await);
}

#[tokio::test]
async fn what_is_neither_is_closed_and_others_are_served() {
    let authority = Authority::new();
    let secured = Secured::start(authority.server(NAME, false));
    let silent = secured.plain().await;
    for noise in [&[0x16, 3, 1, 0xff, 0xff, 0, 0, 0][..], &[0x80, 0x2e, 1, 3, 1, 0, 0, 0, 0, 0, 0]] {
        let mut stream = secured.plain().await;
        stream.write_all(noise).await.unwrap();
        let mut told = Vec::new();
        stream.read_to_end(&mut told).await.unwrap();
        assert!(told.first().is_none_or(|first| *first == 0x15), "an alert or nothing: {told:?}");
    }
    let mut client = Client::new(secured.connect(authority.client(&[&TLS13], false), NAME).await.unwrap());
    client.send(get("/records")).await;
    assert_eq!(client.reply().await.status, 200);
    drop(silent);
}

/// On a paused clock, which jumps whenever everybody waits.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_not_begun_or_not_ended_has_10_seconds() {
    let authority = Authority::new();
    let secured = Secured::start(authority.server(NAME, false));
    for begun in [&[][..], &[0x16, 3, 1, 0, 200, 1, 0]] {
        let start = tokio::time::Instant::now();
        let mut stream = secured.plain().await;
        stream.write_all(begun).await.unwrap();
        let mut told = Vec::new();
        // The second one is reset rather than closed: what it has sent was never read to its end.
        let _reset = stream.read_to_end(&mut told).await;
        let waited = start.elapsed().as_secs();
        assert!((10..=20).contains(&waited) && told.is_empty(), "{waited} s, {told:?}");
    }
}

#[tokio::test]
async fn new_certificates_hold_for_new_connections_and_no_open_one_is_dropped() {
    let authority = Authority::new();
    let secured = Secured::start(authority.server(NAME, false));
    let client = |stream| Client::new(stream);
    let mut before = client(secured.connect(authority.client(&[&TLS13], false), NAME).await.unwrap());
    before.send(get("/records")).await;
    assert_eq!(before.reply().await.status, 200);

    secured.tls.set(Some(authority.server("renamed.example.org", false)));
    let refused = secured.connect(authority.client(&[&TLS13], false), NAME).await.unwrap_err();
    assert!(refused.to_string().contains("not valid for name"), "{refused}");
    let renamed = secured.connect(authority.client(&[&TLS13], false), "renamed.example.org").await;
    let mut after = client(renamed.unwrap());
    for open in [&mut before, &mut after] {
        open.send(get("/records")).await;
        let reply = open.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (200, None));
    }

    secured.tls.set(None);
    let mut plain = Client::new(secured.plain().await);
    plain.send(get("/records")).await;
    assert_eq!(plain.reply().await.status, 200);
    before.send(get("/records")).await;
    assert_eq!(before.reply().await.status, 200);
}

#[tokio::test]
async fn a_unix_socket_stays_plain() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook.sock");
    let tls = Tls::new(Some(authority.server(NAME, false)));
    let listener = Listener::bind(&Address::Unix(path.clone())).unwrap().with_tls(tls);
    let workshop = Workshop::start();
    let _server = Server::start(vec![listener], ServerSettings::default(), workshop.webhook.handler());
    let mut client = Client::new(tokio::net::UnixStream::connect(&path).await.unwrap());
    client.send(get("/records")).await;
    assert_eq!(client.reply().await.status, 200);
}
