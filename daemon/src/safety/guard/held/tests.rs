//! What is held, for how long, and what a release lets through.

use std::time::Duration;

use super::*;
use crate::store::memory::Memory;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> SystemTime {
    moment(1_800_000_000)
}

fn key(name: &str) -> RecordKey {
    RecordKey { name: format!("{name}.example.org"), record_type: "A".into(), set_identifier: String::new() }
}

fn unit(name: &str) -> HeldUnit {
    HeldUnit { keys: vec![key(name), key(&format!("a-{name}"))], zone: "example.org".into() }
}

/// A batch that speaks of these units.
fn asks(units: &[HeldUnit]) -> impl Fn(&RecordKey) -> bool {
    let keys: Vec<RecordKey> = units.iter().flat_map(|unit| unit.keys.clone()).collect();
    move |key| keys.contains(key)
}

struct Fixture {
    memory: Arc<Memory>,
    held: Held,
}

impl Fixture {
    fn new() -> Self {
        let memory = Arc::new(Memory::default());
        let store: Arc<dyn Store> = memory.clone();
        let held = Held::open(&store, "lan").unwrap();
        Self { memory, held }
    }

    fn restart(&mut self) {
        let store: Arc<dyn Store> = self.memory.clone();
        self.held = Held::open(&store, "lan").unwrap();
    }

    fn size(&self) -> usize {
        let size = |what| self.memory.value(&StoreKey::new("lan", what)).map_or(0, |value| value.len());
        size("held") + size("grants")
    }

    fn names(&self) -> Vec<String> {
        self.held.entries(now()).map(|entry| entry.keys[0].to_string()).collect()
    }
}

#[test]
fn what_a_view_no_longer_asks_for_goes_and_what_stays_keeps_its_time() {
    let mut fixture = Fixture::new();
    let held = &mut fixture.held;
    held.replace("default", [unit("x"), unit("y")], asks(&[unit("x"), unit("y")]), now()).unwrap();
    held.replace("internal", [unit("z")], asks(&[unit("z")]), now()).unwrap();
    held.replace("default", [unit("y"), unit("w")], asks(&[unit("y"), unit("w")]), now() + HOUR).unwrap();
    fixture.restart();
    let entries: Vec<_> = fixture
        .held
        .entries(now())
        .map(|entry| (entry.view, entry.keys[0].name.clone(), entry.since - seconds(now())))
        .collect();
    let expected = [("default", "w", 3600), ("default", "y", 0), ("internal", "z", 0)];
    let expected = expected.map(|(view, name, since)| (view.to_owned(), key(name).name, since));
    assert_eq!(entries, expected);
    assert_eq!(fixture.held.len(), 3);
}

#[test]
fn what_one_client_has_held_stays_when_another_asks_for_something_else() {
    let mut fixture = Fixture::new();
    let held = &mut fixture.held;
    held.replace("default", [unit("x"), unit("y")], asks(&[]), now()).unwrap();
    // Another client of the view, once without and once with deletes that are held.
    held.replace("default", [], asks(&[unit("new")]), now()).unwrap();
    held.replace("default", [unit("z")], asks(&[unit("z")]), now()).unwrap();
    assert_eq!(fixture.names(), ["x.example.org A", "y.example.org A", "z.example.org A"]);
    fixture.restart();
    // Each is replaced by the next plan of its own client.
    fixture.held.replace("default", [unit("y")], asks(&[unit("y")]), now()).unwrap();
    assert_eq!(fixture.names(), ["y.example.org A", "z.example.org A"]);
    fixture.held.replace("default", [], asks(&[unit("z")]), now()).unwrap();
    assert_eq!(fixture.names(), ["y.example.org A"]);
}

#[test]
fn what_is_asked_for_in_another_way_or_is_gone_is_no_longer_held() {
    let mut fixture = Fixture::new();
    let held = &mut fixture.held;
    held.replace("default", [unit("x")], asks(&[]), now()).unwrap();
    held.replace("default", [unit("y"), unit("z")], asks(&[]), now()).unwrap();
    // An update of `x`, which is wanted after all.
    held.replace("default", [], |asked| *asked == key("x"), now()).unwrap();
    held.forget_gone(|listed| *listed == key("a-y")).unwrap();
    assert_eq!(fixture.names(), ["y.example.org A"], "a part of it is there");
    fixture.held.forget_gone(|_| false).unwrap();
    assert_eq!(fixture.held.len(), 0);
}

