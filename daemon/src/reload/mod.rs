//! Reads the configuration anew while the daemon serves.
//!
//! A whole new generation is built and checked beside the one that serves: configuration, secrets and
//! certificates are read, plugins located, trusted and loaded, their settings judged, new addresses
//! bound, new backends opened. Only then is it put in place, in one step. What is wrong is told whole, and
//! changes nothing.

mod exclusive;
mod fixed;
mod judge;
mod open;
mod outcome;
mod retire;
mod site;
mod watch;
mod zones;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use outcome::{Outcome, Refused};
pub use site::Site;
pub use watch::Watched;

use crate::service_manager;
use crate::telemetry::metrics;
use site::Reloading;

/// How often files are looked at where `reload.watch` asks for that.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Somebody who waits for an outcome, or nobody.
type Ask = Option<oneshot::Sender<Arc<Outcome>>>;

/// Asks for reloads, and knows what came of the last one.
#[derive(Debug, Clone)]
pub struct Reloader {
    asks: mpsc::UnboundedSender<Ask>,
    last: Arc<ArcSwap<Outcome>>,
}

impl Reloader {
    /// Asks for a reload, and waits for nothing. However often it is asked for while one runs, there is
    /// one more after it.
    pub fn ask(&self) {
        // The daemon is ending where nobody listens.
        let _told = self.asks.send(None);
    }

    /// Asks for a reload and waits for what comes of it; `None` where the daemon is ending.
    pub async fn reload(&self) -> Option<Arc<Outcome>> {
        let (sender, receiver) = oneshot::channel();
        self.asks.send(Some(sender)).ok()?;
        receiver.await.ok()
    }

    /// What came of the last attempt to read the configuration.
    pub fn last(&self) -> Arc<Outcome> {
        self.last.load_full()
    }
}

/// The tasks that do it.
#[derive(Debug)]
pub struct Reloads {
    reloading: Arc<Reloading>,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Reloads {
    /// Begins to do what is asked for, once the first generation has loaded its plugins, which `settled`
    /// waits for. Must be called inside a tokio runtime.
    pub fn start(
        site: Site,
        watched: Watched,
        settled: impl Future<Output = ()> + Send + 'static,
        summary: impl Fn() -> String + Send + 'static,
    ) -> (Self, Reloader) {
        let (asks, asked) = mpsc::unbounded_channel();
        let first = Outcome::of_success(site.current.get().number, &[]);
        metrics::reload(first.successful, first.at, first.generation);
        let reloader = Reloader { asks, last: Arc::new(ArcSwap::from_pointee(first)) };
        let (reloading, stop) = (Arc::new(Reloading::new(site, watched)), CancellationToken::new());
        let answering = answer(Arc::clone(&reloading), asked, Arc::clone(&reloader.last), settled, summary);
        let watching = keep_watch(Arc::clone(&reloading), reloader.clone());
        let until_stopped = |stop: &CancellationToken| stop.clone();
        let tasks = [
            spawn(until_stopped(&stop).run_until_cancelled_owned(answering)),
            spawn(until_stopped(&stop).run_until_cancelled_owned(watching)),
        ];
        (Self { reloading, stop, tasks }, reloader)
    }

    /// Ends a reload where it stands, and begins no other. To be called before the generation that
    /// serves is stopped.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        for task in &mut self.tasks {
            // A task that panicked has ended too.
            let _ended = task.await;
        }
    }

    /// Closes what earlier reloads have left, waiting for its applies until `deadline`. Says whether all
    /// had ended.
    pub async fn finish(&self, deadline: Instant) -> bool {
        self.reloading.retiring.finish(deadline).await
    }
}

fn spawn(task: impl Future<Output = Option<()>> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        task.await;
    })
}

/// Does one reload after the other. All who have asked before one begins get its outcome.
async fn answer(
    reloading: Arc<Reloading>,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    last: Arc<ArcSwap<Outcome>>,
    settled: impl Future<Output = ()>,
    summary: impl Fn() -> String,
) {
    settled.await;
    while let Some(first) = asked.recv().await {
        let mut waiting = vec![first];
        while let Ok(ask) = asked.try_recv() {
            waiting.push(ask);
        }
        service_manager::reloading();
        tracing::info!("reloading the configuration");
        let outcome = Arc::new(reloading.reload().await);
        last.store(Arc::clone(&outcome));
        outcome.tell();
        // Also after a refusal: what served before serves.
        service_manager::ready(&summary());
        for ask in waiting.into_iter().flatten() {
            // Who asked may have gone.
            let _told = ask.send(Arc::clone(&outcome));
        }
    }
}

/// Asks for a reload when a file has changed, and then stayed as it is from one look to the next.
async fn keep_watch(reloading: Arc<Reloading>, reloader: Reloader) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut before: Option<Watched> = None;
    loop {
        looks.tick().await;
        if !reloading.site.current.get().config.reload.watch {
            before = None;
            continue;
        }
        let used = reloading.watched().clone();
        let again = used.clone();
        let Ok(now) = tokio::task::spawn_blocking(move || again.look_again()).await else { continue };
        let settled = before.as_ref() == Some(&now);
        if let Some(path) = now.difference(&used).filter(|_| settled) {
            tracing::info!(path = %path.display(), "a file of the configuration has changed");
            // What comes of it is told to the log. A file that is refused counts as seen.
            let _outcome = reloader.reload().await;
            before = None;
            continue;
        }
        before = Some(now);
    }
}
