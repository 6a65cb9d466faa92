//! Listeners that are replaced while their clients are at work.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::net::TcpStream;
use zonemux::http::{Address, Listener, SOCKET_MODE, Server, ServerSettings, WebhookSettings};

use crate::client::Client;
use crate::view::{Behaviour, Event};
use crate::workshop::{LOCAL, Workshop, get, post};

fn any_port() -> Address {
    Address::Tcp(LOCAL.parse().unwrap())
}

fn bind(address: &Address) -> io::Result<Option<Listener>> {
    Listener::bind(address).map(Some)
}

fn port(server: &Server, index: usize) -> SocketAddr {
    match server.addresses()[index] {
        Address::Tcp(address) => address,
        Address::Unix(_) => panic!("a TCP address"),
    }
}

async fn connect(address: SocketAddr) -> Client<TcpStream> {
    Client::new(TcpStream::connect(address).await.unwrap())
}

/// Waits until nobody listens on an address.
async fn refused(address: SocketAddr) {
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), refused).await.expect("the listener closes");
}

#[tokio::test]
async fn what_stays_is_the_same_socket_and_what_is_new_is_added() {
    let workshop = Workshop::start();
    let first = port(&workshop.server, 0);
    let mut bound = 0;
    let replacement = workshop.server.bind_missing(&[any_port(), any_port()], |address| {
        bound += 1;
        bind(address)
    });
    workshop.server.replace(replacement.unwrap());
    assert_eq!(bound, 1, "port 0 was asked for before");
    assert_eq!((workshop.server.addresses().len(), port(&workshop.server, 0)), (2, first));
    for index in [0, 1] {
        let mut client = connect(port(&workshop.server, index)).await;
        client.send(get("/records")).await;
        let reply = client.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (200, None));
    }
}

#[tokio::test]
async fn a_retired_listener_serves_its_connections_until_an_answer_that_closes_them() {
    let mut workshop = Workshop::start();
    let old = port(&workshop.server, 0);
    let (mut idle, mut busy) = (connect(old).await, connect(old).await);
    idle.send(get("/healthz")).await;
    assert_eq!(idle.reply().await.header("connection"), None);
    workshop.view.behave(Behaviour::WaitForRelease);
    busy.send(post("/records", "{}")).await;
    assert_eq!(workshop.event().await, Event::Started("apply"));

    let folder = tempfile::tempdir().unwrap();
    let socket = Address::Unix(folder.path().join("webhook.sock"));
    let replacement = workshop.server.bind_missing(std::slice::from_ref(&socket), bind).unwrap();
    workshop.server.replace(replacement);
    assert_eq!(workshop.server.addresses(), [socket]);
    refused(old).await;

    workshop.view.release();
    let reply = busy.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (204, Some("close")));
    assert!(busy.closed().await);
    // Nothing was closed under the client that waits between two calls.
    idle.send(get("/healthz")).await;
    let reply = idle.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    assert!(idle.closed().await);
}

#[tokio::test]
async fn who_waits_in_the_queue_of_a_retired_listener_is_answered() {
    let one = ServerSettings { max_connections: 1, ..ServerSettings::default() };
    let workshop = Workshop::with(WebhookSettings::default(), one);
    let old = port(&workshop.server, 0);
    let mut first = connect(old).await;
    first.send(get("/healthz")).await;
    assert_eq!(first.reply().await.status, 200);
    // Connected by the kernel, and accepted only once the first connection has ended.
    let mut waiting = connect(old).await;
    waiting.send(post("/records", "{}")).await;

    let replacement = workshop.server.bind_missing(&[], bind).unwrap();
    workshop.server.replace(replacement);
    assert_eq!(workshop.server.addresses(), []);
    refused(old).await;
    drop(first);
    let reply = waiting.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (204, Some("close")));
    assert!(waiting.closed().await);
}

