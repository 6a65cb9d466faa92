//! Answers the daemon's calls until it is gone.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::UnixStream;
use zonemux_plugin::{Capabilities, ErrorKind};
use zonemux_plugin_abi::stable::{RResult, RStr, RString, RVec, TD_Opaque};
use zonemux_plugin_abi::{
    FfiFuture, RBackendBox, RCall, RError, RHost_TO, RPluginBox, RReport_TO, RSink_TO, RSource_TO, list,
};

use super::calls::Calls;
use super::host::ChildHost;
use super::lists::{Life, Report, Sink, Source};
use super::pages;
use super::wire::Outlet;
use crate::plugin::frames::{self, FrameError, Header, Kind, PROTOCOL, message};
use crate::plugin::load::Loaded;

/// What this process has of the plugin.
pub(super) struct Served {
    loaded: Loaded,
    outlet: Outlet,
    calls: Calls,
    plugin: Option<Arc<RPluginBox>>,
    /// The one that was opened last.
    backend: Rc<RefCell<Option<Rc<RBackendBox>>>>,
}

impl Served {
    pub(super) fn new(loaded: Loaded, outlet: Outlet) -> Self {
        let calls = Calls::new(outlet.clone());
        Self { loaded, outlet, calls, plugin: None, backend: Rc::default() }
    }

    /// Reads frames until the daemon closes its end.
    pub(super) async fn serve(mut self) -> Result<(), message::Refused> {
        let gone = |error: io::Error| message::Refused::Setup(error.to_string());
        let socket = rustix::io::fcntl_dupfd_cloexec(self.outlet.socket(), 3).map_err(io::Error::from);
        let socket = std::os::unix::net::UnixStream::from(socket.map_err(gone)?);
        socket.set_nonblocking(true).map_err(gone)?;
        let socket = UnixStream::from_std(socket).map_err(gone)?;
        let mut buffer = Vec::with_capacity(frames::CHUNK * 2);
        loop {
            let mut used = 0;
            while let Some((header, payload, length)) =
                Header::split(&buffer[used..]).map_err(|error| message::Refused::Setup(error.to_string()))?
            {
                self.take(header, payload)?;
                used += length;
            }
            buffer.drain(..used);
            socket.readable().await.map_err(gone)?;
            match socket.try_read_buf(&mut buffer) {
                // The daemon is gone, or does not need this process any more.
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(gone(error)),
            }
        }
    }

    fn take(&mut self, header: Header, payload: &[u8]) -> Result<(), message::Refused> {
        let unreadable = |error: FrameError| message::Refused::Setup(error.to_string());
        let call = header.call;
        match header.kind {
            Kind::Configure => {
                let told = frames::decode("configure", payload).map_err(unreadable)?;
                return self.configure(told);
            }
            Kind::Open => self.open(call, frames::decode("open", payload).map_err(unreadable)?),
            Kind::Records => self.records(call, frames::decode("records", payload).map_err(unreadable)?),
            Kind::Apply => self.apply(call, frames::decode("apply", payload).map_err(unreadable)?),
            Kind::Adjust => self.adjust(call, frames::decode("adjust", payload).map_err(unreadable)?),
            Kind::Check => {
                let told = frames::decode("check", payload).map_err(unreadable)?;
                self.with_backend(call, move |backend, _| backend.check(encode(&told)));
            }
            Kind::Close => {
                let told = frames::decode("close", payload).map_err(unreadable)?;
                self.with_backend(call, move |backend, _| backend.close(encode(&told)));
            }
            Kind::Describe => {
                // Whoever asked may have lost patience.
                let _told = self.outlet.frame(Kind::Description, 0, &[self.loaded.schema().as_bytes()]);
            }
            Kind::Cancel => self.calls.cancel(call),
            Kind::Piece => self.calls.arrive(call, payload),
            _ => return Err(unreadable(FrameError::Unexpected("frame of a plugin's own kind"))),
        }
        Ok(())
    }

