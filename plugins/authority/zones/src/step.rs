//! What changed from one serial to the next, and how much of that is kept.

use std::sync::Arc;

use crate::rrset::Rrset;

/// The most steps that a zone keeps: a change copies the list of them.
const MAX_STEPS: usize = 1000;

/// Small zones keep the changes of so many records, though they have fewer.
const MIN_RECORDS: usize = 1000;

/// What changed in a zone from one serial to the next, as an incremental transfer tells it (RFC 1995).
#[derive(Debug)]
pub struct Step {
    /// The SOA before.
    pub old_soa: Rrset,
    /// The serial before.
    pub from: u32,
    /// The SOA after.
    pub new_soa: Rrset,
    /// The serial after.
    pub to: u32,
    /// Records that are no more, but for the SOA; none of them is among those added.
    pub removed: Vec<StepRecords>,
    /// Records that are new, but for the SOA.
    pub added: Vec<StepRecords>,
}

/// Records of one name and type in a [`Step`].
#[derive(Debug, Clone)]
pub struct StepRecords {
    /// The owner name in wire form, uncompressed.
    pub owner: Arc<[u8]>,
    /// The records that were removed or added, with their TTL: not all of the RRset.
    pub rrset: Rrset,
}

impl Step {
    /// How many records it removes and adds.
    pub fn record_count(&self) -> usize {
        let records = |list: &[StepRecords]| list.iter().map(|records| records.rrset.len()).sum::<usize>();
        records(&self.removed) + records(&self.added)
    }
}

/// The latest steps of a zone, the oldest first; each begins where the one before it ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    steps: Vec<Arc<Step>>,
    records: usize,
}

impl History {
    /// With another step, and without those that are too many: a transfer of more records than the zone
    /// has is better done as a whole.
    pub(crate) fn with(&self, step: Arc<Step>, zone_records: usize) -> Self {
        let limit = zone_records.max(MIN_RECORDS);
        let mut records = self.records + step.record_count();
        let mut first = 0;
        while let Some(oldest) = self.steps.get(first)
            && (records > limit || self.steps.len() - first >= MAX_STEPS)
        {
            records -= oldest.record_count();
            first += 1;
        }
        if records > limit {
            return Self::default();
        }
        Self { steps: self.steps[first..].iter().cloned().chain([step]).collect(), records }
    }

    /// The steps from a serial on; `None` where it is not known.
    pub(crate) fn since(&self, serial: u32) -> Option<&[Arc<Step>]> {
        // Serials may repeat once they went round: the latest counts.
        let first = self.steps.iter().rposition(|step| step.from == serial)?;
        Some(&self.steps[first..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rrset::Origin;
    use zonemux_rdata::Rtype;

    fn step(from: u32, records: u32) -> Arc<Step> {
        let set = |numbers: u32| {
            let rdatas = (0..numbers).map(u32::to_be_bytes);
            Rrset::new(Rtype(65280), 1, Origin::Managed, rdatas, b"").unwrap()
        };
        let added = vec![StepRecords { owner: Arc::from(&b"\0"[..]), rrset: set(records) }];
        Arc::new(Step { old_soa: set(1), from, new_soa: set(1), to: from + 1, removed: Vec::new(), added })
    }

    fn serials(history: &History, since: u32) -> Option<Vec<u32>> {
        history.since(since).map(|steps| steps.iter().map(|step| step.from).collect())
    }

    #[test]
    fn the_oldest_steps_go_first() {
        let mut history = History::default();
        for from in 0..5 {
            history = history.with(step(from, 300), 10);
        }
        assert_eq!(serials(&history, 1), None);
        assert_eq!(serials(&history, 2), Some(vec![2, 3, 4]));
        assert_eq!(serials(&history, 5), None, "that is the zone's own");
        let larger = history.with(step(5, 1001), 2000);
        assert_eq!(serials(&larger, 2), Some(vec![2, 3, 4, 5]));
        assert_eq!(serials(&history.with(step(5, 1001), 10), 5), None, "a step of more than is kept");
    }

    #[test]
    fn there_are_never_too_many_steps() {
        let mut history = History::default();
        for from in 0..1500 {
            history = history.with(step(from, 0), 10);
        }
        assert_eq!(history.steps.len(), MAX_STEPS);
        assert_eq!(serials(&history, 499), None);
        assert!(serials(&history, 500).is_some());
    }
}
