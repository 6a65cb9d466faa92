//! What the benchmarks measure with: times, and ratios to a reference of the same run, since a time
//! alone says more of the machine than of the code.

#![allow(
    dead_code,
    clippy::print_stdout,
    reason = "each benchmark takes what it needs, and prints its table"
)]

use std::time::{Duration, Instant};

use zonemux_test_support::median;

/// How often each thing is done.
pub(crate) const ROUNDS: usize = 30;

/// The median time of each of several things, done in turns: what else the machine does meets all alike.
pub(crate) fn medians<const N: usize>(runs: [&mut dyn FnMut(); N]) -> [Duration; N] {
    turns(ROUNDS, runs).map(median)
}

/// The times of each of several things, done in turns.
pub(crate) fn turns<const N: usize>(rounds: usize, mut runs: [&mut dyn FnMut(); N]) -> [Vec<Duration>; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (run, times) in runs.iter_mut().zip(&mut times) {
            let started = Instant::now();
            run();
            times.push(started.elapsed());
        }
    }
    times
}

/// Prints a row of a table: what, its milliseconds, and its ratio to the reference, which is returned.
pub(crate) fn row(what: &str, took: Duration, reference: Duration) -> f64 {
    let (took, reference) = (took.as_secs_f64(), reference.as_secs_f64());
    let ratio = took / reference;
    println!("| {what} | {:.1} | {ratio:.2} |", took * 1000.0);
    ratio
}
