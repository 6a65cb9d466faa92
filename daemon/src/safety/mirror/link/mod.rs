//! What is between a primary and one of its mirrors: what is still to be written, what is known of how
//! they differ, and who waits for it. It belongs to the two names and survives a reload.

mod telling;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::report::Report;
use super::work::{Promise, Work};
use crate::backend::BackendError;
use crate::telemetry::metrics;

/// How many changes wait for a mirror before they are forgotten and the two are compared instead.
const MOST_QUEUED: usize = 200_000;
/// The first wait after a failure; doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// A primary and one of its mirrors.
#[derive(Debug)]
pub(in crate::safety) struct Link {
    pub(in crate::safety::mirror) primary: String,
    pub(in crate::safety::mirror) mirror: String,
    inner: Mutex<Inner>,
    progress: watch::Sender<Progress>,
    wake: Notify,
    /// Held by the task that writes: that of the next generation waits for it.
    pub(in crate::safety::mirror) writing: tokio::sync::Mutex<()>,
}

/// How far the mirror has come, in numbers of [`Inner::asked`].
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Everything up to here is there.
    done: u64,
    /// Whoever waits for anything up to here waits in vain.
    failed: u64,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Inner {
    /// Counts everything that the mirror is asked to follow.
    asked: u64,
    /// Counts the reasons not to believe what is known of the difference.
    doubts: u64,
    /// Whether it is known how they differ; else they must be compared.
    known: bool,
    comparing: bool,
    queue: Vec<Work>,
    queued: usize,
    /// What is new is tried at once, though a retry is waited for.
    urgent: bool,
    /// Counts the tasks that write; 0: there was none yet.
    follower: u64,
    followed: bool,
    dry_run: bool,
    /// What the last comparison came to.
    report: Report,
    since: Option<SystemTime>,
    error: Option<(String, SystemTime)>,
    retry_at: Option<Instant>,
    failures: u32,
    /// Whether the log's last word is that they are equal.
    told_equal: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub(in crate::safety::mirror) enum Next {
    /// Compare the two, and write what differs.
    Compare(Seen),
    /// Write what the primary has applied.
    Write(Seen, Vec<Work>),
}

/// What was asked for when something was begun.
#[derive(Debug, Clone, Copy)]
pub(in crate::safety::mirror) struct Seen {
    asked: u64,
    doubts: u64,
}

/// Why a mirror does not have what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::safety) enum NotThere {
    /// It failed, or holds it.
    Failed,
    /// Not before the deadline.
    Late,
}

impl Link {
    /// A link of which nothing is known; `since` is remembered from an earlier process.
    pub(in crate::safety::mirror) fn new(
        primary: &str,
        mirror: &str,
        since: Option<SystemTime>,
    ) -> Arc<Self> {
        let inner = Inner {
            asked: 1,
            doubts: 0,
            known: false,
            comparing: false,
            queue: Vec::new(),
            queued: 0,
            urgent: false,
            follower: 0,
            followed: false,
            dry_run: false,
            report: Report::default(),
            since,
            error: None,
            retry_at: None,
            failures: 0,
            told_equal: false,
        };
        let link = Self {
            primary: primary.to_owned(),
            mirror: mirror.to_owned(),
            inner: Mutex::new(inner),
            progress: watch::Sender::default(),
            wake: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        };
        link.measure(&link.lock());
        Arc::new(link)
    }

    /// A promise to say what a write of the primary's has done.
    pub(in crate::safety) fn promise(self: &Arc<Self>) -> Promise {
        Promise::of(self)
    }

    /// Something happened to the primary or the mirror, and it is not known what: they are compared.
    pub(in crate::safety::mirror) fn doubt(&self) {
        let mut inner = self.lock();
        inner.asked += 1;
        inner.forget();
        self.wake(inner);
    }

