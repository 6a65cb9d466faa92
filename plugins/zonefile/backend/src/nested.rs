//! Records of clients that stand in a zone's file though a deeper zone is theirs: as when that one was
//! added to the settings. The server answers from the deeper zone, and changes go there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use zonemux_plugin::Error;
use zonemux_plugin::dns::is_at_or_below;

use crate::apply::{Problem, Site};
use crate::records::{Draft, Key, RrSet, key};
use crate::rules::conflict;
use crate::zone::Zone;

/// How long after a move that failed the next changes try it again.
const RETRY: Duration = Duration::from_secs(300);

/// An RRset in the wrong zone.
struct Misplaced {
    from: usize,
    to: usize,
    key: Key,
    set: RrSet,
}

impl Site {
    /// Moves what is in the wrong zone: first into the right one's file, then out of the other's, so that it is
    /// in one of them at any time. What can't be moved now stays, and is tried again with the next changes.
    pub(crate) fn move_misplaced(&mut self, deadline: Instant) -> zonemux_plugin::Result<()> {
        self.move_again = None;
        let misplaced = self.misplaced();
        if misplaced.is_empty() {
            return Ok(());
        }
        let mut added: BTreeMap<usize, Draft<'_>> = BTreeMap::new();
        for one in &misplaced {
            let zone = &self.zones[one.to];
            let draft = added.entry(one.to).or_insert_with(|| Draft::new(&zone.known.records));
            if let Err(reason) = put(zone, draft, one) {
                tracing::warn!(
                    zone = zone.name,
                    from = self.zones[one.from].name,
                    name = &*one.set.name,
                    record_type = &*one.set.record_type,
                    targets = ?one.set.targets,
                    reason,
                    "a record does not fit into the deeper zone that is now its own, and is dropped from the zone above"
                );
            }
        }
        let added = added.into_iter().map(|(zone, draft)| (zone, draft.into_changes()));
        let refused = self.write_all(added.collect(), deadline)?;
        let mut removed: BTreeMap<usize, BTreeMap<Key, Option<RrSet>>> = BTreeMap::new();
        for one in misplaced.iter().filter(|one| !refused.contains_key(&one.to)) {
            removed.entry(one.from).or_default().insert(one.key.clone(), None);
        }
        let left = self.write_all(removed, deadline)?;
        for (zone, reason) in refused.iter().chain(&left) {
            let zone = &self.zones[*zone].name;
            tracing::warn!(zone, reason, "records can't be moved to the deeper zone that is now theirs");
        }
        if !(refused.is_empty() && left.is_empty()) {
            self.move_again = Some(Instant::now() + RETRY);
            return Ok(());
        }
        tracing::info!(rrsets = misplaced.len(), "moved records to the deeper zones that are now theirs");
        Ok(())
    }

    fn misplaced(&self) -> Vec<Misplaced> {
        let mut misplaced = Vec::new();
        for (from, zone) in self.zones.iter().enumerate() {
            let has_below =
                |other: &&Zone| other.name != zone.name && is_at_or_below(&other.name, &zone.name);
            if !self.zones.iter().any(|other| has_below(&other)) {
                continue;
            }
            for (key, set) in &zone.known.records {
                if let Some(&to) = self.map.get(&set.name)
                    && to != from
                    && !is_above(zone, &self.zones[to], set)
                {
                    misplaced.push(Misplaced { from, to, key: key.clone(), set: set.clone() });
                }
            }
        }
        misplaced
    }

    /// Writes zones with these changes, and says of each that was not written why.
    fn write_all(
        &mut self,
        changes: BTreeMap<usize, BTreeMap<Key, Option<RrSet>>>,
        deadline: Instant,
    ) -> zonemux_plugin::Result<BTreeMap<usize, String>> {
        let mut refused = BTreeMap::new();
        let mut ready = Vec::new();
        for (zone, changes) in changes {
            let mut draft = Draft::new(&self.zones[zone].known.records);
            for step in changes {
                draft.set(step);
            }
            if draft.changes().is_empty() {
                continue;
            }
            let dynamic = self.refuse_dynamic(&self.zones[zone]).map_err(Problem::Zone);
            match dynamic.and_then(|()| self.ready(zone, draft, &[], deadline)) {
                Ok(one) => ready.push(one),
                Err(Problem::Zone(error)) => drop(refused.insert(zone, error.message().to_owned())),
                Err(Problem::Units(units)) => {
                    let reasons: Vec<String> = units.into_iter().map(|(.., reason)| reason).collect();
                    refused.insert(zone, reasons.join("; "));
                }
            }
        }
        let mut failed: Vec<Option<Error>> = self.zones.iter().map(|_| None).collect();
        let setback = self.publish(ready, deadline, &mut failed)?;
        for (zone, error) in failed.into_iter().enumerate() {
            refused.extend(error.map(|error| (zone, error.message().to_owned())));
        }
        let edited = |zone| (zone, "somebody else edits its files".to_owned());
        refused.extend(setback.beaten.into_iter().map(edited));
        refused.extend(setback.crowded.into_iter().map(|(zone, _, reason)| (zone, reason)));
        Ok(refused)
    }
}

/// Whether an RRset at or below a deeper zone's apex is the zone's above all the same: the delegation, the
/// hash of its key, and the addresses of its servers.
fn is_above(zone: &Zone, deeper: &Zone, set: &RrSet) -> bool {
    match &*set.record_type {
        "NS" | "DS" => set.name[..] == deeper.name[..],
        "A" | "AAAA" => {
            let ns = key(&deeper.name, "NS");
            let ours = zone.known.records.get(&ns);
            let foreign = zone.known.foreigns.get(&ns).map(|foreign| &foreign.set);
            ours.into_iter().chain(foreign).any(|ns| ns.targets.contains(&set.name))
        }
        _ => false,
    }
}

/// Puts an RRset into its own zone where there is none yet; else why it can't be there.
fn put(zone: &Zone, draft: &mut Draft<'_>, one: &Misplaced) -> Result<(), String> {
    let foreign = zone.known.foreigns.get(&one.key).map(|foreign| &foreign.set);
    if let Some(there) = draft.get(&one.key).or(foreign) {
        // After a crash both zones have it.
        let same = there.targets == one.set.targets && there.ttl == one.set.ttl;
        return if same { Ok(()) } else { Err(format!("the zone has one with targets {:?}", there.targets)) };
    }
    let undo = draft.set((one.key.clone(), Some(one.set.clone())));
    let conflict = conflict(draft, &zone.known.foreigns, &one.set);
    if let Some(reason) = conflict {
        draft.undo(undo);
        return Err(reason);
    }
    Ok(())
}
