//! An open backend, as the daemon calls it.

use std::future::Future;
use std::sync::Arc;

use zonemux_plugin_abi::stable::{RResult, RSlice, RStr};
use zonemux_plugin_abi::{
    FfiFuture, RBackend, RCall, RError, RFailureRef, RReportBox, RSinkBox, RSourceBox, list,
};

use super::panic::guard;
use super::plugin::{decode_call, finish};
use super::task::OwnRuntime;
use super::{collect, task};
use crate::backend::Backend;
use crate::call::Call;
use crate::changes::ChangeId;
use crate::error::Result;
use crate::host::Host;
use crate::outcome::Outcome;
use crate::records::Records;

/// A backend and what its calls need. The option is empty only while it is being dropped.
pub(crate) struct Opened<B: Backend> {
    pub(crate) backend: Option<Arc<B>>,
    pub(crate) host: Host,
    pub(crate) runtime: Arc<OwnRuntime>,
}

impl<B: Backend> Opened<B> {
    fn run<T, F, R>(&self, call: &RCall, code: F) -> FfiFuture<RResult<T, RError>>
    where
        T: Send + 'static,
        F: FnOnce(Arc<B>, Call) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
    {
        let backend = self.backend.clone().expect("only empty while it is being dropped");
        let call = decode_call(call);
        task::run(&self.host, &self.runtime, async move { code(backend, call).await })
    }
}

impl<B: Backend> RBackend for Opened<B> {
    fn records(&self, call: RCall, sink: RSinkBox) -> FfiFuture<RResult<(), RError>> {
        self.run(&call, |backend, call| async move {
            let mut out = Records::to_daemon(sink);
            backend.records(&call, &mut out).await?;
            finish(&mut out)
        })
    }

    fn apply_changes(
        &self,
        call: RCall,
        changes: RSourceBox,
        mut report: RReportBox,
    ) -> FfiFuture<RResult<(), RError>> {
        self.run(&call, |backend, call| async move {
            let batch = collect::changes(&changes)?;
            // The daemon's side of the batch is read; let it go before the work starts.
            drop(changes);
            let outcome = backend.apply_changes(&call, batch).await?;
            tell(&outcome, &mut report);
            Ok(())
        })
    }

    fn check(&self, call: RCall) -> FfiFuture<RResult<(), RError>> {
        self.run(&call, |backend, call| async move { backend.check(&call).await })
    }

    fn close(&self, call: RCall) -> FfiFuture<RResult<(), RError>> {
        self.run(&call, |backend, call| async move { backend.close(&call).await })
    }
}

impl<B: Backend> Drop for Opened<B> {
    fn drop(&mut self) {
        // The author's `Drop` may panic, or need a runtime; the daemon's thread has neither barrier
        // nor runtime.
        let _entered = self.runtime.handle().enter();
        let backend = self.backend.take();
        if let Err(error) = guard(|| drop(backend)) {
            let _told = guard(|| tracing::error!(error = %error, "closing the backend failed"));
        }
    }
}

fn tell(outcome: &Outcome, report: &mut RReportBox) {
    for failure in outcome.failures() {
        let (list, index) = match failure.change {
            ChangeId::Create(index) => (list::CREATE, index),
            ChangeId::Update(index) => (list::UPDATE_NEW, index),
            ChangeId::Delete(index) => (list::DELETE, index),
        };
        let failure = RFailureRef {
            list,
            index: index as u64,
            kind: failure.kind.code(),
            reason: RStr::from_str(&failure.reason),
            ext: RSlice::EMPTY,
        };
        if !report.failed(&failure) {
            return;
        }
    }
}
