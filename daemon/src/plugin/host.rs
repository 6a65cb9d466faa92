//! The daemon as a plugin sees it: its log lines and metrics, taken in.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::contain::contain;
use super::frames::message;
use super::heard::{Ears, Heard, LEVEL};
use crate::telemetry::log_limit::LogLimit;
use crate::telemetry::words::beginning;
use metrics::{Label, counter, gauge, histogram};
use tracing::Level;
use zonemux_plugin_abi::stable::{RSlice, RStr, RString};
use zonemux_plugin_abi::{MetricKind, RHost, RLogRef, RMetricRef, RPairRef};

/// Series that one backend's plugin may make; what goes beyond is dropped, so that a plugin that
/// labels by DNS name can't fill the daemon's memory.
const MOST_SERIES: usize = 256;
/// Lines that a backend's plugin may log at once, and after how long one more: a change is a line or two, and a
/// plugin that does nothing but log must not fill a disk.
const LINES: u32 = 5000;
const REFILL: Duration = Duration::from_millis(5);
/// Names that all plugins together may use.
const MOST_NAMES: usize = 1024;
/// Bytes of a line's text, and of its fields: a server's answer is a page.
const LONGEST_TEXT: usize = 8 << 10;
/// Bytes of a module's name, of a file's, of a metric's.
const LONGEST_NAME: usize = 256;
/// Bytes of a metric's name with its labels.
const LONGEST_SERIES: usize = 4 << 10;

/// What the daemon offers to one backend's plugin.
#[derive(Clone)]
pub struct HostSide {
    inner: Arc<Inner>,
}

struct Inner {
    backend: String,
    zones: String,
    base_directory: PathBuf,
    state_directory: PathBuf,
    series: Mutex<HashSet<String>>,
    lines: LogLimit,
    /// Who wants to hear what it says, besides the log.
    ears: Ears,
}

impl fmt::Debug for HostSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSide").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

impl HostSide {
    /// The daemon's side for one backend, whose lines are logged under `plugin::BACKEND`.
    pub fn new(backend: &str, zones: &[String], base_directory: PathBuf, state_directory: PathBuf) -> Self {
        Self {
            inner: Arc::new(Inner {
                backend: backend.to_owned(),
                zones: zones.join(" "),
                base_directory,
                state_directory,
                series: Mutex::default(),
                lines: LogLimit::of(LINES, REFILL),
                ears: Ears::default(),
            }),
        }
    }
}

/// For a plugin in a process of its own: what is told it, and what it says.
impl HostSide {
    pub(super) fn backend_name(&self) -> &str {
        &self.inner.backend
    }

    pub(super) fn zone_names(&self) -> Vec<String> {
        self.inner.zones.split_whitespace().map(str::to_owned).collect()
    }

    pub(super) fn base(&self) -> &Path {
        &self.inner.base_directory
    }

    pub(super) fn state(&self) -> &Path {
        &self.inner.state_directory
    }

    /// The most talkative level of a line that is wanted, at least `info`: whoever probes it may listen any time.
    /// 1 (error) to 5 (trace).
    #[expect(clippy::unused_self, reason = "a filter may be the backend's own one day")]
    pub(super) fn log_level(&self) -> u32 {
        (LEVEL..=5).rev().find(|&level| enabled(decode_level(level))).unwrap_or(LEVEL)
    }

    /// Begins to listen, until what it gives is dropped.
    pub(super) fn listen(&self) -> Arc<Heard> {
        self.inner.ears.listen()
    }

    /// Whether the plugin may log another line now. Says how many were left out before it.
    pub(super) fn may_log(&self) -> bool {
        let Some(left_out) = self.inner.lines.line() else { return false };
        if left_out > 0 {
            tracing::warn!(backend = self.inner.backend, lines = left_out, "the plugin logs too much");
        }
        true
    }

    pub(super) fn take_log(&self, line: &message::Log) {
        let fields = lend(&line.fields);
        self.log(&RLogRef {
            level: line.level,
            target: RStr::from_str(&line.target),
            message: RStr::from_str(&line.message),
            fields: RSlice::from_slice(&fields),
            file: RStr::from_str(&line.file),
            line: line.line,
            ext: RSlice::EMPTY,
        });
    }

    pub(super) fn take_metric(&self, metric: &message::Metric) {
        let labels = lend(&metric.labels);
        self.metric(&RMetricRef {
            kind: metric.kind,
            name: RStr::from_str(&metric.name),
            labels: RSlice::from_slice(&labels),
            value: metric.value,
            ext: RSlice::EMPTY,
        });
    }
}

fn lend(pairs: &[(String, String)]) -> Vec<RPairRef<'_>> {
    pairs
        .iter()
        .map(|(key, value)| RPairRef { key: RStr::from_str(key), value: RStr::from_str(value) })
        .collect()
}

impl RHost for HostSide {
    fn backend(&self) -> RString {
        RString::from(self.inner.backend.as_str())
    }

    fn zones(&self) -> RString {
        RString::from(self.inner.zones.as_str())
    }

    fn base_directory(&self) -> RString {
        RString::from(self.inner.base_directory.to_string_lossy().into_owned())
    }

    fn state_directory(&self) -> RString {
        RString::from(self.inner.state_directory.to_string_lossy().into_owned())
    }

    fn log_enabled(&self, level: u32, _: RStr<'_>) -> bool {
        contain(|| enabled(decode_level(level)) || self.inner.ears.want(level))
    }

