//! What differs in headers, by classes, types and EDNS.

use domain::base::Rtype;

use super::{BIND, BOTH, IN, NOERROR, NSD, REFUSED, Rule, clear, size};
use crate::client::text;
use crate::zone::zone_of;

const FORMERR: u16 = 1;
const NOTIMP: u16 = 4;
const ANY_CLASS: u16 = 255;
const CHECKING_DISABLED: u16 = 0x10;
const EXTENDED_ERROR: u16 = 15;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "errors are explained further, or are not (RFC 8914, section 2: any server may)",
        kinds: BOTH,
        mend: |_, ours, theirs| {
            for edns in [ours, theirs].into_iter().filter_map(|reply| reply.edns.as_mut()) {
                edns.options.retain(|(code, _)| *code != EXTENDED_ERROR);
            }
        },
    },
    Rule {
        name: "BIND copies CD, which an authoritative answer should clear (RFC 4035, section 3.1.6)",
        kinds: BIND,
        mend: |case, _, theirs| {
            if case.question.unchecked {
                theirs.others &= !CHECKING_DISABLED;
            }
        },
    },
    Rule {
        name: "NSD leaves out the question where it refuses a class (RFC 1035, section 4.1.2: it is there usually)",
        kinds: NSD,
        mend: |case, ours, theirs| {
            if case.question.class != IN && (ours.rcode, theirs.rcode) == (REFUSED, REFUSED) {
                theirs.has_question = true;
            }
        },
    },
    Rule {
        name: "NSD takes class ANY for IN; we refuse it, as BIND does (RFC 1035, section 3.2.5)",
        kinds: NSD,
        mend: |case, ours, theirs| {
            if case.question.class == ANY_CLASS && ours.rcode == REFUSED {
                (theirs.rcode, theirs.authoritative, theirs.truncated) = (REFUSED, false, false);
                clear(theirs);
            }
        },
    },
    Rule {
        name: "BIND knows no such class, or does not take ANY for one; we have no such zone (RFC 1035, section 4.1.1)",
        kinds: BIND,
        mend: |case, ours, theirs| {
            if case.question.class != IN && ours.rcode == REFUSED && [FORMERR, NOTIMP].contains(&theirs.rcode)
            {
                theirs.rcode = REFUSED;
            }
        },
    },
    Rule {
        name: "ANY is answered with the smallest RRset instead of all (RFC 8482, section 4.1)",
        kinds: BOTH,
        mend: |case, ours, theirs| {
            if case.question.rtype == Rtype::ANY.to_int()
                && let Some(one) = ours.answer.last()
                && theirs.answer.contains(one)
            {
                let smallest = size(one);
                assert!(theirs.answer.iter().all(|all| all.owner != one.owner || smallest <= size(all)));
                theirs.answer.retain(|all| all.owner != one.owner || all == one);
                // Addresses of names in what is left out.
                theirs.additional.retain(|there| ours.additional.contains(there));
            }
        },
    },
    Rule {
        name: "NSD answers ANY with one RRset as well, but the first instead of the smallest (RFC 8482, section 4.1)",
        kinds: NSD,
        mend: |case, ours, theirs| {
            if case.question.rtype == Rtype::ANY.to_int()
                && let (Some(our), Some(their)) = (ours.answer.last(), theirs.answer.last())
                && ours.answer.len() == theirs.answer.len()
                && our.owner == their.owner
            {
                assert!(size(our) <= size(their), "{our:?} {their:?}");
                ours.answer.pop();
                theirs.answer.pop();
                theirs.additional.clear();
            }
        },
    },
    Rule {
        name: "DS of a zone here that the one above does not delegate: we say that there is none, since that there is no such name would hide the zone (RFC 8020)",
        kinds: BOTH,
        mend: |case, ours, theirs| {
            let ([our], [their]) = (&ours.authority[..], &mut theirs.authority[..]) else { return };
            let name = text(&case.question.name).to_ascii_lowercase();
            let is_zone = zone_of(&name) == Some(&name) && name.ends_with(&format!(".{}", their.owner));
            if case.question.rtype == Rtype::DS.to_int()
                && is_zone
                && our.owner == name
                && ours.rcode == NOERROR
            {
                *their = our.clone();
                theirs.rcode = NOERROR;
            }
        },
    },
];
