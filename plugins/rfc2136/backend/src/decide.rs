//! What is done about a part when the zone is not as it was expected to be.

use zonemux_plugin::dns::may_stand_together;
use zonemux_plugin::{ChangeId, Error};
use zonemux_rdata::{Rtype, name_to_text};

use crate::owner::same_owner;
use crate::plan::{Part, Step};
use crate::store::Set;
use crate::zone::Known;

/// What became of a part.
#[derive(Debug)]
pub(crate) enum Decision {
    /// The zone is as it shall be.
    Done,
    /// It is to be tried again, with what is expected now.
    Again,
    /// It can't be done: which change, and why.
    Failed(ChangeId, Error),
}

/// Looks at a part again, now that all of the zone is known.
pub(crate) fn decide(part: &mut Part, known: &Known) -> Decision {
    let mut is_done = true;
    for step in &mut part.steps {
        let set = known.get(&step.name, step.rtype);
        let present = set.map(Set::to_rdatas).unwrap_or_default();
        let ttl = set.map_or(0, |set| set.ttl);
        step.is_done = match &step.wanted {
            None => present.is_empty(),
            Some(wanted) => wanted.rdatas == present && wanted.ttl == ttl,
        };
        is_done &= step.is_done;
        if !step.is_done && !may_replace(step, &present) {
            let whose = if present.is_empty() { "is gone" } else { "is another one" };
            let reason = format!(
                "the {} in the zone {whose} than zonemux was told of: somebody else changed it\nhint: nothing was \
                 overwritten; it is decided anew with the next list",
                step.what()
            );
            return Decision::Failed(step.changes[0], Error::retryable(reason));
        }
        step.expected = present;
        step.expected_ttl = ttl;
    }
    if is_done {
        return Decision::Done;
    }
    match beside(part, known) {
        Some((change, error)) => Decision::Failed(change, error),
        None => Decision::Again,
    }
}

/// Whether what is there may be replaced by what is wanted.
fn may_replace(step: &Step, present: &[Vec<u8>]) -> bool {
    if present.is_empty() || step.expected == present || step.old.as_deref() == Some(present) {
        return true;
    }
    match &step.wanted {
        // As wanted but for the TTL.
        Some(wanted) if wanted.rdatas == present => true,
        // The client writes the ownership record that it believes to be there anew, and may spell it otherwise.
        Some(wanted) if step.owns && !step.is_create => {
            same_owner(&wanted.rdatas, present)
                || step.old.as_deref().is_some_and(|old| same_owner(old, present))
        }
        None if step.owns => step.old.as_deref().is_none_or(|old| same_owner(old, present)),
        // The client did not say what it believes to be there.
        _ => step.old.is_none() && !step.is_create,
    }
}

/// Whether the ownership record that a create would replace is somebody else's.
pub(crate) fn foreign_owner(part: &Part) -> Option<(ChangeId, Error)> {
    let foreign = part.steps.iter().find(|step| {
        let Some(wanted) = &step.wanted else { return false };
        step.owns
            && step.is_create
            && !step.expected.is_empty()
            && step.expected != wanted.rdatas
            && !same_owner(&wanted.rdatas, &step.expected)
    })?;
    let reason =
        format!("the ownership record {} is in the zone already, and somebody else's", foreign.what());
    Some((foreign.changes[0], Error::permanent(reason)))
}

/// The first record of a part that can't stand beside what is known to be at its name (RFC 1034, section 3.6.2).
pub(crate) fn beside(part: &Part, known: &Known) -> Option<(ChangeId, Error)> {
    for step in part.steps.iter().filter(|step| step.wanted.is_some() && !step.is_done) {
        let clashes = |other: Rtype| {
            other != step.rtype
                && (other == Rtype::CNAME || step.rtype == Rtype::CNAME)
                && !may_stand_together(&step.rtype.to_string(), &other.to_string())
        };
        let there = known.types(&step.name).find(|other| clashes(*other) && !part.clears(&step.name, *other));
        let wanted = || {
            let others = part.steps.iter().filter(|other| other.name == step.name && other.wanted.is_some());
            others.map(|other| other.rtype).find(|other| clashes(*other))
        };
        if let Some(other) = there.or_else(wanted) {
            let name = name_to_text(&step.name);
            let reason = if step.rtype == Rtype::CNAME {
                format!("a CNAME can't stand beside the {other} record at {name}")
            } else {
                format!("{} can't stand beside the CNAME at {name}", step.rtype)
            };
            return Some((step.changes[0], Error::permanent(reason)));
        }
    }
    None
}
