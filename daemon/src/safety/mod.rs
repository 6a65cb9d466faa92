//! Between router and backend: what keeps a mistake or a failure from becoming an outage.

mod asked;
pub mod breaker;
pub mod guard;
pub mod identity;
pub mod key;
pub mod ownership;
pub mod quarantine;
pub mod snapshot;
