//! A running process and the calls to it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::calls::{Answer, Calls, Held};
use super::ending::{Ending, Reason};
use super::feed::Feed;
use super::outbox::Outbox;
use super::output::LastLines;
use crate::backend::{BackendError, Lease, ListSink};
use crate::plugin::child::restrict::Restrictions;
use crate::plugin::frames::{self, Kind, message};
use crate::plugin::host::HostSide;

/// How long a process may go on with a call that nobody waits for.
const LEAVING: Duration = Duration::from_secs(5);
/// How long a process may take to end when it is told to.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all who have to do with one process share.
pub(super) struct Link {
    pub(super) backend: String,
    pub(super) pid: u32,
    pub(super) host: HostSide,
    pub(super) calls: Calls,
    pub(super) outbox: Outbox,
    pub(super) output: LastLines,
    pub(super) runtime: Handle,
    /// Told once the plugin has judged its settings.
    pub(super) configured: Mutex<Option<oneshot::Sender<Result<message::Configured, message::Refused>>>>,
    /// One call at a time, where the plugin wants it.
    pub(super) turns: Arc<Semaphore>,
    /// What it may do though it should not, as our own code in it says.
    pub(super) restrictions: Mutex<Option<Restrictions>>,
    /// How it ended.
    pub(super) ended: watch::Sender<Option<Ending>>,
    /// Why we end it.
    verdict: Mutex<Option<(Reason, String)>>,
    pub(super) condemned: CancellationToken,
}

impl Link {
    pub(super) fn new(
        backend: String,
        pid: u32,
        host: HostSide,
        outbox: Outbox,
        runtime: Handle,
        configured: oneshot::Sender<Result<message::Configured, message::Refused>>,
    ) -> Self {
        Self {
            backend,
            pid,
            host,
            calls: Calls::new(),
            outbox,
            output: LastLines::default(),
            runtime,
            configured: Mutex::new(Some(configured)),
            turns: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            restrictions: Mutex::default(),
            ended: watch::Sender::new(None),
            verdict: Mutex::default(),
            condemned: CancellationToken::new(),
        }
    }

    /// Ends the process; the first reason counts.
    pub(super) fn kill(&self, reason: Reason, words: impl Into<String>) {
        self.note_verdict(reason, words);
        self.condemned.cancel();
    }

    /// Says that its end is no accident, without ending it.
    pub(super) fn expect_end(&self) {
        self.note_verdict(Reason::Asked, "it was asked to");
    }

    /// Says why it ends; the first reason counts.
    pub(super) fn note_verdict(&self, reason: Reason, words: impl Into<String>) {
        let mut verdict = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        verdict.get_or_insert_with(|| (reason, words.into()));
    }

    /// Why we end it, if we do.
    pub(super) fn verdict(&self) -> Option<(Reason, String)> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The plugin has judged its settings.
    pub(super) fn tell_configured(&self, outcome: Result<message::Configured, message::Refused>) -> bool {
        let waiting = self.configured.lock().unwrap_or_else(PoisonError::into_inner).take();
        waiting.is_some_and(|waiting| waiting.send(outcome).is_ok())
    }

    /// Nobody waits for a call any more. Whatever the plugin still does for it must end soon: after that
    /// nothing of it can be written any more, because there is no process.
    fn leave(self: &Arc<Self>, number: u32) {
        if !self.calls.leave(number) {
            return;
        }
        if let Ok(frame) = frames::frame(Kind::Cancel, number, &[]) {
            self.outbox.send(frame);
        }
        let link = Arc::clone(self);
        self.runtime.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(LEAVING) => {}
                () = link.condemned.cancelled() => return,
            }
            if link.calls.is_leaving(number) {
                let words = format!("it still ran a call {LEAVING:?} after nobody waited for it");
                link.kill(Reason::Unresponsive, words);
            }
        });
    }
}

/// A process. Ended when it is dropped.
pub(super) struct Process(pub(super) Arc<Link>);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill(Reason::Asked, "it is not needed any more");
    }
}

impl Process {
    /// Makes a call. Dropping the future ends it.
    pub(super) async fn call(
        &self,
        kind: Kind,
        told: &impl Serialize,
        sink: Option<ListSink>,
        feed: Option<Feed>,
        writes: Option<(usize, Lease)>,
    ) -> Answer {
        let link = &self.0;
        let internal = |error: frames::FrameError| {
            BackendError::new(zonemux_plugin::ErrorKind::Internal, error.to_string())
        };
        // Never closed.
        let turn = Arc::clone(&link.turns).acquire_owned().await.ok();
        let (changes, lease) = writes.map_or((0, None), |(changes, lease)| (changes, Some(lease)));
        let mut begun = link.calls.begin(sink, changes, Held { _lease: lease, _turn: turn })?;
        let _waiting = WaitingFor { link: Arc::clone(link), number: begun.number };
        let frame = frames::json(kind, begun.number, told).map_err(internal)?;
        link.outbox.send(frame);
        loop {
            tokio::select! {
                biased;
                answer = &mut begun.answer => {
                    // Not told anything: the process has ended in between.
                    return answer.unwrap_or_else(|_| Err(self.end().error()));
                }
                Some(wanted) = begun.wanted.recv() => {
                    let Some(feed) = &feed else { continue };
                    // No more than a few wait for a process that asks and does not read.
                    tokio::select! {
                        () = link.outbox.room() => {}
                        () = link.condemned.cancelled() => continue,
                    }
                    // Tens of thousands of endpoints are copied for one piece, some tenths of a millisecond.
                    link.outbox.send(feed.piece(begun.number, wanted).map_err(internal)?);
                }
            }
        }
    }

    /// How it ended; where it has not, that it is about to.
    fn end(&self) -> Ending {
        let ended = self.0.ended.borrow().clone();
        ended.unwrap_or_else(|| Ending::by_us(Reason::Closed, "it is gone", Vec::new()))
    }

    /// Whether it has ended, or is being ended.
    pub(super) fn is_gone(&self) -> bool {
        self.0.condemned.is_cancelled() || self.0.ended.borrow().is_some()
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) -> Ending {
        let mut ended = self.0.ended.subscribe();
        let ending = ended.wait_for(Option::is_some).await.ok().and_then(|ending| ending.clone());
        ending.unwrap_or_else(|| self.end())
    }

    /// Lets it end by itself, and ends it where it does not.
    pub(super) async fn finish(&self) {
        self.0.expect_end();
        self.0.outbox.close();
        if tokio::time::timeout(FAREWELL, self.ended()).await.is_err() {
            tracing::warn!(
                backend = self.0.backend, pid = self.0.pid, limit = ?FAREWELL,
                "the plugin's process does not end by itself"
            );
            self.0.kill(Reason::Asked, "it did not end by itself");
            self.ended().await;
        }
    }
}

/// A caller that waits. When it goes before the answer came, the process is told.
struct WaitingFor {
    link: Arc<Link>,
    number: u32,
}

impl Drop for WaitingFor {
    fn drop(&mut self) {
        self.link.leave(self.number);
    }
}
