//! Whether a change is true already, and whether what it was planned on still is.

use zonemux_plugin::dns::Difference;
use zonemux_plugin::{Change, Endpoint, EndpointView, is_ownership_txt};

/// How a record stands to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// As the change wants it.
    Done,
    /// As the change found it.
    Undone,
    /// Neither: somebody else was here.
    Foreign,
}

/// How what is there stands to a change; `present` is what is listed under its key.
pub(super) fn standing(change: &Change<'_>, present: &[Endpoint]) -> Standing {
    if is_done(change, present) {
        return Standing::Done;
    }
    let undone = match change {
        Change::Create(_) => present.is_empty(),
        Change::Update { old: None, .. } => true,
        // ExternalDNS updates ownership TXT that were never there.
        Change::Update { old: Some(old), .. } if present.is_empty() => is_ownership_txt(old),
        Change::Update { old: Some(old), .. } | Change::Delete(old) => same_targets(present, old),
    };
    if undone { Standing::Undone } else { Standing::Foreign }
}

/// Whether nothing needs to be written for a change.
pub(super) fn is_done(change: &Change<'_>, present: &[Endpoint]) -> bool {
    match change.desired() {
        None => present.is_empty(),
        Some(desired) => match present {
            [there] => is_as_desired(there, &desired),
            _ => false,
        },
    }
}

/// As ExternalDNS's planner compares: no TTL asked for is any TTL, properties are a set.
pub(super) fn is_as_desired(there: &Endpoint, desired: &impl EndpointView) -> bool {
    let ttl = desired.record_ttl();
    (ttl == 0 || ttl == there.record_ttl)
        && same_targets(std::slice::from_ref(there), desired)
        && same_properties(there, desired)
}

fn same_targets(present: &[Endpoint], wanted: &impl EndpointView) -> bool {
    let targets = present.iter().flat_map(|there| there.targets.iter().map(String::as_str));
    !present.is_empty() && Difference::between(wanted.record_type(), targets, wanted.targets()).is_empty()
}

fn same_properties(there: &Endpoint, desired: &impl EndpointView) -> bool {
    let mut listed: Vec<(&str, &str)> = EndpointView::provider_specific(there).collect();
    let mut wanted: Vec<(&str, &str)> = desired.provider_specific().collect();
    listed.sort_unstable();
    wanted.sort_unstable();
    listed == wanted
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::{EndpointRef, Endpoints};

    use super::*;

    fn record(targets: &[&str], ttl: u32) -> Endpoint {
        Endpoint { record_ttl: ttl, ..Endpoint::new("www.example.org", "AAAA", targets.iter().copied()) }
    }

    fn stands(make: impl Fn(EndpointRef<'_>, EndpointRef<'_>) -> Standing) -> Standing {
        let list: Endpoints = [record(&["2001:db8::1"], 60), record(&["2001:db8::2"], 60)].iter().collect();
        make(list.get(0).unwrap(), list.get(1).unwrap())
    }

    #[test]
    fn what_is_there_already_is_done_however_it_is_spelled() {
        let there = [record(&["2001:DB8:0::2"], 60)];
        assert_eq!(stands(|_, new| standing(&Change::Create(new), &there)), Standing::Done);
        assert_eq!(
            stands(|old, new| standing(&Change::Update { old: Some(old), new }, &there)),
            Standing::Done
        );
        assert_eq!(stands(|old, _| standing(&Change::Delete(old), &[])), Standing::Done);
        let other_ttl = [record(&["2001:db8::2"], 61)];
        assert_eq!(stands(|_, new| standing(&Change::Create(new), &other_ttl)), Standing::Foreign);
    }

    #[test]
    fn what_was_planned_on_is_undone_and_anything_else_is_foreign() {
        let (old_there, other) = ([record(&["2001:db8::1"], 9)], [record(&["2001:db8::3"], 60)]);
        let update =
            |there: &[Endpoint]| stands(|old, new| standing(&Change::Update { old: Some(old), new }, there));
        assert_eq!(update(&old_there), Standing::Undone);
        assert_eq!(update(&other), Standing::Foreign);
        assert_eq!(update(&[]), Standing::Foreign);
        let delete = |there: &[Endpoint]| stands(|old, _| standing(&Change::Delete(old), there));
        assert_eq!(delete(&old_there), Standing::Undone);
        assert_eq!(delete(&other), Standing::Foreign);
        assert_eq!(stands(|_, new| standing(&Change::Create(new), &[])), Standing::Undone);
    }
}
