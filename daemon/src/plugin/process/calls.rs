//! Calls that a process has not answered yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::backend::{BackendError, Failure, Lease, ListSink};
use crate::plugin::frames::{FrameError, Wanted, message};

/// How many pieces a process may ask for before it has read the first.
const AHEAD: usize = 4;

/// What a call comes to.
pub(super) type Answer = Result<(message::Done, Vec<Failure>), BackendError>;

/// The calls of one process.
#[derive(Debug)]
pub(super) struct Calls {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u32,
    waiting: HashMap<u32, Waiting>,
    /// Every call fails with this since the process has ended.
    ended: Option<BackendError>,
}

#[derive(Debug)]
enum Waiting {
    For(Call),
    /// The process was told that nobody waits. Until it says that nothing of the call runs any more, or has
    /// ended, the call may still write.
    Leaving {
        _held: Held,
    },
}

/// A call that somebody waits for.
#[derive(Debug)]
struct Call {
    sink: Option<Arc<Mutex<ListSink>>>,
    wanted: mpsc::Sender<Wanted>,
    answer: oneshot::Sender<Answer>,
    failures: Vec<Failure>,
    /// How many changes there are to fail.
    changes: usize,
    held: Held,
}

/// What a call keeps until nothing of it runs any more.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Where it may write.
    pub(super) _lease: Option<Lease>,
    /// Where calls are made one at a time.
    pub(super) _turn: Option<OwnedSemaphorePermit>,
}

/// The ends of a call that its caller holds.
pub(super) struct Begun {
    pub(super) number: u32,
    pub(super) wanted: mpsc::Receiver<Wanted>,
    pub(super) answer: oneshot::Receiver<Answer>,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { table: Mutex::default() }
    }

    /// A new call, with a list to fill where it has one, and with what may fail where it writes.
    pub(super) fn begin(
        &self,
        sink: Option<ListSink>,
        changes: usize,
        held: Held,
    ) -> Result<Begun, BackendError> {
        let mut table = self.table();
        if let Some(error) = &table.ended {
            return Err(error.clone());
        }
        // 0 belongs to no call; a number is free again long before it comes round.
        table.last = table.last.checked_add(1).unwrap_or(1);
        let number = table.last;
        let (wanted, receiver) = mpsc::channel(AHEAD);
        let (answer, answered) = oneshot::channel();
        let sink = sink.map(|sink| Arc::new(Mutex::new(sink)));
        let call = Call { sink, wanted, answer, failures: Vec::new(), changes, held };
        table.waiting.insert(number, Waiting::For(call));
        Ok(Begun { number, wanted: receiver, answer: answered })
    }

    /// Nobody waits for a call any more; says whether the process is to be told.
    pub(super) fn leave(&self, number: u32) -> bool {
        let mut table = self.table();
        let Some(waiting) = table.waiting.get_mut(&number) else { return false };
        let held = match waiting {
            Waiting::For(call) => std::mem::take(&mut call.held),
            Waiting::Leaving { .. } => return false,
        };
        *waiting = Waiting::Leaving { _held: held };
        true
    }

    /// Whether no call is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.table().waiting.is_empty()
    }

    /// Whether something of a call that nobody waits for may still run.
    pub(super) fn is_leaving(&self, number: u32) -> bool {
        matches!(self.table().waiting.get(&number), Some(Waiting::Leaving { .. }))
    }

    /// The list that a call fills; `None` where nobody waits for it any more.
    pub(super) fn sink(&self, number: u32) -> Result<Option<Arc<Mutex<ListSink>>>, FrameError> {
        match self.table().waiting.get(&number) {
            Some(Waiting::For(Call { sink: Some(sink), .. })) => Ok(Some(Arc::clone(sink))),
            Some(Waiting::Leaving { .. }) => Ok(None),
            _ => Err(FrameError::Unexpected("list")),
        }
    }

    /// The process asks for endpoints.
    pub(super) fn want(&self, number: u32, wanted: Wanted) -> Result<(), FrameError> {
        match self.table().waiting.get(&number) {
            Some(Waiting::For(call)) => match call.wanted.try_send(wanted) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => Err(FrameError::Unexpected("fifth piece")),
            },
            Some(Waiting::Leaving { .. }) => Ok(()),
            None => Err(FrameError::Unexpected("piece")),
        }
    }

    /// One change of a call was not done.
    pub(super) fn unapplied(&self, number: u32, failure: Failure) -> Result<(), FrameError> {
        match self.table().waiting.get_mut(&number) {
            Some(Waiting::For(call)) if call.failures.len() < call.changes => {
                call.failures.push(failure);
                Ok(())
            }
            Some(Waiting::Leaving { .. }) => Ok(()),
            _ => Err(FrameError::Unexpected("failure")),
        }
    }

    /// A call is done, or failed.
    pub(super) fn answer(
        &self,
        number: u32,
        answer: Result<message::Done, BackendError>,
    ) -> Result<(), FrameError> {
        let mut table = self.table();
        match table.waiting.remove(&number) {
            Some(Waiting::For(call)) => {
                // Whoever waited may have gone meanwhile.
                let _told = call.answer.send(answer.map(|done| (done, call.failures)));
                Ok(())
            }
            // It crossed our word that nobody waits, which will be answered too.
            Some(leaving @ Waiting::Leaving { .. }) => {
                table.waiting.insert(number, leaving);
                Ok(())
            }
            None => Err(FrameError::Unexpected("answer")),
        }
    }

    /// Nothing of a call that nobody waits for runs any more.
    pub(super) fn left(&self, number: u32) -> Result<(), FrameError> {
        let mut table = self.table();
        match table.waiting.remove(&number) {
            Some(Waiting::Leaving { .. }) => Ok(()),
            _ => Err(FrameError::Unexpected("end of a call")),
        }
    }

    /// The process has ended, and with it everything that it did.
    pub(super) fn end(&self, error: BackendError) {
        let mut table = self.table();
        for (_, waiting) in table.waiting.drain() {
            if let Waiting::For(call) = waiting {
                let _told = call.answer.send(Err(error.clone()));
            }
        }
        table.ended = Some(error);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
