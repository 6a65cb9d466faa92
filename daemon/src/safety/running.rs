//! The apply that is under way, for those who ask for the same while it runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;
use zonemux_plugin::ErrorKind;

use super::outcome::Outcome;
use super::units::{Fingerprint, Units};
use crate::backend::BackendError;

/// An apply that runs: what it does, and what will have become of it.
#[derive(Debug)]
pub(super) struct Running {
    /// Which unit of its own does what a change asks for.
    changes: HashMap<Fingerprint, usize>,
    /// How many units there are.
    units: usize,
    done: Progress,
    since: SystemTime,
    outcomes: watch::Receiver<Option<Arc<HashMap<usize, Outcome>>>>,
}

/// Where the running apply of a backend is found.
#[derive(Debug, Default)]
pub(super) struct RunningApply(Mutex<Option<Arc<Running>>>);

/// What ends a [`Running`]: given the outcomes, or dropped without them.
#[derive(Debug)]
pub(super) struct Ending {
    outcomes: watch::Sender<Option<Arc<HashMap<usize, Outcome>>>>,
    done: Progress,
}

/// How many units of an apply have their outcome already.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicUsize>);

impl Progress {
    /// So many have it now.
    pub(super) fn set(&self, done: usize) {
        self.0.store(done, Ordering::Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl RunningApply {
    /// Says what begins now, in place of what ran before.
    pub(super) fn begin<'u>(&self, work: &Units, units: impl IntoIterator<Item = &'u usize>) -> Ending {
        let (mut changes, mut count) = (HashMap::new(), 0);
        for &unit in units {
            count += 1;
            for &id in work.ids(unit) {
                changes.insert(work.fingerprint(id), unit);
            }
        }
        let (sender, outcomes) = watch::channel(None);
        let (done, since) = (Progress::default(), SystemTime::now());
        let running = Running { changes, units: count, done: done.clone(), since, outcomes };
        *self.slot() = Some(Arc::new(running));
        Ending { outcomes: sender, done }
    }

    /// What runs now.
    pub(super) fn current(&self) -> Option<Arc<Running>> {
        self.slot().clone().filter(|running| !running.has_ended())
    }

    /// Forgets what has ended.
    pub(super) fn end(&self) {
        *self.slot() = None;
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Running>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ending {
    /// Tells those who wait what became of each unit.
    pub(super) fn tell(self, outcomes: impl IntoIterator<Item = (usize, Outcome)>) {
        self.outcomes.send_replace(Some(Arc::new(outcomes.into_iter().collect())));
    }

    /// Where the apply says how far it is.
    pub(super) fn progress(&self) -> Progress {
        self.done.clone()
    }
}

impl Running {
    /// How many units it writes.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// How many of them are done, or will not be.
    pub(super) fn done(&self) -> usize {
        self.done.get()
    }

    /// When it began.
    pub(super) fn since(&self) -> SystemTime {
        self.since
    }

    fn has_ended(&self) -> bool {
        self.outcomes.borrow().is_some() || self.outcomes.has_changed().is_err()
    }

    /// Its units that do what a unit of another batch asks for; `None` unless it does all of that.
    pub(super) fn doing(&self, work: &Units, unit: usize) -> Option<Vec<usize>> {
        work.ids(unit).iter().map(|&id| self.changes.get(&work.fingerprint(id)).copied()).collect()
    }

    /// Waits for the end: what became of the units that were asked for, the worst of them.
    pub(super) async fn outcome(&self, units: &[usize]) -> Outcome {
        let mut outcomes = self.outcomes.clone();
        let ended = outcomes.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        let broke_off = || {
            let message = "the apply that it joined broke off";
            Outcome::Failed(BackendError::new(ErrorKind::Internal, message))
        };
        let Some(ended) = ended else { return broke_off() };
        let mut all = Vec::with_capacity(units.len());
        for unit in units {
            all.push(ended.get(unit).cloned().unwrap_or_else(broke_off));
        }
        let bad = all.iter().position(|outcome| !matches!(outcome, Outcome::Applied | Outcome::Unchanged));
        all.swap_remove(bad.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::Endpoint;

    use super::*;
    use crate::safety::undo::Builder;

    #[test]
    fn what_is_done_of_an_apply_shows_while_it_runs() {
        let mut changes = Builder::default();
        for name in ["a", "b", "c"] {
            let record = Endpoint::new(format!("{name}.example.org"), "A", ["192.0.2.1"]);
            changes.create(&record).unwrap();
        }
        let work = Units::of(changes.finish());
        let running = RunningApply::default();
        let ending = running.begin(&work, &[0, 1, 2]);
        let shown = || running.current().map(|running| (running.units(), running.done()));
        assert_eq!(shown(), Some((3, 0)));
        ending.progress().set(2);
        assert_eq!(shown(), Some((3, 2)));
        drop(ending);
        assert_eq!(shown(), None);
    }
}
