//! An open backend in a process of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::driver::Shared;
use super::ending::Reason;
use super::feed::Feed;
use super::link::Process;
use crate::backend::{BackendError, Batch, DriverCall, DriverFuture, Failure, Instance, Lease, ListSink};
use crate::plugin::frames::{Kind, message};

/// An open backend.
pub(super) struct IsolatedInstance {
    pub(super) process: Arc<Process>,
    pub(super) shared: Arc<Shared>,
}

impl IsolatedInstance {
    fn simple(&self, kind: Kind, call: &DriverCall) -> DriverFuture<()> {
        let (process, told) = (Arc::clone(&self.process), encode_call(call));
        Box::pin(async move { process.call(kind, &told, None, None, None).await.map(drop) })
    }
}

impl Instance for IsolatedInstance {
    fn records(&self, call: DriverCall, sink: ListSink) -> DriverFuture<()> {
        let (process, told) = (Arc::clone(&self.process), encode_call(&call));
        Box::pin(async move { process.call(Kind::Records, &told, Some(sink), None, None).await.map(drop) })
    }

    fn apply(&self, call: DriverCall, batch: Arc<Batch>, lease: Lease) -> DriverFuture<Vec<Failure>> {
        let process = Arc::clone(&self.process);
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let told = message::Apply {
            call: encode_call(&call),
            create: count(batch.create().len()),
            update: count(batch.update().len()),
            delete: count(batch.delete().len()),
            text_size: batch.text_size() as u64,
        };
        Box::pin(async move {
            let writes = Some((batch.len(), lease));
            let answer = process.call(Kind::Apply, &told, None, Some(Feed::Batch(batch)), writes).await;
            answer.map(|(_, failures)| failures)
        })
    }

    fn check(&self, call: DriverCall) -> DriverFuture<Vec<String>> {
        let heard = self.process.0.host.listen();
        let checking = self.simple(Kind::Check, &call);
        // Its lines come before its answer on the one way that they share.
        Box::pin(async move { checking.await.map(|()| heard.lines()) })
    }

    fn close(&self, call: DriverCall) -> DriverFuture<()> {
        let closing = self.simple(Kind::Close, &call);
        let process = Arc::clone(&self.process);
        Box::pin(async move {
            process.0.expect_end();
            // Whoever gives up waiting for it must not find it again.
            let given_up = GivenUp(&process);
            let closed = closing.await;
            // Ports and locks are free once it is gone.
            process.finish().await;
            drop(given_up);
            closed
        })
    }

    fn lost(&self) -> Pin<Box<dyn Future<Output = BackendError> + Send>> {
        let (process, shared) = (Arc::clone(&self.process), Arc::clone(&self.shared));
        Box::pin(async move {
            let ending = process.ended().await;
            shared.note_end(&process, &ending);
            ending.error()
        })
    }
}

/// Ends a process whose farewell is over, or takes too long.
struct GivenUp<'a>(&'a Process);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.0.kill(Reason::Asked, "it was closed");
    }
}

pub(super) fn encode_call(call: &DriverCall) -> message::Call {
    message::Call {
        id: call.id.clone(),
        time_left_ms: u64::try_from(call.time_left.as_millis()).unwrap_or(u64::MAX),
    }
}
