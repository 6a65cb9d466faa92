//! Differences that are allowed, each with its reason.

mod aliases;
mod message;
mod sections;

use std::collections::BTreeSet;

use domain::base::Rtype;
use zonemux_test_support::servers::Kind;

use crate::client::{Reply, Rrset};
use crate::questions::Question;

/// A difference that is allowed.
pub(crate) struct Rule {
    /// What differs, and what allows it.
    pub(crate) name: &'static str,
    kinds: &'static [Kind],
    /// Takes the difference out of both answers, and nothing else.
    mend: fn(&Case<'_>, &mut Reply, &mut Reply),
}

/// What a rule may look at beside the answers.
pub(crate) struct Case<'a> {
    pub(crate) question: &'a Question,
    /// The names that have records, as text.
    pub(crate) names: &'a BTreeSet<String>,
}

const BIND: &[Kind] = &[Kind::Bind];
const NSD: &[Kind] = &[Kind::Nsd];
const BOTH: &[Kind] = &[Kind::Bind, Kind::Nsd];

const NOERROR: u16 = 0;
const SERVFAIL: u16 = 2;
const REFUSED: u16 = 5;
const IN: u16 = 1;

/// All of them, in the order in which they are tried.
pub(crate) fn rules() -> impl Iterator<Item = &'static Rule> {
    [message::RULES, aliases::RULES, sections::RULES].into_iter().flatten()
}

/// The rules that explain all that differs; else the parts that do.
pub(crate) fn explain(
    kind: Kind,
    case: &Case<'_>,
    ours: &Reply,
    theirs: &Reply,
) -> Result<Vec<&'static str>, Vec<&'static str>> {
    let (mut our, mut their) = (ours.clone(), theirs.clone());
    let mut used = Vec::new();
    for rule in rules().filter(|rule| rule.kinds.contains(&kind)) {
        let before = (our.clone(), their.clone());
        (rule.mend)(case, &mut our, &mut their);
        if before != (our.clone(), their.clone()) {
            used.push(rule.name);
        }
        if our == their {
            return Ok(used);
        }
    }
    Err(our.differences(&their))
}

fn clear(reply: &mut Reply) {
    for section in [&mut reply.answer, &mut reply.authority, &mut reply.additional] {
        section.clear();
    }
}

/// Their code; ours where there are but aliases in a truncated answer, since the code is that of their end, which
/// is compared where it fits.
fn rcode_of_what_is_left(ours: &Reply, theirs: &Reply) -> u16 {
    let are_aliases = !ours.answer.is_empty() && ours.answer.iter().chain(&theirs.answer).all(is_alias);
    if are_aliases && agree(ours, theirs) { ours.rcode } else { theirs.rcode }
}

fn is_alias(rrset: &Rrset) -> bool {
    matches!(rrset.rtype, Rtype::CNAME | Rtype::DNAME)
}

/// Whether two answers have nothing of which one RRset is no part of the other's.
fn agree(ours: &Reply, theirs: &Reply) -> bool {
    let sections = |reply: &Reply| [reply.answer.clone(), reply.authority.clone(), reply.additional.clone()];
    let agrees = |(ours, theirs): (Vec<Rrset>, Vec<Rrset>)| {
        ours.iter().all(|our| {
            let same = theirs.iter().find(|their| (&their.owner, their.rtype) == (&our.owner, our.rtype));
            same.is_none_or(|their| {
                let is_part =
                    |part: &Rrset, all: &Rrset| part.data.iter().all(|data| all.data.contains(data));
                our.ttl == their.ttl && (is_part(our, their) || is_part(their, our))
            })
        })
    };
    sections(ours).into_iter().zip(sections(theirs)).all(agrees)
}

/// Where a CNAME leads to.
fn target(rrset: &Rrset) -> Option<&str> {
    let target = rrset.data.first().filter(|_| rrset.rtype == Rtype::CNAME)?;
    Some(target.strip_suffix('.').unwrap_or(target))
}

/// A measure of the octets of an RRset.
fn size(rrset: &Rrset) -> usize {
    rrset.octets
}
