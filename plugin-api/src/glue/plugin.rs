//! A plugin with checked settings: opens, and adjusts without a backend.

use std::sync::Arc;
use std::time::Duration;

use zonemux_plugin_abi::stable::{RErr, RResult, RStr, RString, TD_Opaque};
use zonemux_plugin_abi::{FfiFuture, RBackend_TO, RCall, RError, ROpened, RPlugin, RSinkBox, RSourceBox};

use super::backend::Opened;
use super::panic::guard;
use super::task::OwnRuntime;
use super::{collect, task};
use crate::backend::{Adjust, Backend};
use crate::call::Call;
use crate::capabilities::Capabilities;
use crate::endpoint::EndpointView;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::records::Records;

/// A backend's settings, checked.
pub(crate) struct Configured<B: Backend> {
    /// Empty only while it is being dropped.
    pub(crate) config: Option<Arc<B::Config>>,
    pub(crate) host: Host,
    pub(crate) runtime: Arc<OwnRuntime>,
}

impl<B: Backend> Drop for Configured<B> {
    fn drop(&mut self) {
        // The author's settings may panic when they are dropped, like everything of theirs.
        let config = self.config.take();
        let _dropped = guard(|| drop(config));
    }
}

impl<B: Backend> Configured<B> {
    fn config(&self) -> &Arc<B::Config> {
        self.config.as_ref().expect("only empty while it is being dropped")
    }

    fn adjuster(&self, capabilities: RStr<'_>) -> Result<Option<Adjust>> {
        guard(|| {
            let capabilities: Capabilities =
                serde_json::from_str(capabilities.as_str()).map_err(|error| {
                    Error::new(ErrorKind::Internal, format!("the stored capabilities can't be read: {error}"))
                })?;
            Ok(B::adjust(self.config(), &capabilities))
        })
        .and_then(|result| result)
    }
}

impl<B: Backend> RPlugin for Configured<B> {
    fn open(&self, _: RCall) -> FfiFuture<RResult<ROpened, RError>> {
        let (config, host, runtime) =
            (Arc::clone(self.config()), self.host.clone(), Arc::clone(&self.runtime));
        task::run(&self.host, &self.runtime, async move {
            let backend = B::open(B::Config::clone(&config), host.clone()).await?;
            let capabilities = serde_json::to_string(&backend.capabilities())?;
            let opened = Opened { backend: Some(Arc::new(backend)), host, runtime };
            let backend = RBackend_TO::from_value(opened, TD_Opaque);
            Ok(ROpened { backend, capabilities: RString::from(capabilities) })
        })
    }

    fn adjusts(&self, capabilities: RStr<'_>) -> bool {
        // An error is told by `adjust` itself.
        !matches!(self.adjuster(capabilities), Ok(None))
    }

    fn adjust(
        &self,
        call: RCall,
        capabilities: RStr<'_>,
        source: RSourceBox,
        sink: RSinkBox,
    ) -> FfiFuture<RResult<(), RError>> {
        let adjust = match self.adjuster(capabilities) {
            Ok(adjust) => adjust,
            Err(error) => return FfiFuture::new(std::future::ready(RErr(task::encode(&error)))),
        };
        task::compute(&self.host, &self.runtime, move || {
            let call = decode_call(&call);
            tracing::trace!(call = call.id(), "adjusting endpoints");
            let endpoints = collect::endpoints(&source)?;
            let mut out = Records::to_daemon(sink);
            for endpoint in endpoints.iter() {
                match &adjust {
                    None => out.push(&endpoint)?,
                    Some(adjust) => {
                        let mut adjusted = endpoint.to_endpoint();
                        // What ExternalDNS sends here may have the dot that is nowhere else.
                        if adjusted.dns_name.len() > 1 && adjusted.dns_name.ends_with('.') {
                            adjusted.dns_name.pop();
                        }
                        adjust(&mut adjusted);
                        // ExternalDNS 0.22 finds the endpoint's source by this key.
                        endpoint.dns_name().clone_into(&mut adjusted.dns_name);
                        endpoint.record_type().clone_into(&mut adjusted.record_type);
                        endpoint.set_identifier().clone_into(&mut adjusted.set_identifier);
                        out.push(&adjusted)?;
                    }
                }
            }
            finish(&mut out)
        })
    }
}

/// Ends a list; the daemon may have given up meanwhile.
pub(crate) fn finish(out: &mut Records) -> Result<()> {
    if out.finish() {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Cancelled, "the daemon no longer waits for this list"))
    }
}

/// A call as the author sees it.
pub(crate) fn decode_call(call: &RCall) -> Call {
    let time_left = (call.time_left_ms != u64::MAX).then(|| Duration::from_millis(call.time_left_ms));
    Call::new(call.id.as_str(), time_left, call.dry_run)
}
