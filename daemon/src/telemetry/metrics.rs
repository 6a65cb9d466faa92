//! Every metric's name, labels and buckets; nothing else in the daemon names one.
//!
//! Label values are bounded: names from the configuration, and words from fixed sets. Never a DNS
//! name, never an error's text. Conventions: <https://prometheus.io/docs/practices/naming/>.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const BUILD_INFO: &str = "zonemux_build_info";
const HTTP_REQUESTS: &str = "zonemux_http_requests_total";
const HTTP_DURATION: &str = "zonemux_http_request_duration_seconds";
const HTTP_RESPONSE: &str = "zonemux_http_response_bytes";
const AUTH_FAILURES: &str = "zonemux_auth_failures_total";
const TLS_FAILURES: &str = "zonemux_tls_handshake_failures_total";
const BACKEND_UP: &str = "zonemux_backend_up";
const BACKEND_CALL: &str = "zonemux_backend_call_duration_seconds";
const BACKEND_RECORDS: &str = "zonemux_backend_records";
const CHANGES: &str = "zonemux_changes_total";
const RELOAD_SUCCESSFUL: &str = "zonemux_last_reload_successful";
const RELOAD_TIMESTAMP: &str = "zonemux_last_reload_timestamp_seconds";
const GENERATION: &str = "zonemux_config_generation";
const JOURNAL_WRITE_ERRORS: &str = "zonemux_journal_write_errors_total";
const QUARANTINED: &str = "zonemux_quarantined_records";
const GUARD_HELD: &str = "zonemux_guard_held";
const SNAPSHOT_AGE: &str = "zonemux_snapshot_age_seconds";
const SNAPSHOT_SERVED: &str = "zonemux_snapshot_served_total";
const BREAKER_STATE: &str = "zonemux_breaker_state";
const PLUGIN_RESTARTS: &str = "zonemux_plugin_restarts_total";
const MIRROR_BEHIND: &str = "zonemux_mirror_behind";
const MIRROR_CONFLICTS: &str = "zonemux_mirror_conflicts";

