use zonemux_plugin::Endpoint;

use super::*;
use crate::store::memory::Memory;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const RETRY: Duration = Duration::from_secs(600);

fn now() -> SystemTime {
    moment(1_800_000_000)
}

fn hash(target: &str) -> StateHash {
    StateHash::builder().present(&Endpoint::new("x.example.org", "CNAME", [target])).finish()
}

fn key(name: &str) -> RecordKey {
    RecordKey {
        name: format!("{name}.example.org"),
        record_type: "CNAME".into(),
        set_identifier: String::new(),
    }
}

fn unit(name: &str) -> UnitId {
    UnitId::of(&[key(name)])
}

fn refused(name: &str, target: &str) -> Refused {
    Refused {
        unit: unit(name),
        hash: hash(target),
        keys: vec![key(name)],
        kind: ErrorKind::Permanent,
        reason: "stands beside others".into(),
    }
}

struct Fixture {
    memory: Arc<Memory>,
    quarantine: Quarantine,
}

impl Fixture {
    /// With one unit `x` in it, refused just now.
    fn new() -> Self {
        let memory = Arc::new(Memory::default());
        let store: Arc<dyn Store> = memory.clone();
        let mut quarantine = Quarantine::open(&store, "lan", RETRY).unwrap();
        quarantine.refused([refused("x", "bad")], now()).unwrap();
        Self { memory, quarantine }
    }

    fn restart(&mut self) {
        let store: Arc<dyn Store> = self.memory.clone();
        self.quarantine = Quarantine::open(&store, "lan", RETRY).unwrap();
    }

    fn size(&self) -> usize {
        self.memory.value(&StoreKey::new("lan", "quarantine")).map_or(0, |value| value.len())
    }

    fn tries(&mut self, target: &str, now: SystemTime) -> bool {
        self.quarantine.verdict(&unit("x"), &hash(target), now) == Verdict::Try
    }
}

#[test]
fn the_same_bad_record_costs_no_request_in_the_next_loop_nor_after_a_restart() {
    let mut fixture = Fixture::new();
    let expected = Verdict::Skip { reason: "stands beside others".into(), retry_at: now() + RETRY };
    assert_eq!(fixture.quarantine.verdict(&unit("x"), &hash("bad"), now() + MINUTE), expected);
    fixture.restart();
    assert_eq!(fixture.quarantine.verdict(&unit("x"), &hash("bad"), now() + 2 * MINUTE), expected);
    assert_eq!(fixture.quarantine.verdict(&unit("y"), &hash("bad"), now()), Verdict::Try);
}

#[test]
fn a_changed_record_is_tried_at_once_and_begins_anew() {
    let mut fixture = Fixture::new();
    assert!(fixture.tries("good", now() + MINUTE));
    let later = now() + HOUR;
    fixture.quarantine.refused([refused("x", "bad")], later).unwrap();
    fixture.quarantine.refused([refused("x", "worse")], later + MINUTE).unwrap();
    let entry = fixture.quarantine.entries().next().unwrap();
    let since = seconds(later + MINUTE);
    assert_eq!((entry.count, entry.first, entry.retry_at), (1, since, since + 600));
}

#[test]
fn the_time_between_two_tries_doubles_up_to_six_hours() {
    let mut fixture = Fixture::new();
    let mut at = now();
    let mut waits = Vec::new();
    for count in 1..=9 {
        let entry = fixture.quarantine.entries().next().unwrap();
        assert_eq!((entry.count, entry.first, entry.last), (count, seconds(now()), seconds(at)));
        let wait = Duration::from_secs(entry.retry_at - entry.last);
        assert!(!fixture.tries("bad", at + wait - Duration::from_secs(1)));
        assert!(fixture.tries("bad", at + wait));
        waits.push(wait.as_secs() / 60);
        at += wait;
        fixture.quarantine.refused([refused("x", "bad")], at).unwrap();
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 360, 360, 360]);
}

#[test]
fn a_quiet_loop_writes_once_an_hour() {
    let mut fixture = Fixture::new();
    let mut writes = Vec::new();
    let mut size = fixture.size();
    for minute in 1..=180_u32 {
        let at = now() + MINUTE * minute;
        fixture.quarantine.verdict(&unit("x"), &hash("bad"), at);
        fixture.quarantine.expire(at).unwrap();
        if fixture.size() != size {
            writes.push(minute);
            size = fixture.size();
        }
    }
    assert_eq!(writes, [60, 120, 180]);
}

#[test]
fn what_is_applied_leaves() {
    let mut fixture = Fixture::new();
    fixture.quarantine.refused([refused("y", "bad"), refused("z", "bad")], now()).unwrap();
    fixture.quarantine.applied([&unit("y"), &unit("never")]).unwrap();
    fixture.quarantine.seen_applied(|entry| entry.keys == [key("z")]).unwrap();
    fixture.restart();
    let left: Vec<_> = fixture.quarantine.entries().map(|entry| &entry.keys[0]).collect();
    assert_eq!(left, [&key("x")]);
}