    /// What the primary has applied, in its order.
    pub(in crate::safety::mirror) fn push(&self, work: Work) {
        let mut inner = self.lock();
        inner.asked += 1;
        if inner.known || inner.comparing {
            inner.queued += work.len();
            inner.queue.push(work);
            if inner.queued > MOST_QUEUED {
                tracing::warn!(
                    backend = self.primary,
                    mirror = self.mirror,
                    changes = inner.queued,
                    "the mirror can't keep up; it is compared with its primary when it can be"
                );
                inner.forget();
            }
        }
        self.wake(inner);
    }

    fn wake(&self, mut inner: MutexGuard<'_, Inner>) {
        inner.urgent = true;
        if !inner.followed {
            self.fail(inner.asked);
        }
        self.measure(&inner);
        drop(inner);
        self.wake.notify_one();
    }

    /// What is asked for so far, to [wait](Self::wait) for.
    pub(in crate::safety) fn asked(&self) -> u64 {
        self.lock().asked
    }

    /// Waits until the mirror has everything that was asked for up to a number.
    pub(in crate::safety) async fn wait(&self, asked: u64, deadline: Instant) -> Result<(), NotThere> {
        let mut progress = self.progress.subscribe();
        let come = progress.wait_for(|progress| progress.done >= asked || progress.failed >= asked);
        let come = timeout_at(deadline, come).await.map_err(|_| NotThere::Late)?;
        // The sender is here.
        if come.is_ok_and(|progress| progress.done >= asked) { Ok(()) } else { Err(NotThere::Failed) }
    }

    /// Waits for something to do.
    pub(in crate::safety::mirror) async fn next(&self) -> Next {
        loop {
            let retry_at = match self.lock().next() {
                Ok(next) => return next,
                Err(retry_at) => retry_at,
            };
            let woken = self.wake.notified();
            match retry_at {
                Some(retry_at) => tokio::select! {
                    () = woken => {}
                    () = sleep_until(retry_at) => {}
                },
                None => woken.await,
            }
        }
    }

    /// The two were compared, and what could be written was. Says since when they differ.
    pub(in crate::safety::mirror) fn compared(&self, seen: Seen, report: Report) -> Option<SystemTime> {
        let mut inner = self.lock();
        inner.comparing = false;
        inner.known = inner.doubts == seen.doubts;
        inner.error = None;
        self.tell_conflicts(&inner.report, &report);
        inner.report = report;
        if inner.report.is_equal() {
            (inner.failures, inner.retry_at) = (0, None);
            if inner.known {
                inner.since = None;
                if !std::mem::replace(&mut inner.told_equal, true) {
                    tracing::info!(backend = self.primary, mirror = self.mirror, "the mirror is equal");
                }
            }
        } else {
            inner.since.get_or_insert_with(SystemTime::now);
            inner.told_equal = false;
            let wait = inner.pause(LONGEST_WAIT, None);
            tracing::warn!(
                backend = self.primary, mirror = self.mirror, differing = inner.report.differing(),
                held = inner.report.held, quarantined = inner.report.quarantined, retry_in = ?wait,
                "the mirror is not equal yet"
            );
        }
        self.come(seen, inner.report.is_settled());
        self.measure(&inner);
        inner.since
    }

    /// What the primary had applied was written as far as could be.
    pub(in crate::safety::mirror) fn written(&self, seen: Seen, report: &Report) -> Option<SystemTime> {
        let mut inner = self.lock();
        inner.error = None;
        if !report.is_clean() {
            // How much differs now is for a comparison to say.
            inner.known = false;
            inner.retry_at = None;
        }
        self.come(seen, report.is_settled());
        self.measure(&inner);
        inner.since
    }