/// Seconds; calls on loopback take well under a millisecond, ExternalDNS gives up at 15 s.
const CALL_BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];
/// Seconds; a listing may take two minutes, an apply five.
const BACKEND_BUCKETS: &[f64] =
    &[0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// Bytes; ExternalDNS refuses answers above 32 MiB.
const SIZE_BUCKETS: &[f64] = &[256.0, 4096.0, 65_536.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 33_554_432.0];

/// Installs the recorder for this process, and gives what renders its text.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(HTTP_DURATION.to_owned()), CALL_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(BACKEND_CALL.to_owned()), BACKEND_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(HTTP_RESPONSE.to_owned()), SIZE_BUCKETS)?
        .set_buckets_for_metric(Matcher::Prefix("zonemux_plugin_".to_owned()), BACKEND_BUCKETS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_gauge!(BUILD_INFO, "Always 1; the labels say what is running");
    describe_counter!(HTTP_REQUESTS, "Requests of ExternalDNS that were answered");
    describe_histogram!(HTTP_DURATION, "Time from a request's head to its answer");
    describe_histogram!(HTTP_RESPONSE, "Size of answers before compression");
    describe_counter!(AUTH_FAILURES, "Requests to a view without the right user and password");
    describe_counter!(TLS_FAILURES, "TLS connections that ended before their first request");
    describe_gauge!(BACKEND_UP, "1 while the backend's last call went well, else 0");
    describe_histogram!(BACKEND_CALL, "Time that calls to a backend took");
    describe_gauge!(BACKEND_RECORDS, "Records in the backend's last complete list, by type");
    describe_counter!(CHANGES, "Changes that ExternalDNS asked for, by what became of them");
    describe_counter!(JOURNAL_WRITE_ERRORS, "Lines of the journal that could not be written");
    // There from the start, so that an alert on its rate sees the first one.
    counter!(JOURNAL_WRITE_ERRORS).absolute(0);
    describe_gauge!(QUARANTINED, "Records that the backend refuses and that are set aside, by kind of error");
    describe_gauge!(GUARD_HELD, "Units that a guard holds until they are released");
    describe_gauge!(SNAPSHOT_AGE, "Age of the backend's last complete list");
    describe_counter!(SNAPSHOT_SERVED, "Times that an old list was served because the backend failed");
    describe_gauge!(
        MIRROR_BEHIND,
        "Records in which the mirror differs from its backend; 1 while that is not known"
    );
    describe_gauge!(
        MIRROR_CONFLICTS,
        "Records of the mirror that differ and are left alone: zonemux did not write them"
    );
    describe_counter!(PLUGIN_RESTARTS, "Processes of plugins that ended by themselves and were replaced");
    describe_gauge!(BREAKER_STATE, "0 closed, 1 half open, 2 open: the backend is left alone");
    describe_gauge!(RELOAD_SUCCESSFUL, "1 if the last attempt to read the configuration went well, else 0");
    describe_gauge!(RELOAD_TIMESTAMP, "When that was, in seconds since 1970");
    describe_gauge!(GENERATION, "How many configurations have served since the start");
    metrics_process::Collector::default().describe();
    gauge!(
        BUILD_INFO,
        "version" => env!("CARGO_PKG_VERSION"),
        "revision" => env!("ZONEMUX_REVISION"),
        "rustc" => env!("ZONEMUX_RUSTC"),
    )
    .set(1.0);
}

/// Reads the process's own figures (memory, descriptors, CPU time, threads); call it before rendering.
pub fn collect_process() {
    metrics_process::Collector::default().collect();
}

/// The text of all metrics, without the series of backends that are no longer configured: the recorder
/// forgets none, and a gauge would say for ever what was last true.
pub fn render(handle: &PrometheusHandle, is_configured: impl Fn(&str) -> bool) -> String {
    let page = handle.render();
    let is_wanted =
        |line: &&str| match line.split_once("backend=\"").and_then(|(_, rest)| rest.split_once('"')) {
            // Changes that are no backend's have an empty one.
            Some((backend, _)) => backend.is_empty() || is_configured(backend),
            None => true,
        };
    page.split_inclusive('\n').filter(is_wanted).collect()
}

/// One answered request. `route` and `method` are words from fixed sets.
pub fn http_request(
    view: &str,
    route: &'static str,
    method: &'static str,
    status: u16,
    duration: Duration,
    bytes: u64,
) {
    let view = view.to_owned();
    counter!(
        HTTP_REQUESTS,
        "view" => view.clone(), "route" => route, "method" => method, "status" => status.to_string(),
    )
    .increment(1);
    histogram!(HTTP_DURATION, "view" => view, "route" => route).record(duration);
    #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 bytes is enough")]
    histogram!(HTTP_RESPONSE, "route" => route).record(bytes as f64);
}

/// One request to a view without the right user and password.
pub fn auth_failure(view: &str) {
    counter!(AUTH_FAILURES, "view" => view.to_owned()).increment(1);
}

/// One TLS connection that ended before its first request.
pub fn tls_handshake_failure() {
    counter!(TLS_FAILURES).increment(1);
}

/// How the last attempt to read the configuration went, when, in seconds since 1970, and which
/// generation serves now. The start counts as the first.
pub fn reload(successful: bool, at: u64, generation: u64) {
    gauge!(RELOAD_SUCCESSFUL).set(if successful { 1.0 } else { 0.0 });
    #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 seconds is enough")]
    gauge!(RELOAD_TIMESTAMP).set(at as f64);
    #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 reloads is enough")]
    gauge!(GENERATION).set(generation as f64);
}

/// Whether a backend's last call went well.
pub fn backend_up(backend: &str, up: bool) {
    gauge!(BACKEND_UP, "backend" => backend.to_owned()).set(if up { 1.0 } else { 0.0 });
}

/// One call to a backend. `outcome` is `ok` or a kind of error.
pub fn backend_call(backend: &str, operation: &'static str, outcome: &'static str, duration: Duration) {
    histogram!(
        BACKEND_CALL,
        "backend" => backend.to_owned(), "operation" => operation, "outcome" => outcome,
    )
    .record(duration);
}

/// The records of one type in a backend's last complete list.
pub fn backend_records(backend: &str, record_type: &'static str, count: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 records is enough")]
    gauge!(BACKEND_RECORDS, "backend" => backend.to_owned(), "type" => record_type).set(count as f64);
}

/// What became of changes. `action` is `create`, `update` or `delete`.
pub fn changes(backend: &str, action: &'static str, outcome: ChangeOutcome, count: u64) {
    if count > 0 {
        counter!(
            CHANGES,
            "backend" => backend.to_owned(), "action" => action, "outcome" => outcome.as_str(),
        )
        .increment(count);
    }
}

/// Records in quarantine, by the kind of error that put them there. Kinds that are gone are set to 0.
pub fn quarantined(backend: &str, reasons: impl IntoIterator<Item = (&'static str, u64)>) {
    for (reason, count) in reasons {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a metric's value is a float; 2^53 records is enough"
        )]
        gauge!(QUARANTINED, "backend" => backend.to_owned(), "reason" => reason).set(count as f64);
    }
}

