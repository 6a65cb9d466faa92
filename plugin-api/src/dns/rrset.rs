//! RRsets: their differences, and which may stand at one name.

use std::borrow::Cow;
use std::collections::HashSet;

use super::target::canonical_target;

/// What makes one RRset of another: targets compare by their
/// [canonical form](super::canonical_target), each counts once.
///
/// ```
/// use zonemux_plugin::dns::Difference;
/// let difference = Difference::between("A", ["192.0.2.1", "192.0.2.2"], ["192.0.2.2", "192.0.2.3"]);
/// assert_eq!(difference.remove, ["192.0.2.1"]);
/// assert_eq!(difference.add, ["192.0.2.3"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference<'a> {
    /// Targets that are there and shall not be.
    pub remove: Vec<&'a str>,
    /// Targets that shall be there and are not.
    pub add: Vec<&'a str>,
}

impl<'a> Difference<'a> {
    /// What to do to get from what is there to what shall be.
    pub fn between(
        record_type: &str,
        present: impl IntoIterator<Item = &'a str>,
        desired: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let present = distinct(record_type, present);
        let desired = distinct(record_type, desired);
        let there: HashSet<&str> = present.iter().map(|(spelling, _)| &**spelling).collect();
        let wanted: HashSet<&str> = desired.iter().map(|(spelling, _)| &**spelling).collect();
        let missing_in = |other: &HashSet<&str>, list: &[(Cow<'a, str>, &'a str)]| {
            list.iter()
                .filter(|(spelling, _)| !other.contains(&**spelling))
                .map(|&(_, target)| target)
                .collect()
        };
        Self { remove: missing_in(&wanted, &present), add: missing_in(&there, &desired) }
    }

    /// Whether both are the same RRset.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }
}

/// Targets without those that repeat an earlier one, in order and as they were written.
///
/// ```
/// use zonemux_plugin::dns::without_duplicates;
/// assert_eq!(without_duplicates("AAAA", ["2001:DB8::1", "2001:db8:0::1"]), ["2001:DB8::1"]);
/// ```
pub fn without_duplicates<'a>(record_type: &str, targets: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let targets: Vec<&str> = targets.into_iter().collect();
    // Nearly every RRset has one target.
    if targets.len() < 2 {
        return targets;
    }
    distinct(record_type, targets).into_iter().map(|(_, target)| target).collect()
}

fn distinct<'a>(
    record_type: &str,
    targets: impl IntoIterator<Item = &'a str>,
) -> Vec<(Cow<'a, str>, &'a str)> {
    let mut seen = HashSet::new();
    let spelled = targets.into_iter().map(|target| (canonical_target(record_type, target), target));
    spelled.filter(|(spelling, _)| seen.insert(spelling.clone())).collect()
}

/// Whether RRsets of two different types may stand at one name.
///
/// A CNAME stands alone but for what DNSSEC puts beside it (RFC 2181, section 10.1; RFC 4034,
/// sections 3 and 4; RFC 3007, section 3.1.1), so it can't stand beside a DNAME either (RFC 6672,
/// section 2.4).
///
/// ```
/// use zonemux_plugin::dns::may_stand_together;
/// assert!(may_stand_together("A", "TXT"));
/// assert!(!may_stand_together("CNAME", "TXT"));
/// ```
pub fn may_stand_together(one: &str, other: &str) -> bool {
    let beside_cname =
        |record_type| matches!(record_type, "RRSIG" | "NSEC" | "NSEC3" | "KEY" | "SIG" | "NXT");
    match (one, other) {
        ("CNAME", other) | (other, "CNAME") => other == "CNAME" || beside_cname(other),
        _ => true,
    }
}

/// A TTL within what a server can store, in seconds; 0 means "not set" and stays, and a limit of 0
/// leaves that end open.
///
/// ```
/// use zonemux_plugin::dns::clamp_ttl;
/// assert_eq!((clamp_ttl(5, 60, 0), clamp_ttl(0, 60, 0), clamp_ttl(90, 0, 80)), (60, 0, 80));
/// ```
pub fn clamp_ttl(seconds: u32, min: u32, max: u32) -> u32 {
    // RFC 2181, section 8: the highest bit is never set.
    let highest = if max == 0 { i32::MAX.unsigned_abs() } else { max };
    if seconds == 0 { 0 } else { seconds.max(min).min(highest) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_make_no_difference() {
        let difference = Difference::between(
            "CNAME",
            ["a.example.org", "b.example.org."],
            ["B.example.org", "A.example.org."],
        );
        assert!(difference.is_empty(), "{difference:?}");
        let difference = Difference::between("TXT", ["\"a b\""], ["a b", "c", "\"c\""]);
        assert_eq!(difference, Difference { remove: vec![], add: vec!["c"] });
    }

    #[test]
    fn ttl_limits_are_kept() {
        assert_eq!(clamp_ttl(u32::MAX, 0, 0), 2_147_483_647);
        assert_eq!(clamp_ttl(300, 60, 3600), 300);
        assert_eq!(clamp_ttl(300, 600, 60), 60, "a maximum below the minimum wins");
    }

    #[test]
    fn dnssec_may_stand_beside_a_cname() {
        for (one, other, together) in [
            ("CNAME", "A", false),
            ("DNAME", "CNAME", false),
            ("CNAME", "RRSIG", true),
            ("NSEC", "CNAME", true),
            ("DNAME", "A", true),
            ("NS", "MX", true),
        ] {
            assert_eq!(may_stand_together(one, other), together, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_difference_leads_from_one_to_the_other(
            present in proptest::collection::vec("[ab]", 0..4),
            desired in proptest::collection::vec("[ab]", 0..4),
        ) {
            let present: HashSet<&str> = present.iter().map(String::as_str).collect();
            let desired: HashSet<&str> = desired.iter().map(String::as_str).collect();
            let difference = Difference::between("X", present.iter().copied(), desired.iter().copied());
            let mut reached = present.clone();
            prop_assert!(difference.remove.iter().all(|target| reached.remove(target)));
            prop_assert!(difference.add.iter().all(|target| reached.insert(target)));
            prop_assert_eq!(reached, desired);
        }
    }
}
