//! What the benchmarks measure with: times, and ratios to a reference of the same run, since a time
//! alone says more of the machine than of the code.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::time::{Duration, Instant};

/// How often each thing is done.
pub(crate) const ROUNDS: usize = 30;

/// The least time of doing something: whatever else the machine does only adds to it.
#[allow(dead_code, reason = "not every benchmark measures one thing at a time")]
pub(crate) fn least(mut run: impl FnMut()) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        run();
        started.elapsed()
    });
    times.min().unwrap_or_default()
}

/// Prints a row of a table: what, its milliseconds, and its ratio to the reference, which is returned.
pub(crate) fn row(what: &str, took: Duration, reference: Duration) -> f64 {
    let (took, reference) = (took.as_secs_f64(), reference.as_secs_f64());
    let ratio = took / reference;
    println!("| {what} | {:.1} | {ratio:.2} |", took * 1000.0);
    ratio
}