/// Lines of the journal that are lost.
pub fn journal_write_errors(lines: usize) {
    counter!(JOURNAL_WRITE_ERRORS).increment(lines as u64);
}

/// Units that a guard holds.
pub fn guard_held(backend: &str, guard: &'static str, units: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 units is enough")]
    gauge!(GUARD_HELD, "backend" => backend.to_owned(), "guard" => guard).set(units as f64);
}

/// How old a backend's last complete list is.
pub fn snapshot_age(backend: &str, age: Duration) {
    gauge!(SNAPSHOT_AGE, "backend" => backend.to_owned()).set(age.as_secs_f64());
}

/// An old list was served.
pub fn snapshot_served(backend: &str) {
    counter!(SNAPSHOT_SERVED, "backend" => backend.to_owned()).increment(1);
}

/// How a backend's breaker stands: 0 closed, 1 half open, 2 open.
pub fn breaker_state(backend: &str, state: u8) {
    gauge!(BREAKER_STATE, "backend" => backend.to_owned()).set(f64::from(state));
}

/// A plugin's process had ended by itself, and another takes its place.
pub fn plugin_restart(backend: &str, reason: &'static str) {
    counter!(PLUGIN_RESTARTS, "backend" => backend.to_owned(), "reason" => reason).increment(1);
}

/// In how many records a mirror differs from its backend.
pub fn mirror_behind(backend: &str, mirror: &str, records: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 records is enough")]
    gauge!(MIRROR_BEHIND, "backend" => backend.to_owned(), "mirror" => mirror.to_owned()).set(records as f64);
}

/// How many records of a mirror are somebody else's and differ.
pub fn mirror_conflicts(backend: &str, mirror: &str, records: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a metric's value is a float; 2^53 records is enough")]
    gauge!(MIRROR_CONFLICTS, "backend" => backend.to_owned(), "mirror" => mirror.to_owned())
        .set(records as f64);
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeOutcome {
    /// Done.
    Applied,
    /// True already.
    Unchanged,
    /// Set aside: the backend refuses it for its own sake.
    Quarantined,
    /// A rule of the operator's is against it.
    Refused,
    /// The deletion guard keeps it.
    Held,
    /// Not done; ExternalDNS shall ask again.
    Failed,
    /// Not written because of `dry_run`.
    DryRun,
}

impl ChangeOutcome {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::DryRun => "dry_run",
        }
    }
}