#[test]
fn what_external_dns_no_longer_asks_for_goes_after_a_day() {
    let mut fixture = Fixture::new();
    fixture.quarantine.refused([refused("y", "bad")], now()).unwrap();
    fixture.tries("bad", now() + 3 * HOUR);
    fixture.quarantine.expire(now() + 24 * HOUR).unwrap();
    let left: Vec<_> = fixture.quarantine.entries().map(|entry| &entry.keys[0]).collect();
    assert_eq!(left, [&key("x")]);
    fixture.quarantine.expire(now() + 27 * HOUR).unwrap();
    assert!(fixture.quarantine.is_empty());
}

#[test]
fn a_clock_set_back_does_not_postpone_a_retry() {
    // A month, across a restart: what is stored lies in the future.
    let mut fixture = Fixture::new();
    fixture.restart();
    let month_ago = now() - 30 * 24 * HOUR;
    assert!(fixture.tries("bad", month_ago));
    // A few minutes, while we watch: the old time would come late.
    let mut fixture = Fixture::new();
    assert!(!fixture.tries("bad", now() + 8 * MINUTE));
    assert!(fixture.tries("bad", now() + 2 * MINUTE));
    fixture.quarantine.refused([refused("x", "bad")], now() + 2 * MINUTE).unwrap();
    assert!(!fixture.tries("bad", now() + 3 * MINUTE), "it waits again once it was tried");
    // What clocks do of themselves is no reason.
    assert!(!fixture.tries("bad", now() + 3 * MINUTE - Duration::from_secs(1)));
}

#[test]
fn reasons_are_counted_by_words_from_a_fixed_set() {
    let mut fixture = Fixture::new();
    let other = Refused { kind: ErrorKind::Unsupported, ..refused("y", "bad") };
    fixture.quarantine.refused([other, refused("z", "bad")], now()).unwrap();
    let reasons = fixture.quarantine.reasons();
    assert_eq!((reasons["permanent"], reasons["unsupported"], reasons["internal"]), (2, 1, 0));
    assert_eq!(reasons.len(), 7);
}

#[test]
fn the_oldest_go_where_there_are_too_many() {
    const MOST_HERE: usize = 20;
    let mut fixture = Fixture::new();
    fixture.quarantine.most = MOST_HERE;
    let many = (1..MOST_HERE).map(|index| refused(&format!("n{index}"), "bad"));
    fixture.quarantine.refused(many, now() + MINUTE).unwrap();
    assert_eq!(fixture.quarantine.len(), MOST_HERE);
    fixture.quarantine.refused([refused("new", "bad")], now() + 2 * MINUTE).unwrap();
    assert_eq!(fixture.quarantine.len(), MOST_HERE);
    assert!(fixture.tries("bad", now() + 2 * MINUTE), "the oldest is gone");
    assert_ne!(fixture.quarantine.verdict(&unit("new"), &hash("bad"), now() + 2 * MINUTE), Verdict::Try);
    let whole = (0..=MOST_HERE).map(|index| refused(&format!("m{index}"), "bad"));
    fixture.quarantine.refused(whole, now() + 3 * MINUTE).unwrap();
    assert_eq!(fixture.quarantine.len(), MOST_HERE);
}

#[test]
fn a_page_of_an_answer_is_cut() {
    assert_eq!(shortened("short".into()), "short");
    let long = shortened("ü".repeat(5000));
    assert!(long.len() <= LONGEST_REASON + '…'.len_utf8() && long.ends_with("ü…"));
}

#[test]
fn a_full_disk_leaves_the_quarantine_as_it_was() {
    let mut fixture = Fixture::new();
    fixture.memory.set_full(true);
    assert!(fixture.quarantine.refused([refused("y", "bad")], now()).is_err());
    assert!(fixture.quarantine.applied([&unit("x")]).is_err());
    assert_eq!(fixture.quarantine.len(), 1);
    assert!(!fixture.tries("bad", now() + MINUTE));
}

#[test]
fn a_plan_does_not_keep_what_nobody_else_asks_for() {
    let mut fixture = Fixture::new();
    let looked = fixture.quarantine.look(&unit("x"), &hash("bad"), now() + MINUTE);
    assert!(matches!(looked, Verdict::Skip { .. }), "{looked:?}");
    let day_over = now() + 24 * HOUR;
    fixture.quarantine.look(&unit("x"), &hash("bad"), day_over - MINUTE);
    fixture.quarantine.expire(day_over).unwrap();
    assert!(fixture.quarantine.is_empty());
}
