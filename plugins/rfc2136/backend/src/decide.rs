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
    let claim = Claim::of(part, known);
    let mut is_done = true;
    for step in &mut part.steps {
        let set = known.get(&step.name, step.rtype);
        let present = set.map(Set::to_rdatas).unwrap_or_default();
        let ttl = set.map_or(0, |set| set.ttl);
        if let Err(error) = may_replace(step, &present, claim, known) {
            return Decision::Failed(step.changes[0], error);
        }
        step.is_done = match &step.wanted {
            None => present.is_empty(),
            Some(wanted) => wanted.rdatas == present && wanted.ttl == ttl,
        };
        is_done &= step.is_done;
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

/// Sets what each step expects at first: what the client believes is there; else what is known, as far as it may be
/// replaced. Nothing is decided yet, since what is known may be old.
pub(crate) fn expect(part: &mut Part, known: &Known) {
    let claim = Claim::of(part, known);
    for step in &mut part.steps {
        let set = known.get(&step.name, step.rtype);
        step.expected_ttl = set.map_or(step.expected_ttl, |set| set.ttl);
        let present = set.map(Set::to_rdatas).unwrap_or_default();
        if known.is_listed() {
            step.listed = Some(present.clone());
        }
        if step.owns && !step.is_create && step.listed.is_some() && !present.is_empty() {
            step.expected = present;
            continue;
        }
        if let Some(old) = &step.old {
            step.expected.clone_from(old);
            continue;
        }
        if may_replace(step, &present, claim, known).is_ok() {
            step.expected = present;
        }
    }
}

/// Whether a part brings the ownership record of what it creates, and what is in that one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It brings none.
    No,
    /// Nothing is there: what is at the record's name is nobody's, or somebody's without ownership records.
    New,
    /// It is there, with the same owner.
    Held,
}

impl Claim {
    fn of(part: &Part, known: &Known) -> Self {
        let mut claim = Self::No;
        for step in part.steps.iter().filter(|step| step.owns && step.is_create) {
            match known.get(&step.name, step.rtype) {
                None => return Self::New,
                Some(_) => claim = Self::Held,
            }
        }
        claim
    }
}

/// Whether what is there may be replaced by what is wanted.
fn may_replace(step: &Step, present: &[Vec<u8>], claim: Claim, known: &Known) -> Result<(), Error> {
    let is_ours = || known.is_ours(&step.name, step.rtype, present);
    let is_wanted = step.wanted.as_ref().is_some_and(|wanted| wanted.rdatas == present);
    let names_wanted_owner =
        || step.wanted.as_ref().is_some_and(|wanted| same_owner(&wanted.rdatas, present));
    let names_old_owner = || step.old.as_deref().is_some_and(|old| same_owner(old, present));
    if present.is_empty() {
        return Ok(());
    }
    let may = match (step.is_create, step.owns) {
        // What the client was told. It does not repeat an ownership record as it was told, but as it would write it
        // now: with its new owner where it takes one over, and encrypted once it has a key. Then what it was told is
        // what was listed.
        (false, false) => {
            is_wanted || step.old.as_ref().or(step.listed.as_ref()).is_some_and(|old| old == present)
        }
        (false, true) => {
            is_wanted
                || step.listed.as_deref() == Some(present)
                || step.old.as_deref() == Some(present)
                || names_old_owner()
                || names_wanted_owner()
        }
        (true, true) if is_wanted || names_wanted_owner() || is_ours() => true,
        (true, true) => {
            let reason =
                format!("the ownership record {} is in the zone already, and somebody else's", step.what());
            return Err(Error::permanent(reason));
        }
        // The answer to an earlier create may have been lost. What is there without its ownership record is not ours,
        // even if it is the same: with one it would be deleted some day.
        (true, false) => match claim {
            Claim::New => false,
            // What came beside our ownership record since the list is another's: ours come in one message.
            Claim::Held => is_wanted || is_ours() || step.listed.as_deref() == Some(present),
            Claim::No => is_wanted || is_ours(),
        },
    };
    if may {
        return Ok(());
    }
    let there = if step.is_create { "there is a" } else { "there is another" };
    Err(Error::retryable(format!(
        "{there} {} in the zone than zonemux was told of: somebody else changed it\nhint: nothing was overwritten; it is \
         decided anew with the next list",
        step.what()
    )))
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
