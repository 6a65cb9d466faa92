//! How far aliases are followed, and with which code a chain ends.

use domain::base::Rtype;

use super::{BIND, BOTH, NOERROR, NSD, Rule, SERVFAIL, is_alias, target};
use crate::client::Rrset;
use crate::zone::zone_of;

/// From how many aliases on a server may leave the rest to the client. BIND follows eleven by default.
const MANY_ALIASES: usize = 11;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "NSD goes by a DNAME once; we do until the chain is long (RFC 6672, section 3.2)",
        kinds: NSD,
        mend: |_, ours, theirs| {
            let common = theirs.answer.len();
            let ends_below = |alias: &Rrset, dname: &Rrset| {
                target(alias).is_some_and(|to| to.ends_with(&format!(".{}", dname.owner)))
            };
            let dnames = theirs.answer.iter().filter(|there| there.rtype == Rtype::DNAME);
            if let Some(alias) = theirs.answer.last()
                && dnames.clone().any(|dname| ends_below(alias, dname))
                && ours.answer.starts_with(&theirs.answer)
            {
                ours.answer.truncate(common);
                ours.rcode = theirs.rcode;
            }
        },
    },
    Rule {
        name: "NSD gives an alias to itself twice (RFC 2181, section 5: an RRset has each record once)",
        kinds: NSD,
        mend: |_, _, theirs| {
            for alias in &mut theirs.answer {
                if let [first, second] = &alias.data[..]
                    && first == second
                    && target(alias) == Some(&alias.owner)
                {
                    alias.data.pop();
                    alias.octets /= 2;
                }
            }
        },
    },
    Rule {
        name: "BIND follows aliases within one zone; we go on in another of ours (RFC 1034, section 4.3.2, 3a)",
        kinds: BIND,
        mend: |_, ours, theirs| {
            let common = theirs.answer.len();
            let Some(target) = theirs.answer.last().and_then(target) else { return };
            let leaves = zone_of(target).is_some_and(|zone| zone_of(&theirs.answer[0].owner) != Some(zone));
            if leaves
                && ours.answer.starts_with(&theirs.answer)
                && theirs.rcode == NOERROR
                && theirs.authority.is_empty()
            {
                ours.answer.truncate(common);
                ours.rcode = NOERROR;
                ours.authority.clear();
                ours.additional.clear();
            }
        },
    },
    Rule {
        name: "BIND does not follow an alias for KEY, RRSIG and NSEC, which may stand beside it (RFC 4035, section 2.5)",
        kinds: BIND,
        mend: |case, ours, theirs| {
            let may_stand_beside = [Rtype::KEY, Rtype::RRSIG, Rtype::NSEC].map(Rtype::to_int);
            let [soa] = &theirs.authority[..] else { return };
            if may_stand_beside.contains(&case.question.rtype)
                && soa.rtype == Rtype::SOA
                && theirs.rcode == NOERROR
                && ours.answer.starts_with(&theirs.answer)
                && ours.answer.get(theirs.answer.len()).is_some_and(|next| next.rtype == Rtype::CNAME)
            {
                ours.answer.truncate(theirs.answer.len());
                (ours.rcode, ours.authority) = (NOERROR, theirs.authority.clone());
                ours.additional.clear();
            }
        },
    },
    Rule {
        name: "BIND ends at the alias that a DNAME makes where ANY is asked for; we and NSD go on (RFC 6672, section 3.2)",
        kinds: BIND,
        mend: |case, ours, theirs| {
            let common = theirs.answer.len();
            if case.question.rtype == Rtype::ANY.to_int()
                && let [.., dname, alias] = &theirs.answer[..]
                && (dname.rtype, alias.rtype) == (Rtype::DNAME, Rtype::CNAME)
                && ours.answer.starts_with(&theirs.answer)
                && theirs.rcode == NOERROR
            {
                ours.answer.truncate(common);
                ours.rcode = NOERROR;
                ours.authority.clear();
                ours.additional.clear();
            }
        },
    },
    Rule {
        name: "a long chain of aliases ends where each server likes (RFC 1034, section 3.6.2, sets no limit)",
        kinds: BOTH,
        mend: |_, ours, theirs| {
            let common = ours.answer.len().min(theirs.answer.len());
            let is_many = common > MANY_ALIASES;
            if is_many
                && ours.answer[..common].iter().all(is_alias)
                && ours.answer[..common] == theirs.answer[..common]
            {
                ours.answer.truncate(common);
                theirs.answer.truncate(common);
                for reply in [&mut *ours, &mut *theirs] {
                    reply.authority.clear();
                    reply.additional.clear();
                }
                if theirs.rcode == SERVFAIL {
                    theirs.rcode = ours.rcode;
                }
            }
        },
    },
    Rule {
        name: "BIND calls a loop of aliases a failure (RFC 1034, section 3.6.2: it is an error in the zone, with no code)",
        kinds: BIND,
        mend: |_, ours, theirs| {
            let ends_where_it_was = |target| ours.answer.iter().any(|there| there.owner == target);
            if theirs.rcode == SERVFAIL && ours.answer.last().and_then(target).is_some_and(ends_where_it_was)
            {
                theirs.rcode = NOERROR;
            }
        },
    },
];
