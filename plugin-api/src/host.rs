//! The daemon, as a backend sees it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zonemux_plugin_abi::stable::{RSlice, RStr};
use zonemux_plugin_abi::{MetricKind, RHostBox, RMetricRef, RPairRef};

/// A handle to the daemon: the backend's name and zones, and its metrics. Logs need no handle: use
/// `tracing`, whose events go to the daemon's log under the target `plugin`, with the
/// backend as a field.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    host: Option<RHostBox>,
    backend: String,
    zones: Vec<String>,
    base_directory: PathBuf,
    state_directory: PathBuf,
}

impl Host {
    pub(crate) fn new(host: RHostBox) -> Self {
        let backend = host.backend().into_string();
        let zones = host.zones().split_whitespace().map(str::to_owned).collect();
        let base_directory = PathBuf::from(host.base_directory().as_str());
        let state_directory = PathBuf::from(host.state_directory().as_str());
        Self { inner: Arc::new(Inner { host: Some(host), backend, zones, base_directory, state_directory }) }
    }

    /// A host for tests without a daemon: metrics go nowhere, paths are relative to the current
    /// directory.
    pub fn detached<T: Into<String>>(backend: impl Into<String>, zones: impl IntoIterator<Item = T>) -> Self {
        let zones = zones.into_iter().map(Into::into).collect();
        let (base_directory, state_directory) = (PathBuf::from("."), PathBuf::from("."));
        let backend = backend.into();
        Self { inner: Arc::new(Inner { host: None, backend, zones, base_directory, state_directory }) }
    }

    /// The backend's name in the configuration.
    pub fn backend(&self) -> &str {
        &self.inner.backend
    }

    /// The zones that the configuration gives this backend: lower case, A-labels, no trailing dot.
    /// Empty where the backend shall find them by itself.
    pub fn zones(&self) -> &[String] {
        &self.inner.zones
    }

    /// A path of the settings, as the operator meant it: a relative one refers to the folder of the
    /// configuration file that holds it.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.inner.base_directory.join(path)
    }

    /// A folder of this backend's own for what must outlive the daemon. Create it where it is needed.
    pub fn state_directory(&self) -> &Path {
        &self.inner.state_directory
    }

    /// Adds to a counter, exported as `zonemux_plugin_NAME{backend=…}`. Names are `[a-z0-9_]+` and
    /// end in `_total`; label values must be few, never a DNS name.
    pub fn count(&self, name: &str, labels: &[(&str, &str)], add: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 is enough")]
        self.metric(MetricKind::COUNTER, name, labels, add as f64);
    }

    /// Sets a gauge, exported as `zonemux_plugin_NAME{backend=…}`.
    pub fn gauge(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.metric(MetricKind::GAUGE, name, labels, value);
    }

    /// Records a value in a histogram, exported as `zonemux_plugin_NAME{backend=…}`; durations in
    /// seconds.
    pub fn observe(&self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.metric(MetricKind::HISTOGRAM, name, labels, value);
    }

    pub(crate) fn raw(&self) -> Option<&RHostBox> {
        self.inner.host.as_ref()
    }

    fn metric(&self, kind: u32, name: &str, labels: &[(&str, &str)], value: f64) {
        let Some(host) = &self.inner.host else { return };
        let labels: Vec<RPairRef<'_>> = labels
            .iter()
            .map(|&(key, value)| RPairRef { key: RStr::from_str(key), value: RStr::from_str(value) })
            .collect();
        host.metric(&RMetricRef {
            kind,
            name: RStr::from_str(name),
            labels: RSlice::from_slice(&labels),
            value,
            ext: RSlice::EMPTY,
        });
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("backend", &self.inner.backend)
            .field("zones", &self.inner.zones)
            .finish_non_exhaustive()
    }
}
