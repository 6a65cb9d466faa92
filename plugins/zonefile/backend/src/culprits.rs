//! Which units of a batch a checker refuses.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::apply::{Problem, Site};
use crate::batch::{self, Fate, Planned};
use crate::candidate::{self, CandidateError};
use crate::check::{Verdict, complaints};
use crate::managed::at_line;
use crate::records::{Key, RrSet};
use crate::sift::{Probe, sift};

impl Site {
    /// The units that the checker refuses.
    pub(crate) fn culprits(
        &self,
        index: usize,
        units: &[Planned],
        words: &str,
        deadline: Instant,
    ) -> Result<Problem, CandidateError> {
        let (zone, checker) = (&self.zones[index], self.checker.as_ref());
        let Some(checker) = checker else {
            return Err(CandidateError::Other(words.to_owned()));
        };
        let mut concerned = Vec::new();
        let mut by_key: BTreeMap<&Key, usize> = BTreeMap::new();
        for (unit, planned) in
            units.iter().enumerate().filter(|(_, planned)| matches!(planned.fate, Fate::Open))
        {
            let mut here = planned.wishes.iter().filter(|wish| wish.zone == index).peekable();
            if here.peek().is_some() {
                concerned.push(unit);
            }
            by_key.extend(here.map(|wish| (&wish.key, unit)));
        }
        let mut named: BTreeMap<usize, Key> = BTreeMap::new();
        let mut probe = |some: &[usize]| -> Result<Probe, CandidateError> {
            let draft = batch::draft_of(zone, index, units, some);
            let candidate = candidate::stage(zone, &draft, self.next_serial(zone, None))?;
            let verdict = candidate.check(zone, checker, deadline);
            let (file, header_lines) = (candidate.file().to_owned(), candidate.header_lines);
            candidate.discard();
            let words = match verdict? {
                Verdict::Good => return Ok(Probe::Good),
                Verdict::Bad(words) => words,
            };
            let mut blamed = Vec::new();
            for line in complaints(&words, &file) {
                let key = at_line(draft.iter(), header_lines, line).map(RrSet::key);
                if let Some((key, &unit)) = key.and_then(|key| by_key.get_key_value(&key)) {
                    named.entry(unit).or_insert_with(|| (*key).clone());
                    blamed.push(unit);
                }
            }
            Ok(Probe::Bad { words, blamed })
        };
        if let Probe::Bad { words, .. } = probe(&[])? {
            return Err(CandidateError::Other(format!(
                "`{}` refuses the zone even without these changes: {words}",
                checker.program()
            )));
        }
        let bad = sift(&concerned, &mut probe)?;
        if bad.is_empty() {
            return Err(CandidateError::Other(format!("`{}` is of two minds: {words}", checker.program())));
        }
        let reason = |words: String| format!("`{}` refuses it: {words}", checker.program());
        Ok(Problem::Units(
            bad.into_iter().map(|(unit, words)| (unit, named.get(&unit).cloned(), reason(words))).collect(),
        ))
    }
}
