//! What keeps mistakes and failures from becoming outages, alike for every backend.

pub mod snapshot;
