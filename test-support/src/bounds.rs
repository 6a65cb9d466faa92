//! What benchmarks say of their figures: the middle of several, and whether bounds hold.

/// The middle one.
///
/// # Panics
///
/// Without values, and with some that can't be compared.
pub fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable_by(|one, other| one.partial_cmp(other).expect("numbers"));
    values[values.len() / 2]
}

/// Figures beside their bounds. All are printed before one that does not hold ends the benchmark.
#[derive(Debug, Default)]
pub struct Bounds(Vec<String>);

impl Bounds {
    /// Prints a figure that may have a value at the most.
    pub fn at_most(&mut self, what: &str, value: f64, bound: f64) {
        self.note(format!("{what}: {value:.3}, at most {bound}"), value <= bound);
    }

    /// Prints a figure that must have a value at the least.
    pub fn at_least(&mut self, what: &str, value: f64, bound: f64) {
        self.note(format!("{what}: {value:.2}, at least {bound}"), value >= bound);
    }

    #[allow(clippy::print_stdout, reason = "it is what a benchmark is run for")]
    fn note(&mut self, line: String, holds: bool) {
        println!("{line}");
        if !holds {
            self.0.push(line);
        }
    }

    /// Ends the benchmark where a bound does not hold.
    ///
    /// # Panics
    ///
    /// Then, with all of those.
    pub fn assert(self) {
        assert!(self.0.is_empty(), "bounds that do not hold: {:#?}", self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_beyond_their_bounds_are_told() {
        assert_eq!((median(vec![3.0, 1.0, 2.0]), median(vec![4, 1])), (2.0, 4));
        let mut bounds = Bounds::default();
        bounds.at_most("ratio", 1.0, 1.0);
        bounds.at_least("rate", 1.0, 1.0);
        assert!(bounds.0.is_empty());
        bounds.at_most("ratio", 1.1, 1.0);
        bounds.at_least("rate", f64::NAN, 1.0);
        assert_eq!(bounds.0, ["ratio: 1.100, at most 1", "rate: NaN, at least 1"]);
    }
}
