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
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::{Peer, accept_all, last_connections};
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
pub struct Server {
    listening: Mutex<Vec<Listening>>,
    /// Begins to accept from a listener.
    open: Box<dyn Fn(Listener) -> Listening + Send + Sync>,
    tasks: Tasks,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listening", &self.listening).finish_non_exhaustive()
    }
}

/// A listener that is being accepted from.
#[derive(Debug, Clone)]
struct Listening {
    asked: Address,
    address: Address,
    handed_over: bool,
    /// Ends its accept loop, and each of its connections with the next answer.
    retired: CancellationToken,
}

/// Listeners in the place of those that a server has, bound and not accepted from yet; made by
/// [`Server::bind_missing`]. Dropping it closes the new ones, and nothing has changed.
#[derive(Debug)]
pub struct Replacement(Vec<Place>);

#[derive(Debug)]
enum Place {
    Kept(Listening),
    New(Box<Listener>),
}

#[derive(Debug, Clone)]
struct Tasks {
    /// Ends the accept loops and, after their current call, the connections.
    stop: CancellationToken,
    /// Ends what is left.
    abort: CancellationToken,
    /// The accept loops.
    accepting: TaskTracker,
    connections: TaskTracker,
    slots: Arc<Semaphore>,
}

impl Tasks {
    /// Accepts from a listener until it is retired or the server is closed.
    fn open<H, F>(&self, listener: Listener, times: ConnectionTimes, handler: H) -> Listening
    where
        H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let retired = CancellationToken::new();
        let listening = Listening {
            asked: listener.asked().clone(),
            address: listener.address().clone(),
            handed_over: listener.is_handed_over(),
            retired: retired.clone(),
        };
        let handler = closing_once(retired.clone(), handler);
        let (tasks, tls) = (self.clone(), listener.tls.clone());
        let mut serve = move |stream, peer: Peer, slot| {
            let (stop, tls, handler) = (tasks.stop.clone(), tls.clone(), handler.clone());
            let serving = async move {
                let stream = match tls {
                    Some(tls) => {
                        stop.run_until_cancelled(tls.establish(stream, &peer, &times)).await.flatten()
                    }
                    None => Some(stream),
                };
                if let Some(stream) = stream {
                    connection::serve(stream, peer, handler, times, stop).await;
                }
            };
            let abort = tasks.abort.clone();
            tasks.connections.spawn(async move {
                let _slot = slot;
                abort.run_until_cancelled_owned(serving).await
            });
        };
        let slots = Arc::clone(&self.slots);
        let accepting = async move {
            let mut listener = listener;
            let accepting = accept_all(&mut listener, Arc::clone(&slots), &mut serve);
            if retired.run_until_cancelled(accepting).await.is_some() {
                return;
            }
            for (stream, peer) in last_connections(listener) {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                serve(stream, peer, slot);
            }
        };
        self.accepting.spawn(self.stop.clone().run_until_cancelled_owned(accepting));
        listening
    }
}

/// The handler whose answers end their connection once its listener is retired: closing it without a
/// word would end an ExternalDNS that is about to use it.
fn closing_once<H, F>(
    retired: CancellationToken,
    handler: H,
) -> impl Fn(Request<Incoming>, Peer) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>
+ Clone
+ Send
+ 'static
where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    move |request, peer| {
        let (retired, answering) = (retired.clone(), handler(request, peer));
        Box::pin(async move {
            let mut answer = answering.await;
            if retired.is_cancelled() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            answer
        })
    }
}

impl Server {
    /// Accepts connections on every listener. Must be called inside a tokio runtime.
    ///
    /// A handler's future is dropped when its client goes away; one that panics is answered with 500.
    pub fn start<H, F>(listeners: Vec<Listener>, settings: ServerSettings, handler: H) -> Self
    where
        H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let tasks = Tasks {
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            accepting: TaskTracker::new(),
            connections: TaskTracker::new(),
            slots: Arc::new(Semaphore::new(settings.max_connections)),
        };
        let of_server = tasks.clone();
        let open = Box::new(move |listener| of_server.open(listener, settings.times, handler.clone()));
        let listening = listeners.into_iter().map(&open).collect();
        Self { listening: Mutex::new(listening), open, tasks }
    }

    fn listening(&self) -> MutexGuard<'_, Vec<Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the server listens, in the order of its listeners.
    pub fn addresses(&self) -> Vec<Address> {
        self.listening().iter().map(|listening| listening.address.clone()).collect()
    }

    /// Binds those of the wanted addresses on which the server does not listen yet, by `bind`, which
    /// may leave one out. Sockets of the service manager replace the configured ones for good: a server
    /// that has any is left as it is.
    ///
    /// # Errors
    ///
    /// The first one of `bind`; then nothing has changed.
    pub fn bind_missing<E>(
        &self,
        wanted: &[Address],
        mut bind: impl FnMut(&Address) -> Result<Option<Listener>, E>,
    ) -> Result<Replacement, E> {
        let mut current = self.listening().clone();
        if current.iter().any(|listening| listening.handed_over) {
            return Ok(Replacement(current.into_iter().map(Place::Kept).collect()));
        }
        let mut places = Vec::with_capacity(wanted.len());
        for address in wanted {
            if let Some(index) = current.iter().position(|listening| listening.asked == *address) {
                places.push(Place::Kept(current.remove(index)));
            } else if let Some(listener) = bind(address)? {
                places.push(Place::New(Box::new(listener)));
            }
        }
        Ok(Replacement(places))
    }

    /// Accepts from the new listeners, then retires those that are wanted no more. A retired one is
    /// closed; the calls of its connections are answered, each until an answer that says
    /// `Connection: close`, or until it has been idle for as long as any other.
    ///
    /// Of two replacements that were bound at the same time, only one may be put in place.
    pub fn replace(&self, replacement: Replacement) {
        let mut listening = self.listening();
        let places = replacement.0.into_iter().map(|place| match place {
            Place::Kept(listening) => listening,
            Place::New(listener) => {
                tracing::info!(address = %listener.address(), "listens");
                (self.open)(*listener)
            }
        });
        let before = std::mem::replace(&mut *listening, places.collect());
        for old in before {
            if !listening.iter().any(|kept| kept.address == old.address) {
                tracing::info!(address = %old.address, "no longer listens");
                old.retired.cancel();
            }
        }
    }

    /// The paths of its unix sockets, but for those of the service manager.
    pub fn own_sockets(&self) -> Vec<PathBuf> {
        let path = |listening: &Listening| match &listening.address {
            Address::Unix(path) if !listening.handed_over => Some(path.clone()),
            Address::Unix(_) | Address::Tcp(_) => None,
        };
        self.listening().iter().filter_map(path).collect()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.tasks.connections.len()
    }

    /// Closes the listeners at once, and each connection after the call that it is answering; ends
    /// those that are left after `grace`. Says whether none was.
    ///
    /// Tell the clients before, by answers with `Connection: close`: ExternalDNS ends when it finds a
    /// pooled connection or the listener gone.
    pub async fn close(&self, grace: Duration) -> bool {
        let Tasks { stop, abort, accepting, connections, .. } = &self.tasks;
        stop.cancel();
        accepting.close();
        // The listeners are gone once their loops are.
        accepting.wait().await;
        connections.close();
        let all_ended = tokio::time::timeout(grace, connections.wait()).await.is_ok();
        abort.cancel();
        connections.wait().await;
        all_ended
    }
}
