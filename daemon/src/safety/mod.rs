//! Between router and backend: what keeps mistakes and failures from becoming outages.

pub mod adjust;
