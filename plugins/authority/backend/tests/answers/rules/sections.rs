//! What is beside an answer, and what fits into a message.

use domain::base::Rtype;

use super::{BIND, BOTH, NSD, Rule, agree, clear, rcode_of_what_is_left};
use crate::questions::Way;
use crate::zone::zone_of;

const AUTHENTIC: u16 = 0x20;

/// So many RRsets of addresses fit into every datagram.
const FEW: usize = 8;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "other addresses of servers fit, or names are compressed differently, and TC says so or not (RFC 9471, section 3.1)",
        kinds: BOTH,
        mend: |case, ours, theirs| {
            if case.question.way != Way::Udp || !agree(ours, theirs) {
                return;
            }
            let is_large = ours.additional.len() + theirs.additional.len() > 2 * FEW;
            if ours.truncated != theirs.truncated {
                (ours.truncated, theirs.truncated) = (true, true);
                theirs.rcode = rcode_of_what_is_left(ours, theirs);
                clear(ours);
                clear(theirs);
            } else if is_large {
                ours.additional.retain(|our| theirs.additional.contains(our));
                theirs.additional.retain(|their| ours.additional.contains(their));
            }
        },
    },
    Rule {
        name: "what a truncated answer still has is of no use (RFC 2181, section 9)",
        kinds: BOTH,
        mend: |case, ours, theirs| {
            if case.question.way == Way::Udp && ours.truncated && theirs.truncated {
                theirs.rcode = rcode_of_what_is_left(ours, theirs);
                clear(ours);
                clear(theirs);
            }
        },
    },
    Rule {
        name: "BIND leaves AD as it was asked for in a truncated answer (RFC 4035, section 3.1.6: not unless it is authentic)",
        kinds: BIND,
        mend: |case, ours, theirs| {
            if case.question.authentic && ours.truncated && theirs.truncated {
                theirs.others &= !AUTHENTIC;
            }
        },
    },
    Rule {
        name: "BIND gives no addresses to those who take 512 octets by EDNS (RFC 1034, section 4.3.2, 6: what is useful)",
        kinds: BIND,
        mend: |case, ours, theirs| {
            let is_small =
                case.question.way == Way::Udp && case.question.edns.is_some_and(|(size, _)| size == 512);
            if is_small && !ours.answer.is_empty() && theirs.additional.is_empty() {
                ours.additional.clear();
            }
        },
    },
    Rule {
        name: "BIND gives addresses from the zone of the answer alone (RFC 1034, section 4.3.2, 6: what is useful)",
        kinds: BIND,
        mend: |_, ours, theirs| {
            let Some(zone) = ours.answer.last().map(|last| zone_of(&last.owner)) else { return };
            ours.additional.retain(|our| theirs.additional.contains(our) || zone_of(&our.owner) == zone);
        },
    },
    Rule {
        name: "BIND gives what a NAPTR leads to (RFC 3403, section 4.2: a server may)",
        kinds: BIND,
        mend: |case, ours, theirs| {
            if case.question.rtype == Rtype::NAPTR.to_int() && !theirs.answer.is_empty() {
                theirs.additional.retain(|there| ours.additional.contains(there));
            }
        },
    },
    Rule {
        name: "BIND's negative answers to SOA have a TTL of 0 (its option zero-no-soa-ttl)",
        kinds: BIND,
        mend: |case, ours, theirs| {
            if case.question.rtype == Rtype::SOA.to_int()
                && let ([ours], [theirs]) = (&mut ours.authority[..], &mut theirs.authority[..])
                && theirs.ttl == 0
            {
                ours.ttl = 0;
            }
        },
    },
    Rule {
        name: "NSD gives no addresses beside answers (its option minimal-responses)",
        kinds: NSD,
        mend: |_, ours, theirs| {
            if !ours.answer.is_empty() && theirs.additional.is_empty() {
                ours.additional.clear();
            }
        },
    },
    Rule {
        name: "addresses that a wildcard gives are left out of additional (RFC 1034, section 4.3.2, 6: what is useful)",
        kinds: BOTH,
        mend: |case, ours, theirs| {
            theirs.additional.retain(|there| {
                ours.additional.contains(there)
                    || case.names.contains(&there.owner)
                    || zone_of(&there.owner).is_none()
            });
        },
    },
    Rule {
        name: "BIND gives no addresses of name servers that are not below the cut (RFC 9471, section 3.2: where they fit, they should be there)",
        kinds: BIND,
        mend: |_, ours, theirs| {
            let Some(cut) = theirs.authority.iter().find(|there| there.rtype == Rtype::NS) else { return };
            let below = format!(".{}", cut.owner);
            ours.additional
                .retain(|there| theirs.additional.contains(there) || there.owner.ends_with(&below));
        },
    },
];