    /// It could not be tried, or is not known what was done.
    pub(in crate::safety::mirror) fn failed(&self, seen: Seen, error: &BackendError) -> Option<SystemTime> {
        let mut inner = self.lock();
        inner.comparing = false;
        inner.forget();
        inner.failures = inner.failures.saturating_add(1);
        let doubled = FIRST_WAIT.saturating_mul(1_u32.checked_shl(inner.failures - 1).unwrap_or(u32::MAX));
        let wait = inner.pause(doubled.min(LONGEST_WAIT), error.retry_after());
        let now = SystemTime::now();
        inner.error = Some((error.message.clone(), now));
        inner.since.get_or_insert(now);
        inner.told_equal = false;
        tracing::warn!(
            backend = self.primary, mirror = self.mirror, kind = error.kind.as_str(), error = %error,
            retry_in = ?wait, "the mirror is behind its primary"
        );
        self.fail(seen.asked);
        self.measure(&inner);
        inner.since
    }

    /// Nothing is written while the primary is in `dry_run`.
    pub(in crate::safety::mirror) fn set_dry_run(&self, dry_run: bool) {
        self.lock().dry_run = dry_run;
    }

    /// A task begins to follow, in the place of the one before; its number.
    pub(in crate::safety::mirror) fn begin(&self) -> u64 {
        let mut inner = self.lock();
        inner.follower += 1;
        inner.followed = true;
        // Whatever changed between the generations.
        inner.asked += 1;
        inner.forget();
        (inner.retry_at, inner.urgent, inner.told_equal) = (None, true, false);
        self.measure(&inner);
        inner.follower
    }

    /// A task has ended; nobody may wait for it any more, unless another has begun.
    pub(in crate::safety::mirror) fn end(&self, follower: u64) {
        let mut inner = self.lock();
        if inner.follower == follower {
            inner.followed = false;
            inner.comparing = false;
            inner.forget();
            self.fail(inner.asked);
        }
    }

    /// Nothing is to be told of it any more.
    pub(in crate::safety::mirror) fn retire(&self) {
        metrics::mirror_behind(&self.primary, &self.mirror, 0);
        metrics::mirror_conflicts(&self.primary, &self.mirror, 0);
    }

    fn come(&self, seen: Seen, settled: bool) {
        if settled {
            self.progress.send_modify(|progress| progress.done = progress.done.max(seen.asked));
        } else {
            self.fail(seen.asked);
        }
    }

    fn fail(&self, asked: u64) {
        self.progress.send_modify(|progress| progress.failed = progress.failed.max(asked));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What is to be done now, else until when there is nothing.
    fn next(&mut self) -> Result<Next, Option<Instant>> {
        let retry_is_due = self.retry_at.is_some_and(|at| at <= Instant::now());
        // A comparison says anew what is held, and what conflicts; changes alone would forget what was.
        let held = self.report.held > 0 && !self.queue.is_empty();
        let compare =
            !self.known || held || self.queue.iter().any(|work| work.touches(&self.report.conflict_keys));
        if retry_is_due || (compare && (self.urgent || self.retry_at.is_none())) {
            self.urgent = false;
            self.comparing = true;
            // The list that is made now has all of it.
            self.clear_queue();
            return Ok(Next::Compare(self.seen()));
        }
        if self.known && !self.queue.is_empty() {
            self.urgent = false;
            let work = std::mem::take(&mut self.queue);
            self.clear_queue();
            return Ok(Next::Write(self.seen(), work));
        }
        Err(self.retry_at)
    }

    fn seen(&self) -> Seen {
        Seen { asked: self.asked, doubts: self.doubts }
    }

    /// What was known is not known any more.
    fn forget(&mut self) {
        self.doubts += 1;
        self.known = false;
        self.clear_queue();
    }

    fn clear_queue(&mut self) {
        self.queue.clear();
        self.queued = 0;
    }

    /// Waits about so long, or as long as the backend asked for.
    fn pause(&mut self, wait: Duration, at_least: Option<Duration>) -> Duration {
        // Several daemons that lost one server shall not come back to it at one moment.
        let wait = wait.mul_f64(0.75 + fastrand::f64() / 2.0).max(at_least.unwrap_or_default());
        self.retry_at = Some(Instant::now() + wait);
        wait
    }
}
