//! Finds the units that a checker refuses among many that it accepts.

/// What a checker says of some units together.
#[derive(Debug)]
pub(crate) enum Probe {
    Good,
    Bad {
        words: String,
        /// The units whose lines it names, where it names any.
        blamed: Vec<usize>,
    },
}

/// Finds the units without which the checker accepts all others, each with the checker's words. With one
/// culprit among `n` it takes two probes where the checker names its line, and twice log₂ `n` where not.
pub(crate) fn sift<E>(
    units: &[usize],
    probe: &mut dyn FnMut(&[usize]) -> Result<Probe, E>,
) -> Result<Vec<(usize, String)>, E> {
    let mut sieve = Sieve { good: Vec::with_capacity(units.len()), bad: Vec::new(), probe };
    sieve.take(units)?;
    Ok(sieve.bad)
}

struct Sieve<'p, E> {
    /// Accepted together.
    good: Vec<usize>,
    bad: Vec<(usize, String)>,
    probe: &'p mut dyn FnMut(&[usize]) -> Result<Probe, E>,
}

impl<E> Sieve<'_, E> {
    fn take(&mut self, units: &[usize]) -> Result<(), E> {
        if units.is_empty() {
            return Ok(());
        }
        let known = self.good.len();
        self.good.extend(units);
        let (words, blamed) = match (self.probe)(&self.good)? {
            Probe::Good => return Ok(()),
            Probe::Bad { words, blamed } => (words, blamed),
        };
        self.good.truncate(known);
        if let [unit] = units {
            self.bad.push((*unit, words));
            return Ok(());
        }
        let (named, rest): (Vec<usize>, Vec<usize>) = units.iter().partition(|unit| blamed.contains(unit));
        if named.is_empty() || rest.is_empty() {
            let (first, second) = units.split_at(units.len() / 2);
            self.take(first)?;
            self.take(second)
        } else {
            self.take(&rest)?;
            self.take(&named)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(units: usize, bad: &[usize], names: bool) -> (Vec<usize>, usize) {
        let mut probes = 0;
        let units: Vec<usize> = (0..units).collect();
        let result = sift::<()>(&units, &mut |some| {
            probes += 1;
            let wrong: Vec<usize> = some.iter().copied().filter(|unit| bad.contains(unit)).collect();
            Ok(match &wrong[..] {
                [] => Probe::Good,
                _ => Probe::Bad { words: "bad".into(), blamed: if names { wrong } else { vec![] } },
            })
        });
        let mut found: Vec<usize> = result.unwrap().into_iter().map(|(unit, _)| unit).collect();
        found.sort_unstable();
        (found, probes)
    }

    #[test]
    fn few_probes_find_one_among_many() {
        assert_eq!(found(10_000, &[1234], true), (vec![1234], 3));
        let (units, probes) = found(10_000, &[1234], false);
        assert_eq!(units, [1234]);
        assert!(probes < 32, "{probes}");
        assert_eq!(found(10_000, &[], false), (vec![], 1));
        assert_eq!(found(0, &[], false), (vec![], 0));
    }

    proptest! {
        #[test]
        fn all_of_them_are_found(units in 0..40_usize, bad in proptest::collection::btree_set(0..40_usize, 0..6), names: bool) {
            let bad: Vec<usize> = bad.into_iter().filter(|unit| *unit < units).collect();
            prop_assert_eq!(found(units, &bad, names).0, bad);
        }
    }
}
