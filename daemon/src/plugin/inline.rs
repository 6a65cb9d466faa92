//! Runs a plugin's code inside the daemon's process.

use std::fmt;
use std::sync::Arc;

use zonemux_plugin::{Capabilities, ErrorKind, Fault};
use zonemux_plugin_abi::stable::{RResult, RStr, RString, RVec, TD_Opaque};
use zonemux_plugin_abi::{
    FfiFuture, RBackendBox, RCall, RError, RFault, RHost_TO, RPluginBox, RReport_TO, RSink_TO, RSource_TO,
};

use super::cross::{BatchSource, Report, SelectionSource, Sink};
use super::error::{PluginError, Refusal};
use super::host::HostSide;
use super::image::Image;
use super::load::Loader;
use crate::backend::{
    BackendError, Batch, Driver, DriverCall, DriverFuture, Failure, Instance, Lease, ListSink, Opened,
    Selection,
};

/// A configured plugin in this process.
pub struct Inline {
    /// Empty only while it is being dropped.
    plugin: Option<Arc<RPluginBox>>,
    host: HostSide,
}

impl Drop for Inline {
    fn drop(&mut self) {
        // Its destructor is the plugin's code, which may hang: not on a thread that serves.
        let plugin = self.plugin.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(plugin));
        }
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inline")
    }
}

impl Inline {
    /// Loads an image and gives it a backend's settings, a JSON object. Runs the plugin's code: call
    /// it on a thread that may block.
    pub fn configure(
        loader: &Loader,
        image: &Image,
        host: HostSide,
        settings: &str,
    ) -> Result<Self, PluginError> {
        if image.manifest.panic == "abort" {
            return Err(PluginError::new(&image.path, Refusal::Aborts));
        }
        let plugin = loader.load(image)?;
        let kept = host.clone();
        let host = RHost_TO::from_value(host, TD_Opaque);
        match plugin.module.configure()(host, RStr::from_str(settings)) {
            RResult::ROk(plugin) => Ok(Self { plugin: Some(Arc::new(plugin)), host: kept }),
            RResult::RErr(faults) => {
                let faults = faults.into_iter().map(decode_fault).collect();
                Err(PluginError::new(&image.path, Refusal::Settings(faults)))
            }
        }
    }
}

impl Inline {
    fn plugin(&self) -> &Arc<RPluginBox> {
        self.plugin.as_ref().expect("only empty while it is being dropped")
    }
}

impl Driver for Inline {
    fn open(&self, call: DriverCall) -> DriverFuture<Opened> {
        let (plugin, host) = (Arc::clone(self.plugin()), self.host.clone());
        Box::pin(async move {
            let opened = settle(plugin.open(encode_call(&call))).await?;
            let capabilities = serde_json::from_str(opened.capabilities.as_str()).map_err(|error| {
                BackendError::new(
                    ErrorKind::Internal,
                    format!("the plugin's capabilities can't be read: {error}"),
                )
            })?;
            Ok(Opened { instance: Arc::new(InlineInstance { backend: opened.backend, host }), capabilities })
        })
    }

    fn adjusts(&self, capabilities: &Capabilities) -> bool {
        self.plugin().adjusts(RStr::from_str(&encode_capabilities(capabilities)))
    }

    fn adjust(
        &self,
        call: DriverCall,
        capabilities: &Capabilities,
        endpoints: Selection,
        sink: ListSink,
    ) -> DriverFuture<()> {
        let source = RSource_TO::from_value(SelectionSource(endpoints), TD_Opaque);
        let sink = RSink_TO::from_value(Sink(sink), TD_Opaque);
        let capabilities = encode_capabilities(capabilities);
        let future = self.plugin().adjust(encode_call(&call), RStr::from_str(&capabilities), source, sink);
        Box::pin(settle(future))
    }
}

struct InlineInstance {
    backend: RBackendBox,
    host: HostSide,
}

impl Instance for InlineInstance {
    fn records(&self, call: DriverCall, sink: ListSink) -> DriverFuture<()> {
        let sink = RSink_TO::from_value(Sink(sink), TD_Opaque);
        Box::pin(settle(self.backend.records(encode_call(&call), sink)))
    }

    fn apply(&self, call: DriverCall, batch: Arc<Batch>, lease: Lease) -> DriverFuture<Vec<Failure>> {
        let source = RSource_TO::from_value(BatchSource(batch), TD_Opaque);
        let report = Report::open();
        let theirs = RReport_TO::from_value(report.to_plugin(lease), TD_Opaque);
        let future = self.backend.apply_changes(encode_call(&call), source, theirs);
        Box::pin(async move {
            let result = settle(future).await;
            // Also after an error: nothing more is taken once the call has ended.
            let failures = report.take();
            result.map(|()| failures)
        })
    }

    fn check(&self, call: DriverCall) -> DriverFuture<Vec<String>> {
        let heard = self.host.listen();
        let checking = settle(self.backend.check(encode_call(&call)));
        Box::pin(async move { checking.await.map(|()| heard.lines()) })
    }

    fn close(&self, call: DriverCall) -> DriverFuture<()> {
        Box::pin(settle(self.backend.close(encode_call(&call))))
    }
}

/// Waits for a plugin's future. Its body runs on the plugin's runtime; what is polled here is the
/// handle of a task, and dropping it aborts the task.
async fn settle<T>(future: FfiFuture<RResult<T, RError>>) -> Result<T, BackendError> {
    future.await.into_result().map_err(|error| decode_error(&error))
}

fn encode_call(call: &DriverCall) -> RCall {
    RCall {
        id: RString::from(call.id.as_str()),
        time_left_ms: u64::try_from(call.time_left.as_millis()).unwrap_or(u64::MAX),
        dry_run: false,
        ext: RVec::new(),
    }
}

fn encode_capabilities(capabilities: &Capabilities) -> String {
    serde_json::to_string(capabilities).unwrap_or_default()
}

fn decode_error(error: &RError) -> BackendError {
    BackendError::new(ErrorKind::from_code(error.kind), error.message.as_str()).after_ms(error.retry_after_ms)
}

fn decode_fault(fault: RFault) -> Fault {
    Fault::new(fault.path, fault.message).with_hint(fault.hint)
}
