//! What the daemon tells of itself: log lines and metrics.

pub mod log_limit;
pub mod logging;
pub mod metrics;
pub mod words;
