//! Starts and ends a server.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zonemux_authority_zones::Zones;
use zonemux_plugin::Host;

use crate::bind::{Bound, bind};
use crate::cookies::Cookies;
use crate::metrics::Metrics;
use crate::settings::ServerSettings;
use crate::shared::Shared;
use crate::tcp::{self, Connections};
use crate::{catalog, notify, signed, udp};

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can't be listened on.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The system gave no thread or descriptor.
    #[error("cannot start to answer: {0}")]
    System(#[from] io::Error),
}

/// A server that answers. It ends when it is closed or dropped.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Whose other ends the threads watch.
    stop_threads: Option<UnixStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Binds all addresses, then answers on them. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// Where an address is taken or not this machine's; nothing is answered then.
    pub fn start(settings: ServerSettings, zones: Arc<Zones>, host: &Host) -> Result<Self, StartError> {
        let bound: Vec<Bound> = settings
            .listen
            .iter()
            .map(|address| bind(*address, settings.workers))
            .collect::<Result<_, _>>()?;
        let keys = signed::keys(&settings);
        let shared = Arc::new(Shared {
            settings: Arc::new(settings),
            zones,
            cookies: Cookies::new(),
            keys,
            metrics: Metrics::default(),
        });
        let (stop_threads, stopped) = UnixStream::pair()?;
        let mut server = Self {
            addresses: bound.iter().map(|bound| bound.address).collect(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            stop_threads: Some(stop_threads),
            threads: Vec::new(),
        };
        let connections = Connections::new(shared.settings.tcp);
        for bound in bound {
            for socket in bound.udp {
                let worker = udp::Worker::new(socket, Arc::clone(&shared))?;
                let stopped = stopped.try_clone()?;
                let builder = std::thread::Builder::new().name("dns-udp".into());
                server.threads.push(builder.spawn(move || worker.run(&stopped))?);
            }
            let listener = tokio::net::TcpListener::from_std(bound.tcp)?;
            let (shared, connections) = (Arc::clone(&shared), Arc::clone(&connections));
            let (tasks, stop) = (server.tasks.clone(), server.stop.clone());
            server.tasks.spawn(tcp::accept(listener, shared, connections, tasks, stop));
        }
        server.run_beside(&shared, host, connections);
        Ok(server)
    }

    /// Starts what goes on beside the answering.
    fn run_beside(&self, shared: &Arc<Shared>, host: &Host, connections: Arc<Connections>) {
        let until_stopped = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let stop = self.stop.clone();
            self.tasks.spawn(async move { stop.run_until_cancelled_owned(task).await });
        };
        for secondary in shared.settings.secondaries.iter().filter(|secondary| secondary.notify) {
            let task = notify::keep_told(secondary.clone(), Arc::clone(shared), host.clone());
            until_stopped(Box::pin(task));
        }
        if let Some(apex) = shared.settings.catalog.clone() {
            until_stopped(Box::pin(catalog::keep(apex, Arc::clone(shared))));
        }
        let (shared, host) = (Arc::clone(shared), host.clone());
        until_stopped(Box::pin(async move { shared.metrics.report(&host, || connections.count()).await }));
    }

    /// Where it listens, in the order of the settings; with the ports that were free.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops answering, and returns when all its sockets are closed.
    pub async fn close(mut self) {
        self.stop();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // It panicked, which was said.
                let _panicked = thread.join();
            }
        });
        let _cancelled = joined.await;
        self.tasks.wait().await;
    }

    fn stop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
        self.stop_threads = None;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