#[test]
fn what_nobody_has_asked_for_lately_does_not_count_and_can_be_released() {
    let mut fixture = Fixture::new();
    let ago = |seconds| now() - Duration::from_secs(seconds);
    fixture.held.replace("default", [unit("x")], asks(&[]), ago(LATELY)).unwrap();
    fixture.held.replace("default", [unit("y")], asks(&[]), ago(LATELY - 1)).unwrap();
    assert_eq!((fixture.held.count(now()), fixture.held.len()), (1, 2));
    assert_eq!(fixture.held.entries(now()).map(|entry| seconds(now()) - entry.asked).max(), Some(LATELY));
    assert_eq!(fixture.held.release(now()).unwrap().len(), 4);
    fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now()).unwrap();
    assert_eq!(fixture.held.count(now()), 2, "it is asked for again");
}

#[test]
fn a_loop_that_holds_the_same_again_writes_nothing() {
    let mut fixture = Fixture::new();
    fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now()).unwrap();
    let size = fixture.size();
    for minute in 1..50_u32 {
        let now = now() + HOUR * minute / 60;
        fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now).unwrap();
        fixture.held.expire(now).unwrap();
    }
    assert_eq!(fixture.size(), size);
}

#[test]
fn a_release_lets_through_what_is_held_and_nothing_that_is_held_later() {
    let mut fixture = Fixture::new();
    fixture.held.replace("default", [unit("x"), unit("y")], asks(&[unit("x"), unit("y")]), now()).unwrap();
    assert!(!fixture.held.is_granted(&key("x"), now()));
    let preview = fixture.held.release_preview();
    assert!(!fixture.held.is_granted(&key("x"), now()), "a preview grants nothing");
    let granted = fixture.held.release(now()).unwrap();
    assert_eq!(granted, preview);
    assert_eq!(granted, [key("a-x"), key("a-y"), key("x"), key("y")]);
    fixture.held.replace("default", [unit("z")], asks(&[unit("x"), unit("y"), unit("z")]), now()).unwrap();
    fixture.restart();
    for (name, expected) in [("x", true), ("a-x", true), ("y", true), ("z", false)] {
        assert_eq!(fixture.held.is_granted(&key(name), now()), expected, "{name}");
    }
    assert_eq!(fixture.names(), ["z.example.org A"]);
}

#[test]
fn a_grant_ends_after_a_day() {
    let mut fixture = Fixture::new();
    fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now()).unwrap();
    fixture.held.release(now()).unwrap();
    let end = now() + 24 * HOUR;
    assert_eq!(fixture.held.granted_until(now()), Some(end));
    assert!(fixture.held.is_granted(&key("x"), end - Duration::from_secs(1)));
    assert!(!fixture.held.is_granted(&key("x"), end));
    fixture.held.expire(end).unwrap();
    assert!(!fixture.held.is_granted(&key("x"), now()), "it is gone, not only over");
}

#[test]
fn a_clock_set_back_ends_a_grant_instead_of_prolonging_it() {
    let mut fixture = Fixture::new();
    fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now()).unwrap();
    fixture.held.release(now()).unwrap();
    assert!(fixture.held.is_granted(&key("x"), now() - HOUR / 60), "a correction of a minute");
    let set_back = now() - HOUR;
    assert!(!fixture.held.is_granted(&key("x"), set_back));
    fixture.held.expire(set_back).unwrap();
    assert!(!fixture.held.is_granted(&key("x"), now()), "it does not come back with the time");
}

#[test]
fn what_nobody_asks_for_in_a_day_is_no_longer_held() {
    let mut fixture = Fixture::new();
    fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now()).unwrap();
    fixture.held.replace("internal", [unit("y")], asks(&[unit("y")]), now() + HOUR).unwrap();
    fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now() + 2 * HOUR).unwrap();
    fixture.held.expire(now() + 25 * HOUR).unwrap();
    assert_eq!(fixture.names(), ["x.example.org A"]);
    fixture.restart();
    fixture.held.expire(now() + 26 * HOUR).unwrap();
    assert_eq!(fixture.held.len(), 0);
}

#[test]
fn a_release_that_can_not_be_stored_grants_nothing() {
    let mut fixture = Fixture::new();
    fixture.held.replace("default", [unit("x")], asks(&[unit("x")]), now()).unwrap();
    fixture.memory.set_full(true);
    assert!(fixture.held.release(now()).is_err());
    assert!(!fixture.held.is_granted(&key("x"), now()));
}
