//! Tests a backend without a daemon.

mod builder;

pub use builder::ChangesBuilder;
