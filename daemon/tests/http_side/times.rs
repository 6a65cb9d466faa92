//! How long a connection may do nothing: with the real settings on a paused clock, which hyper's own
//! timers follow too, and with short ones over a real socket.

use std::time::Duration;

use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zonemux::http::{ConnectionTimes, Peer, ServerSettings, WebhookSettings, serve, text};

use crate::client::Client;
use crate::workshop::{Workshop, get, post};

/// A connection with the default times, whose handler answers with so many bytes.
fn connection(answer: usize, buffer: usize) -> (DuplexStream, JoinHandle<()>) {
    let (client, server) = tokio::io::duplex(buffer);
    let peer = Peer::Tcp("127.0.0.1:1".parse().unwrap());
    let handler = move |_, _| async move { text(hyper::StatusCode::OK, "x".repeat(answer)) };
    let times = ServerSettings::default().times;
    (client, tokio::spawn(serve(server, peer, handler, times, CancellationToken::new())))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_pooled_connection_is_good_for_130_seconds() {
    let (stream, served) = connection(2, 1024);
    let mut client = Client::new(stream);
    client.send(get("/")).await;
    assert_eq!(client.reply().await.status, 200);
    // The wait between two requests, and after one with a body.
    for request in [get("/").into_bytes(), post("/", "{}"), get("/").into()] {
        tokio::time::sleep(seconds(129)).await;
        client.send(request).await;
        assert_eq!(client.reply().await.status, 200);
    }
    let idle_since = Instant::now();
    assert!(client.closed().await);
    assert_eq!(idle_since.elapsed().as_secs(), 130);
    drop(client);
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_says_anything_has_20_seconds() {
    let (stream, served) = connection(2, 1024);
    let start = Instant::now();
    let mut client = Client::new(stream);
    assert!(client.closed().await);
    assert_eq!(start.elapsed().as_secs(), 20);
    drop(client);
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_first_byte_in_the_last_second_is_served() {
    let (stream, _served) = connection(2, 1024);
    let mut client = Client::new(stream);
    tokio::time::sleep(seconds(19)).await;
    client.send(get("/")).await;
    assert_eq!(client.reply().await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_header_block_has_10_seconds_from_its_first_byte() {
    let (stream, served) = connection(2, 1024);
    let mut client = Client::new(stream);
    tokio::time::sleep(seconds(15)).await;
    let start = Instant::now();
    for byte in "GET / HTTP/1".bytes() {
        // The last ones come too late.
        client.try_send([byte]).await;
        tokio::time::sleep(seconds(1)).await;
    }
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
    assert_eq!(
        reply.text(),
        "error: the request's header block was not complete within 10s\nhint: send it in one go\n"
    );
    assert!(client.closed().await);
    assert!(start.elapsed() < seconds(13));
    drop(client);
    served.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_has_60_seconds() {
    let (mut stream, served) = connection(1 << 20, 1024);
    tokio::io::AsyncWriteExt::write_all(&mut stream, get("/").as_bytes()).await.unwrap();
    // Reading slowly is fine for as long as it takes.
    let mut part = [0; 1024];
    for _ in 0..20 {
        tokio::time::sleep(seconds(50)).await;
        stream.read_exact(&mut part).await.unwrap();
    }
    let start = Instant::now();
    served.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_take_longer_than_any_of_these() {
    let (client, server) = tokio::io::duplex(1024);
    let handler = |_, _| async {
        tokio::time::sleep(seconds(1000)).await;
        text(hyper::StatusCode::OK, "late")
    };
    let peer = Peer::Tcp("127.0.0.1:1".parse().unwrap());
    let times = ServerSettings::default().times;
    tokio::spawn(serve(server, peer, handler, times, CancellationToken::new()));
    let mut client = SlowClient::new(client);
    assert_eq!(client.ask("/").await, "late");
}

/// Reads without a limit of its own: the clock is paused, and jumps.
struct SlowClient(DuplexStream);

impl SlowClient {
    fn new(stream: DuplexStream) -> Self {
        Self(stream)
    }

    async fn ask(&mut self, path: &str) -> String {
        tokio::io::AsyncWriteExt::write_all(&mut self.0, get(path).as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"late") {
            let mut part = [0; 1024];
            let bytes = self.0.read(&mut part).await.unwrap();
            assert_ne!(bytes, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&part[..bytes]);
        }
        "late".to_owned()
    }
}

fn short_times() -> Workshop {
    let times = ConnectionTimes {
        first: Duration::from_millis(600),
        idle: Duration::from_millis(600),
        head: Duration::from_millis(150),
        stalled: Duration::from_millis(150),
        linger: Duration::from_secs(5),
    };
    let server = ServerSettings { times, ..ServerSettings::default() };
    Workshop::with(WebhookSettings::default(), server)
}

#[tokio::test]
async fn over_a_socket_the_idle_time_is_not_the_header_time() {
    let workshop = short_times();
    let mut client = workshop.connect().await;
    client.send(get("/healthz")).await;
    let idle_since = Instant::now();
    assert_eq!(client.reply().await.status, 200);
    assert!(client.closed().await);
    assert!(idle_since.elapsed() >= Duration::from_millis(600));
}

#[tokio::test]
async fn over_a_socket_a_slow_header_block_ends() {
    let workshop = short_times();
    let mut client = workshop.connect().await;
    client.send("GET /healthz HTTP/1.1\r\nX-Slow: ").await;
    assert_eq!(client.reply().await.status, 408);
    assert!(client.closed().await);
    assert!(workshop.still_serves().await);
}

#[tokio::test]
async fn over_a_socket_a_stalled_reader_ends() {
    let workshop = short_times();
    let answer = vec![bytes::Bytes::from(vec![b' '; 1 << 20]); 24];
    workshop.view.behave(crate::view::Behaviour::List(answer));
    let mut client = workshop.connect().await;
    client.send(get("/records")).await;
    // The only connection ends while its client sits on the answer.
    let ended = async {
        while workshop.server.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the connection ends");
    assert!(workshop.still_serves().await);
}