    fn log(&self, line: &RLogRef<'_>) {
        contain(|| {
            if !self.may_log() {
                return;
            }
            let fields = format_fields(line.fields);
            let fields = beginning(&fields, LONGEST_TEXT);
            let message = beginning(line.message.as_str(), LONGEST_TEXT);
            let target = beginning(line.target.as_str(), LONGEST_NAME);
            let file = beginning(line.file.as_str(), LONGEST_NAME);
            self.inner.ears.tell(line.level, message, fields);
            let (backend, line_number) = (self.inner.backend.as_str(), line.line);
            // `tracing` wants target and level known at compile time; the target that filters see is
            // `plugin`, the backend and the plugin's own module are fields.
            macro_rules! emit {
                ($level:expr) => {
                    tracing::event!(
                        target: "plugin", $level,
                        backend, module = target, at = format_args!("{file}:{line_number}"),
                        fields = (!fields.is_empty()).then_some(fields),
                        "{message}"
                    )
                };
            }
            match decode_level(line.level) {
                Level::ERROR => emit!(Level::ERROR),
                Level::WARN => emit!(Level::WARN),
                Level::INFO => emit!(Level::INFO),
                Level::DEBUG => emit!(Level::DEBUG),
                Level::TRACE => emit!(Level::TRACE),
            }
        });
    }

    fn metric(&self, metric: &RMetricRef<'_>) {
        contain(|| self.record(metric));
    }
}

impl HostSide {
    fn record(&self, metric: &RMetricRef<'_>) {
        let name = metric.name.as_str();
        let keys = metric.labels.iter().map(|label| label.key.as_str());
        // `zonemux_plugin_restarts_total` is the daemon's own.
        if name.eq_ignore_ascii_case("restarts_total")
            || !is_legal(name)
            || !keys.clone().all(is_legal)
            || !metric.value.is_finite()
        {
            return;
        }
        // A page with one label twice is refused by Prometheus as a whole.
        let mut seen = HashSet::from(["backend", "le", "quantile"]);
        if !keys.into_iter().all(|key| seen.insert(key)) || !is_first_kind(name, metric.kind) {
            tracing::debug!(
                backend = self.inner.backend,
                metric = name,
                "the plugin's metric can't be taken"
            );
            return;
        }
        let mut labels = vec![Label::new("backend", self.inner.backend.clone())];
        labels.extend(
            metric
                .labels
                .iter()
                .map(|label| Label::new(label.key.as_str().to_owned(), label.value.as_str().to_owned())),
        );
        if !self.admit(name, &labels) {
            return;
        }
        let name = format!("zonemux_plugin_{}", name.to_ascii_lowercase());
        match metric.kind {
            MetricKind::COUNTER if metric.value >= 0.0 => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "checked to be a small positive number"
                )]
                counter!(name, labels).increment(metric.value as u64);
            }
            MetricKind::GAUGE => gauge!(name, labels).set(metric.value),
            MetricKind::HISTOGRAM => histogram!(name, labels).record(metric.value),
            _ => {}
        }
    }

    fn admit(&self, name: &str, labels: &[Label]) -> bool {
        let mut key = name.to_owned();
        for label in labels {
            key.push('\0');
            key.push_str(label.key());
            key.push('\0');
            key.push_str(label.value());
        }
        let mut series = self.inner.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.contains(&key) {
            return true;
        }
        let room = series.len() < MOST_SERIES && key.len() <= LONGEST_SERIES;
        if room {
            series.insert(key);
        } else {
            tracing::debug!(
                backend = self.inner.backend,
                metric = name,
                "the plugin makes too many series, or one too long"
            );
        }
        room
    }
}

/// Letters, digits and `_`, no digit first, and not without end.
fn is_legal(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|first: char| !first.is_ascii_digit())
}

/// Whether a name is used for the kind that it was first used for, by any plugin: one page can't have a
/// name as counter and as gauge.
fn is_first_kind(name: &str, kind: u32) -> bool {
    static KINDS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
    match kinds.get(&name.to_ascii_lowercase()) {
        Some(first) => *first == kind,
        None if kinds.len() < MOST_NAMES => kinds.insert(name.to_ascii_lowercase(), kind).is_none(),
        None => false,
    }
}

fn decode_level(level: u32) -> Level {
    match level {
        1 => Level::ERROR,
        2 => Level::WARN,
        3 => Level::INFO,
        4 => Level::DEBUG,
        _ => Level::TRACE,
    }
}

fn enabled(level: Level) -> bool {
    match level {
        Level::ERROR => tracing::enabled!(target: "plugin", Level::ERROR),
        Level::WARN => tracing::enabled!(target: "plugin", Level::WARN),
        Level::INFO => tracing::enabled!(target: "plugin", Level::INFO),
        Level::DEBUG => tracing::enabled!(target: "plugin", Level::DEBUG),
        Level::TRACE => tracing::enabled!(target: "plugin", Level::TRACE),
    }
}

fn format_fields(fields: RSlice<'_, RPairRef<'_>>) -> String {
    let mut text = String::new();
    for field in fields.as_slice() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(field.key.as_str());
        text.push('=');
        text.push_str(field.value.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_bounded_in_number_and_in_length() {
        let host = HostSide::new("lan", &[], "/".into(), "/".into());
        let label = |value: String| [Label::new("zone", value)];
        assert!(!host.admit("calls_total", &label("x".repeat(LONGEST_SERIES))));
        for number in 0..MOST_SERIES {
            assert!(host.admit("calls_total", &label(number.to_string())), "{number}");
        }
        assert!(!host.admit("calls_total", &label("one more".into())));
        assert!(host.admit("calls_total", &label("0".into())), "one that is there");
        assert!(is_legal(&"x".repeat(LONGEST_NAME)) && !is_legal(&"x".repeat(LONGEST_NAME + 1)));
    }
}
