//! Calls that overlap, and calls that nobody waits for to the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::trial::Trial;
use crate::endpoint::Endpoint;
use crate::testing::ChangesBuilder;

type Tried = Result<(), String>;

/// The daemon lists while it applies: each such list is whole, and what the batch leaves alone is in it.
pub(super) fn list_while_applying(trial: &Trial<'_>) -> Tried {
    let stays = trial.record("stays", "A", &["192.0.2.1"]);
    let moving: Vec<Endpoint> =
        (0..20).map(|index| trial.record(&format!("moving{index}"), "A", &["192.0.2.2"])).collect();
    trial.create(std::slice::from_ref(&stays))?;
    let adjusted: Vec<Endpoint> =
        moving.iter().map(|record| trial.adjusted(record)).collect::<Result<_, _>>()?;
    let written = AtomicBool::new(false);
    let (writes, lists) = thread::scope(|scope| {
        let lists = scope.spawn(|| {
            loop {
                // The last list is one after the last batch.
                let last = written.load(Ordering::SeqCst);
                let listed = trial.listed()?;
                let names = || listed.iter().map(|endpoint| &endpoint.dns_name);
                if names().filter(|name| **name == stays.dns_name).count() != 1 {
                    return Err(
                        "a record that no change is about is not in a list that was made meanwhile".into()
                    );
                }
                if let Some(twice) = names().find(|name| names().filter(|other| other == name).count() > 1) {
                    return Err(format!("{twice} is twice in a list that was made meanwhile"));
                }
                if last {
                    return Ok(());
                }
            }
        });
        let writes = (0..3).try_for_each(|_| {
            trial.apply(&adjusted.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::create))?;
            trial.apply(&adjusted.iter().cloned().fold(ChangesBuilder::new(), ChangesBuilder::delete))
        });
        written.store(true, Ordering::SeqCst);
        (writes, lists.join())
    });
    writes?;
    lists.unwrap_or_else(|_| Err("listing panicked".to_owned()))?;
    trial.expect(&[stays])
}

/// What the daemon gave up is no hindrance for what it asks next: of an apply it does not know what was done,
/// and asks for it again.
pub(super) fn cancelled_calls(trial: &Trial<'_>) -> Tried {
    let (before, after) =
        (trial.record("www", "A", &["192.0.2.1"]), trial.record("www", "A", &["192.0.2.2"]));
    trial.create(std::slice::from_ref(&before))?;
    for limit in [Duration::ZERO, Duration::from_millis(1)] {
        trial.give_up_list(limit);
        trial.expect(std::slice::from_ref(&before))?;
        let batch = ChangesBuilder::new()
            .update(trial.adjusted(&before)?, trial.adjusted(&after)?)
            .create(trial.adjusted(&trial.record("new", "A", &["192.0.2.3"]))?);
        trial.give_up_apply(&batch, limit);
        trial.apply(&batch)?;
        trial.expect(&[after.clone(), trial.record("new", "A", &["192.0.2.3"])])?;
        let back = ChangesBuilder::new()
            .update(trial.adjusted(&after)?, trial.adjusted(&before)?)
            .delete(trial.adjusted(&trial.record("new", "A", &["192.0.2.3"]))?);
        trial.apply(&back)?;
    }
    trial.expect(&[before])
}
