//! A server: any number of listeners, one handler, and an orderly end.
//!
//! The webhook, admin and control sides each run one of these with a handler of their own:
//!
//! ```no_run
//! use zonemux::http::{Address, Listener, Server, ServerSettings, text};
//! # async fn example() -> std::io::Result<()> {
//! let listener = Listener::bind(&Address::Tcp(([127, 0, 0, 1], 0).into()))?;
//! let server = Server::start(vec![listener], ServerSettings::default(), |_request, peer| async move {
//!     text(hyper::StatusCode::OK, format!("hello, {peer}\n"))
//! });
//! server.close(std::time::Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::{Acceptor, Peer, accept_all};
use super::activity::ConnectionTimes;
use super::answer::Answer;
use super::connection;
use super::listen::{Address, Listener};

/// What a server allows its clients.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// How long connections may do nothing useful.
    pub times: ConnectionTimes,
    /// The most connections at a time; more wait in the kernel's queue.
    pub max_connections: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { times: ConnectionTimes::default(), max_connections: 1024 }
    }
}

/// A running server. Dropping it leaves it running; [`close`](Self::close) ends it.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<Address>,
    /// Ends the accept loops and, after their current call, the connections.
    stop: CancellationToken,
    /// Ends what is left.
    abort: CancellationToken,
    /// The accept loops.
    accepting: TaskTracker,
    connections: TaskTracker,
}

impl Server {
    /// Accepts connections on every listener. Must be called inside a tokio runtime.
    ///
    /// A handler's future is dropped when its client goes away; one that panics is answered with 500.
    pub fn start<H, F>(listeners: Vec<Listener>, settings: ServerSettings, handler: H) -> Self
    where
        H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let addresses = listeners.iter().map(|listener| listener.address().clone()).collect();
        Self { addresses, ..Self::accept_from(listeners, settings, handler) }
    }

    /// The same for any source of connections.
    pub fn accept_from<A, H, F>(acceptors: Vec<A>, settings: ServerSettings, handler: H) -> Self
    where
        A: Acceptor,
        H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let (accepting, connections) = (TaskTracker::new(), TaskTracker::new());
        let slots = Arc::new(Semaphore::new(settings.max_connections));
        for acceptor in acceptors {
            let (connections, handler) = (connections.clone(), handler.clone());
            let (stop_connections, abort) = (stop.clone(), abort.clone());
            let accept = accept_all(acceptor, Arc::clone(&slots), move |stream, peer, slot| {
                let (handler, abort) = (handler.clone(), abort.clone());
                let serving =
                    connection::serve(stream, peer, handler, settings.times, stop_connections.clone());
                connections.spawn(async move {
                    let _slot = slot;
                    abort.run_until_cancelled_owned(serving).await
                });
            });
            accepting.spawn(stop.clone().run_until_cancelled_owned(accept));
        }
        Self { addresses: Vec::new(), stop, abort, accepting, connections }
    }

    /// Where the server listens, in the order of its listeners.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Closes the listeners at once, and each connection after the call that it is answering; ends
    /// those that are left after `grace`. Says whether none was.
    ///
    /// Tell the clients before, by answers with `Connection: close`: ExternalDNS ends when it finds a
    /// pooled connection or the listener gone.
    pub async fn close(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.accepting.close();
        // The listeners are gone once their loops are.
        self.accepting.wait().await;
        self.connections.close();
        let all_ended = tokio::time::timeout(grace, self.connections.wait()).await.is_ok();
        self.abort.cancel();
        self.connections.wait().await;
        all_ended
    }
}
