//! Between router and backend: what keeps a mistake or a failure from becoming an outage.

pub mod breaker;
pub mod guard;
pub mod key;
pub mod snapshot;