    fn configure(&mut self, told: message::Configure) -> Result<(), message::Refused> {
        let settings = told.settings.get().to_owned();
        let host = RHost_TO::from_value(ChildHost { told, outlet: self.outlet.clone() }, TD_Opaque);
        match self.loaded.module.configure()(host, RStr::from_str(&settings)) {
            RResult::ROk(plugin) => self.plugin = Some(Arc::new(plugin)),
            RResult::RErr(faults) => {
                let fault = |fault: zonemux_plugin_abi::RFault| message::SettingsFault {
                    path: fault.path.into_string(),
                    message: fault.message.into_string(),
                    hint: fault.hint.into_string(),
                };
                return Err(message::Refused::Settings(faults.into_iter().map(fault).collect()));
            }
        }
        let configured = message::Configured { protocol: PROTOCOL, ..message::Configured::default() };
        let _told = self.outlet.json(Kind::Configured, 0, &configured);
        Ok(())
    }

    fn open(&self, call: u32, told: message::Call) {
        let (plugin, slot) = (self.plugin.clone(), Rc::clone(&self.backend));
        self.calls.run(call, |_| async move {
            let plugin = plugin.ok_or_else(|| internal("the settings were never given"))?;
            let opened = settle(plugin.open(encode(&told))).await?;
            let capabilities = opened.capabilities.into_string();
            // The author's code: it may hang, and this thread is needed.
            let adjusts = blocking(Arc::clone(&plugin), capabilities.clone()).await?;
            let capabilities: Capabilities = serde_json::from_str(&capabilities)
                .map_err(|error| internal(format!("the plugin's capabilities can't be read: {error}")))?;
            slot.replace(Some(Rc::new(opened.backend)));
            // Nearly all that follows is waiting.
            pages::let_go();
            Ok(message::Done { capabilities: Some(capabilities), adjusts })
        });
    }

    fn records(&self, call: u32, told: message::Call) {
        self.with_backend(call, move |backend, life| {
            let sink = RSink_TO::from_value(Sink::new(life), TD_Opaque);
            backend.records(encode(&told), sink)
        });
    }

    fn apply(&self, call: u32, told: message::Apply) {
        self.with_backend(call, move |backend, life| {
            let lengths = [told.create, told.update, told.update, told.delete];
            let source = RSource_TO::from_value(Source::new(life, lengths, told.text_size), TD_Opaque);
            let report = RReport_TO::from_value(Report(Arc::clone(life)), TD_Opaque);
            backend.apply_changes(encode(&told.call), source, report)
        });
    }

    fn adjust(&self, call: u32, told: message::Adjust) {
        let plugin = self.plugin.clone();
        self.calls.run(call, |life| async move {
            let plugin = plugin.ok_or_else(|| internal("the settings were never given"))?;
            let capabilities = serde_json::to_string(&told.capabilities).unwrap_or_default();
            let mut lengths = [0; 4];
            lengths[list::CREATE as usize] = told.count;
            let source = RSource_TO::from_value(Source::new(&life, lengths, told.text_size), TD_Opaque);
            let sink = RSink_TO::from_value(Sink::new(&life), TD_Opaque);
            let future = plugin.adjust(encode(&told.call), RStr::from_str(&capabilities), source, sink);
            settle(future).await?;
            Ok(message::Done::default())
        });
    }

    fn with_backend(
        &self,
        call: u32,
        code: impl FnOnce(&RBackendBox, &Arc<Life>) -> FfiFuture<RResult<(), RError>> + 'static,
    ) {
        let backend = self.backend.borrow().clone();
        self.calls.run(call, |life| async move {
            let backend = backend.ok_or_else(|| internal("the backend was never opened"))?;
            settle(code(&backend, &life)).await?;
            Ok(message::Done::default())
        });
    }
}

async fn blocking(plugin: Arc<RPluginBox>, capabilities: String) -> Result<bool, message::Failure> {
    tokio::task::spawn_blocking(move || plugin.adjusts(RStr::from_str(&capabilities)))
        .await
        .map_err(|error| internal(error.to_string()))
}

async fn settle<T>(future: FfiFuture<RResult<T, RError>>) -> Result<T, message::Failure> {
    future.await.into_result().map_err(|error| message::Failure {
        kind: ErrorKind::from_code(error.kind).as_str().to_owned(),
        message: error.message.into_string(),
        retry_after_ms: error.retry_after_ms,
    })
}

fn internal(words: impl Into<String>) -> message::Failure {
    message::Failure {
        kind: ErrorKind::Internal.as_str().to_owned(),
        message: words.into(),
        retry_after_ms: 0,
    }
}

fn encode(call: &message::Call) -> RCall {
    RCall {
        id: RString::from(call.id.as_str()),
        time_left_ms: call.time_left_ms,
        dry_run: false,
        ext: RVec::new(),
    }
}
