//! What waits for a mirror, and how much of it may.

use std::collections::HashSet;

use zonemux_plugin::Endpoint;

use super::*;
use crate::safety::outcome::Outcome;
use crate::safety::undo::Builder;
use crate::safety::units::Units;

/// A batch that was applied, of so many creates.
fn applied(changes: usize) -> Work {
    let mut batch = Builder::default();
    for index in 0..changes {
        batch.create(&Endpoint::new(format!("r{index}.example.org"), "A", ["192.0.2.1"])).unwrap();
    }
    let units = Arc::new(Units::of(batch.finish()));
    let outcomes: Vec<_> = (0..units.len()).map(|unit| (unit, Outcome::Applied)).collect();
    Work::of("request", &units, &outcomes, &HashSet::new())
}

/// A link that is followed, and whose ends were equal when they were compared.
async fn equal() -> Arc<Link> {
    let link = Link::new("lan", "standby", None);
    link.begin();
    let Next::Compare(seen) = link.next().await else { panic!("nothing is known at first") };
    link.compared(seen, Report::default());
    link
}

#[tokio::test]
async fn what_the_primary_has_applied_is_written_in_one_go() {
    let (link, work) = (equal().await, applied(1_000));
    for _ in 0..MOST_QUEUED / 1_000 {
        link.push(work.clone());
    }
    let Next::Write(_, work) = link.next().await else { panic!("how they differ is known") };
    assert_eq!(work.len(), MOST_QUEUED / 1_000);
}

#[tokio::test]
async fn a_queue_that_overflows_is_forgotten_and_the_two_are_compared() {
    let (link, work) = (equal().await, applied(1_000));
    let asked_before = link.asked();
    for _ in 0..=MOST_QUEUED / 1_000 {
        link.push(work.clone());
    }
    assert!(link.lock().queue.is_empty(), "it holds no memory");
    // What comes before the comparison is in the list that it makes.
    link.push(work.clone());
    assert!(link.lock().queue.is_empty());
    let Next::Compare(seen) = link.next().await else { panic!("it is not known how they differ") };
    // What comes while it runs may be in that list, or not.
    link.push(work);
    link.compared(seen, Report::default());
    assert!(asked_before < link.asked());
    let Next::Write(_, work) = link.next().await else { panic!("it is known again") };
    assert_eq!(work.len(), 1);
}

#[tokio::test]
async fn whoever_waits_for_what_overflowed_waits_for_the_comparison() {
    let (link, work) = (equal().await, applied(1_000));
    for _ in 0..=MOST_QUEUED / 1_000 {
        link.push(work.clone());
    }
    let asked = link.asked();
    let soon = || Instant::now() + Duration::from_millis(10);
    assert_eq!(link.wait(asked, soon()).await, Err(NotThere::Late));
    let Next::Compare(seen) = link.next().await else { panic!("it is not known how they differ") };
    link.compared(seen, Report::default());
    assert_eq!(link.wait(asked, soon()).await, Ok(()));
}