#[tokio::test]
async fn an_address_that_can_not_be_bound_changes_nothing() {
    let workshop = Workshop::start();
    let first = port(&workshop.server, 0);
    let taken = std::net::TcpListener::bind(LOCAL).unwrap();
    let wanted = [any_port(), any_port(), Address::Tcp(taken.local_addr().unwrap())];
    let mut bound = Vec::new();
    let error = workshop.server.bind_missing(&wanted, |address| {
        let listener = Listener::bind(address).map_err(|error| (address.clone(), error))?;
        bound.push(listener.address().clone());
        Ok(Some(listener))
    });
    let (address, error) = error.unwrap_err();
    assert_eq!((address, error.kind()), (wanted[2].clone(), io::ErrorKind::AddrInUse));
    assert_eq!(workshop.server.addresses(), [Address::Tcp(first)]);
    assert!(workshop.still_serves().await);
    // What was bound for nothing is free again.
    let Address::Tcp(freed) = bound[0] else { panic!("a TCP address") };
    refused(freed).await;
}

#[tokio::test]
async fn sockets_of_the_service_manager_stay() {
    let workshop = Workshop::start();
    let handed_over = Listener::from_tcp(std::net::TcpListener::bind(LOCAL).unwrap()).unwrap();
    let address = handed_over.address().clone();
    let server = Server::start(vec![handed_over], ServerSettings::default(), workshop.webhook.handler());
    let replacement = server.bind_missing(&[any_port()], |_| -> io::Result<_> { panic!("nothing to bind") });
    server.replace(replacement.unwrap());
    assert_eq!(server.addresses(), [address]);
    let mut client = connect(port(&server, 0)).await;
    client.send(get("/records")).await;
    assert_eq!(client.reply().await.header("connection"), None);
}

#[tokio::test]
async fn a_unix_socket_that_goes_takes_its_path_along() {
    let workshop = Workshop::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook.sock");
    let both = [any_port(), Address::Unix(path.clone())];
    let bind = |address: &Address| Listener::bind_with_mode(address, SOCKET_MODE).map(Some);
    workshop.server.replace(workshop.server.bind_missing(&both, bind).unwrap());
    assert_eq!(workshop.server.own_sockets(), std::slice::from_ref(&path));
    workshop.server.replace(workshop.server.bind_missing(&both[..1], bind).unwrap());
    let gone = async {
        while path.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), gone).await.expect("the path goes");
}

/// Clients that keep their connections and know both addresses, as long as the addresses change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_call_fails_while_listeners_come_and_go() {
    let workshop = Arc::new(Workshop::start());
    let (over, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (workshop, over, calls) = (Arc::clone(&workshop), Arc::clone(&over), Arc::clone(&calls));
        clients.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                // The address may be retired between its look-up and the connection, which is refused
                // then, or reset in the instant in which the kernel closes the listener.
                let Ok(stream) = TcpStream::connect(port(&workshop.server, 0)).await else { continue };
                let mut client = Client::new(stream);
                client.try_send(post("/records", "{}")).await;
                let Some(mut reply) = client.try_reply().await else { continue };
                loop {
                    assert_eq!(reply.status, 204);
                    calls.fetch_add(1, Ordering::Relaxed);
                    if reply.header("connection").is_some() || over.load(Ordering::Relaxed) {
                        break;
                    }
                    client.send(post("/records", "{}")).await;
                    reply = client.reply().await;
                }
            }
        });
    }
    let mut wanted = [any_port(), any_port()];
    for round in 0..100 {
        let seen = calls.load(Ordering::Relaxed);
        // A fixed port and then any, so that in each round the listener before is not what is wanted.
        let free = std::net::TcpListener::bind(LOCAL).unwrap().local_addr().unwrap();
        wanted[0] = if round % 2 == 0 { Address::Tcp(free) } else { any_port() };
        let replacement = workshop.server.bind_missing(&wanted[..1], bind).unwrap();
        workshop.server.replace(replacement);
        while calls.load(Ordering::Relaxed) < seen + 8 {
            tokio::task::yield_now().await;
        }
    }
    over.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(calls.load(Ordering::Relaxed) >= 800);
}
