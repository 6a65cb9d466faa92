//! An open backend under test.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use zonemux_plugin_abi::stable::{RErr, ROk, RResult, RStr, RString, RVec, TD_Opaque};
use zonemux_plugin_abi::{RBackendBox, RCall, RError, RPluginBox, RReport_TO, RSink_TO, RSource_TO};

use super::builder::ChangesBuilder;
use super::host::{LogLine, Metric, Seen};
use super::lists::{Batch, Report, Taken};
use super::wait::wait;
use crate::capabilities::Capabilities;
use crate::dns::{canonical_target, clamp_ttl, without_duplicates};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::Outcome;

/// An open backend, called as the daemon calls it. Made by [`open`](super::open).
pub struct TestBackend {
    backend: RBackendBox,
    plugin: RPluginBox,
    capabilities: String,
    seen: Arc<Seen>,
    time_limit: Option<Duration>,
}

impl TestBackend {
    pub(super) fn open(plugin: RPluginBox, seen: Arc<Seen>) -> Result<Self> {
        let opened = result(plugin.open(call(None, false)), None)?;
        let capabilities = opened.capabilities.into_string();
        Ok(Self { backend: opened.backend, plugin, capabilities, seen, time_limit: None })
    }

    /// Gives up on each later call after that long, as the daemon does: the call's future is
    /// dropped, and the answer is an error of the kind `Cancelled`.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Every record, in the order in which the backend lists them.
    pub fn records(&self) -> Result<Vec<Endpoint>> {
        self.records_within(self.time_limit)
    }

    pub(super) fn records_within(&self, limit: Option<Duration>) -> Result<Vec<Endpoint>> {
        let taken = Taken::default();
        let sink = RSink_TO::from_value(taken.clone(), TD_Opaque);
        result(self.backend.records(call(limit, false), sink), limit)?;
        complete(&taken)
    }

    /// Applies a batch.
    pub fn apply(&self, batch: &ChangesBuilder) -> Result<Outcome> {
        self.apply_within(batch, false, self.time_limit)
    }

    /// Asks what a batch would do.
    pub fn dry_run(&self, batch: &ChangesBuilder) -> Result<Outcome> {
        self.apply_within(batch, true, self.time_limit)
    }

    pub(super) fn apply_within(
        &self,
        batch: &ChangesBuilder,
        dry_run: bool,
        limit: Option<Duration>,
    ) -> Result<Outcome> {
        let report = Report::default();
        let source = RSource_TO::from_value(Batch(batch.build()), TD_Opaque);
        let sink = RReport_TO::from_value(report.clone(), TD_Opaque);
        result(self.backend.apply_changes(call(limit, dry_run), source, sink), limit)?;
        Ok(report.outcome())
    }

    /// Endpoints as they are adjusted: first by the daemon, as for every backend with these
    /// [capabilities](Self::capabilities), then by the backend. Endpoints of types that the backend
    /// doesn't have are not left out here, so that a test sees what it does with them.
    pub fn adjust(&self, endpoints: impl IntoIterator<Item = Endpoint>) -> Result<Vec<Endpoint>> {
        let declared = self.capabilities();
        let mut batch = ChangesBuilder::new();
        for mut endpoint in endpoints {
            by_the_daemon(&mut endpoint, &declared);
            batch = batch.create(endpoint);
        }
        let taken = Taken::default();
        let source = RSource_TO::from_value(Batch(batch.build()), TD_Opaque);
        let sink = RSink_TO::from_value(taken.clone(), TD_Opaque);
        let capabilities = RStr::from_str(&self.capabilities);
        self.result(self.plugin.adjust(self.call(), capabilities, source, sink))?;
        complete(&taken)
    }

    /// What the backend says it can do.
    pub fn capabilities(&self) -> Capabilities {
        serde_json::from_str(&self.capabilities).unwrap_or_default()
    }

    /// Asks whether the backend works.
    pub fn check(&self) -> Result<()> {
        self.result(self.backend.check(self.call()))
    }

    /// Closes the backend, which is then dropped.
    pub fn close(self) -> Result<()> {
        self.result(self.backend.close(self.call()))
    }

    /// What the backend logged so far. Every level is kept. A test with a `tracing` subscriber of
    /// its own takes the lines instead.
    pub fn log(&self) -> Vec<LogLine> {
        self.seen.log().clone()
    }

    /// What the backend counted and measured so far.
    pub fn metrics(&self) -> Vec<Metric> {
        self.seen.metrics().clone()
    }

    fn call(&self) -> RCall {
        call(self.time_limit, false)
    }

    fn result<T>(&self, future: impl Future<Output = RResult<T, RError>>) -> Result<T> {
        result(future, self.time_limit)
    }
}

impl fmt::Debug for TestBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestBackend").field("capabilities", &self.capabilities).finish_non_exhaustive()
    }
}

fn complete(taken: &Taken) -> Result<Vec<Endpoint>> {
    taken.complete().ok_or_else(|| Error::new(ErrorKind::Internal, "the list was not said to be complete"))
}

fn call(time_limit: Option<Duration>, dry_run: bool) -> RCall {
    let time_left_ms =
        time_limit.map_or(u64::MAX, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    RCall { id: RString::from("test"), time_left_ms, dry_run, ext: RVec::new() }
}

fn result<T>(future: impl Future<Output = RResult<T, RError>>, limit: Option<Duration>) -> Result<T> {
    match wait(future, limit) {
        Some(ROk(value)) => Ok(value),
        Some(RErr(error)) => {
            let decoded = Error::new(ErrorKind::from_code(error.kind), error.message);
            Err(match error.retry_after_ms {
                0 => decoded,
                wait => decoded.with_retry_after(Duration::from_millis(wait)),
            })
        }
        None => Err(Error::new(ErrorKind::Cancelled, "the call took longer than its time limit")),
    }
}

/// What the daemon makes of an endpoint before a backend sees it.
fn by_the_daemon(endpoint: &mut Endpoint, declared: &Capabilities) {
    endpoint.record_ttl = clamp_ttl(endpoint.record_ttl, declared.min_ttl, declared.max_ttl);
    let targets = endpoint.targets.iter().map(String::as_str);
    let distinct = without_duplicates(&endpoint.record_type, targets);
    let spelled = distinct.into_iter().map(|target| canonical_target(&endpoint.record_type, target));
    endpoint.targets = spelled.map(Cow::into_owned).collect();
    if let Some(known) = &declared.properties {
        endpoint.provider_specific.retain(|property| known.contains(&property.name));
    }
}
