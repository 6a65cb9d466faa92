//! A daemon that only remembers what it is told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zonemux_plugin_abi::stable::{RSlice, RStr, RString};
use zonemux_plugin_abi::{MetricKind, RHost, RLogRef, RMetricRef, RPairRef};

/// A log line of the backend under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: &'static str,
    /// The line itself.
    pub message: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

/// A movement of a metric of the backend under test.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The name that the backend gave.
    pub name: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// By how much, or to what.
    pub value: f64,
}

/// What a backend told its host.
#[derive(Debug, Default)]
pub(super) struct Seen {
    log: Mutex<Vec<LogLine>>,
    metrics: Mutex<Vec<Metric>>,
}

impl Seen {
    pub(super) fn log(&self) -> MutexGuard<'_, Vec<LogLine>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn metrics(&self) -> MutexGuard<'_, Vec<Metric>> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct TestHost {
    pub(super) zones: String,
    pub(super) seen: Arc<Seen>,
}

impl RHost for TestHost {
    fn backend(&self) -> RString {
        RString::from("test")
    }

    fn zones(&self) -> RString {
        RString::from(self.zones.as_str())
    }

    fn base_directory(&self) -> RString {
        RString::from(".")
    }

    fn state_directory(&self) -> RString {
        RString::from(".")
    }

    fn log_enabled(&self, _: u32, _: RStr<'_>) -> bool {
        true
    }

    fn log(&self, line: &RLogRef<'_>) {
        let level = match line.level {
            1 => "error",
            2 => "warn",
            3 => "info",
            4 => "debug",
            _ => "trace",
        };
        let line = LogLine { level, message: line.message.as_str().to_owned(), fields: owned(line.fields) };
        self.seen.log().push(line);
    }

    fn metric(&self, metric: &RMetricRef<'_>) {
        let kind = match metric.kind {
            MetricKind::COUNTER => "counter",
            MetricKind::GAUGE => "gauge",
            _ => "histogram",
        };
        let name = metric.name.as_str().to_owned();
        self.seen.metrics().push(Metric { kind, name, labels: owned(metric.labels), value: metric.value });
    }
}

fn owned(pairs: RSlice<'_, RPairRef<'_>>) -> Vec<(String, String)> {
    pairs
        .as_slice()
        .iter()
        .map(|pair| (pair.key.as_str().to_owned(), pair.value.as_str().to_owned()))
        .collect()
}
