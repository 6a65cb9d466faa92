//! What the daemon offers to a plugin: logs and metrics.

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RSlice, RStr, RString};

use crate::values::RPairRef;

/// One log line, lent for the length of the call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct RLogRef<'a> {
    /// 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub level: u32,
    /// The module that logs.
    pub target: RStr<'a>,
    /// The line itself.
    pub message: RStr<'a>,
    /// Its fields.
    pub fields: RSlice<'a, RPairRef<'a>>,
    /// The source file, or empty.
    pub file: RStr<'a>,
    /// The source line, or 0.
    pub line: u32,
    /// Room for growth; unknown keys are ignored.
    pub ext: RSlice<'a, RPairRef<'a>>,
}

/// How a metric moves, as [`RMetricRef::kind`].
#[derive(Debug)]
pub struct MetricKind;

impl MetricKind {
    /// Adds `value` (not negative) to a counter.
    pub const COUNTER: u32 = 0;
    /// Sets a gauge to `value`.
    pub const GAUGE: u32 = 1;
    /// Records `value` in a histogram.
    pub const HISTOGRAM: u32 = 2;
}

/// One movement of a metric, lent for the length of the call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct RMetricRef<'a> {
    /// One of [`MetricKind`]'s numbers; unknown ones are ignored.
    pub kind: u32,
    /// `[a-z0-9_]+`; the daemon puts `zonemux_plugin_` before it.
    pub name: RStr<'a>,
    /// Labels with bounded values; the daemon adds `backend`.
    pub labels: RSlice<'a, RPairRef<'a>>,
    /// By how much, or to what.
    pub value: f64,
    /// Room for growth; unknown keys are ignored.
    pub ext: RSlice<'a, RPairRef<'a>>,
}

/// The daemon, as a plugin sees it. **Ownership**: the plugin's once given; `share` makes another
/// handle of it. **Thread**: any, also several at once. **Failure**: none; what can't be taken is
/// dropped.
#[sabi_trait]
pub trait RHost: Send + Sync {
    /// The backend's name in the configuration.
    fn backend(&self) -> RString;

    /// The zones that the configuration gives this backend, canonical, joined by spaces.
    fn zones(&self) -> RString;

    /// The folder that relative paths among the settings refer to; UTF-8, absolute.
    fn base_directory(&self) -> RString;

    /// A folder of this backend's own for what must outlive the daemon; may not exist yet.
    fn state_directory(&self) -> RString;

    /// Whether a line of that level would be kept.
    fn log_enabled(&self, level: u32, target: RStr<'_>) -> bool;

    /// Writes a log line.
    fn log(&self, line: &RLogRef<'_>);

    /// Moves a metric.
    #[sabi(last_prefix_field)]
    fn metric(&self, metric: &RMetricRef<'_>);
}

/// A boxed [`RHost`].
pub type RHostBox = RHost_TO<'static, RBox<()>>;
