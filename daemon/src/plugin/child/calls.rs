//! The calls that are in flight, by their numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use rustix::io::Errno;
use tokio::task::AbortHandle;

use super::lists::Life;
use super::wire::Outlet;
use crate::plugin::frames::{Kind, message};

/// Calls of this process.
#[derive(Clone)]
pub(super) struct Calls {
    running: Rc<RefCell<HashMap<u32, Running>>>,
    outlet: Outlet,
}

struct Running {
    life: Arc<Life>,
    task: Option<AbortHandle>,
}

impl Calls {
    pub(super) fn new(outlet: Outlet) -> Self {
        Self { running: Rc::default(), outlet }
    }

    /// Runs a call and tells its end.
    pub(super) fn run<F>(&self, call: u32, code: impl FnOnce(Arc<Life>) -> F)
    where
        F: Future<Output = Result<message::Done, message::Failure>> + 'static,
    {
        let life = Life::new(call, self.outlet.clone());
        self.running.borrow_mut().insert(call, Running { life: Arc::clone(&life), task: None });
        let (calls, future) = (self.clone(), code(life));
        let task = tokio::task::spawn_local(async move {
            let ended = future.await;
            // The daemon may have waited no more: then the end of the life is what it waits for.
            let Some(running) = calls.running.borrow_mut().remove(&call) else { return };
            running.life.handoff.finish();
            let _told = match ended {
                Ok(done) => calls.outlet.json(Kind::Done, call, &done),
                Err(failure) => {
                    end_without_descriptors();
                    calls.outlet.json(Kind::Failed, call, &failure)
                }
            };
        });
        if let Some(running) = self.running.borrow_mut().get_mut(&call) {
            running.task = Some(task.abort_handle());
        }
    }

    /// Nobody waits for a call any more.
    pub(super) fn cancel(&self, call: u32) {
        match self.running.borrow_mut().remove(&call) {
            Some(running) => {
                running.life.handoff.cancel();
                if let Some(task) = running.task {
                    task.abort();
                }
            }
            None => {
                let _told = self.outlet.frame(Kind::Ended, call, &[]);
            }
        }
    }

    /// A piece of a call's endpoints has arrived.
    pub(super) fn arrive(&self, call: u32, payload: &[u8]) {
        if let Some(running) = self.running.borrow().get(&call) {
            running.life.handoff.arrive(payload.to_vec());
        }
    }
}

/// Ends this process where a call has failed and there is no descriptor left: they are leaked, and whatever needs
/// one would fail for ever. The next process has all of them again.
fn end_without_descriptors() {
    if let Err(Errno::MFILE) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0) {
        super::say(super::NO_DESCRIPTOR_LEFT);
        std::process::abort();
    }
}
