//! A batch, zone by zone.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};
use zonemux_plugin::{Changes, Outcome, Result};

use crate::backend::AT_ONCE;
use crate::lane::Lane;
use crate::opening::Site;
use crate::plan::{Part, Planned, outcome, plan};

impl Site {
    /// Does a batch. An error means that it is not known what was done.
    pub(crate) async fn apply(
        &self,
        changes: &Changes,
        dry_run: bool,
        deadline: Option<Instant>,
    ) -> Result<Outcome> {
        let mut units = plan(self, changes);
        // Nearly all units lie in one zone; of the others, one zone's part after the other's is done.
        loop {
            let parts = next_parts(&mut units);
            if parts.is_empty() {
                return Ok(outcome(changes, &units));
            }
            let lanes = stream::iter(parts).map(|(zone, parts)| async move {
                let lane = Lane::new(&self.zones[zone], deadline);
                if dry_run { Ok(lane.dry_run(parts).await) } else { lane.run(parts).await }
            });
            let mut lanes = lanes.buffer_unordered(AT_ONCE);
            let mut unknown = None;
            while let Some(done) = lanes.next().await {
                match done {
                    Ok(failed) => {
                        for failed in failed {
                            units[failed.unit].fail(failed.change, failed.error);
                        }
                    }
                    // The other zones are finished first.
                    Err(error) => unknown = Some(error),
                }
            }
            drop(lanes);
            if let Some(error) = unknown {
                return Err(error);
            }
        }
    }
}

/// The next part of each unit, by zone.
fn next_parts(units: &mut [Planned]) -> BTreeMap<usize, Vec<Part>> {
    let mut parts: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
    for unit in units.iter_mut().filter(|unit| !unit.parts.is_empty()) {
        let part = unit.parts.remove(0);
        parts.entry(part.zone).or_default().push(part);
    }
    parts
}
