//! What can't stand beside what.

use zonemux_authority_zones::{Draft, Name, Origin, Rrset};
use zonemux_plugin::dns::may_stand_together;
use zonemux_rdata::Rtype;

/// Why the record of a name and type may not be changed.
pub(crate) fn protected(draft: &Draft, name: &Name, rtype: Rtype) -> Option<String> {
    let there = draft.at(name).iter().find(|there| there.rtype() == rtype)?;
    (there.origin() == Origin::Fixed).then(|| {
        format!("{rtype} {name} is a record of the backend's settings, which nobody else may change")
    })
}

/// Why a record that was put can't stand where it stands.
pub(crate) fn conflict(draft: &Draft, name: &Name, rrset: &Rrset) -> Option<String> {
    let rtype = rrset.rtype();
    let at = draft.at(name);
    if at.len() > 1 {
        let word = rtype.to_string();
        let other = at
            .iter()
            .find(|other| other.rtype() != rtype && !may_stand_together(&word, &other.rtype().to_string()));
        match other.map(Rrset::rtype) {
            Some(Rtype::CNAME) => return Some(format!("{rtype} can't stand beside the CNAME at {name}")),
            Some(other) => return Some(format!("a CNAME can't stand beside the {other} record at {name}")),
            None => {}
        }
    }
    dname_conflict(draft, name, rtype)
}

/// A DNAME leaves no room for names below it (RFC 6672, section 2.4). TXT is let through: the registry
/// puts the ownership of `old.example.org` at `x-dname.old.example.org`, if its prefix ends in a dot, and
/// may encrypt it.
fn dname_conflict(draft: &Draft, name: &Name, rtype: Rtype) -> Option<String> {
    if !draft.has_dnames() {
        return None;
    }
    if rtype == Rtype::DNAME {
        let other = draft.below(name).any(|below| below.rtype() != Rtype::TXT);
        return other
            .then(|| format!("a DNAME can't stand above other records, and there are some below {name}"));
    }
    if rtype == Rtype::TXT {
        return None;
    }
    let apex = draft.base().apex();
    let mut above = name.parent();
    while let Some(parent) = above.filter(|parent| parent.is_at_or_below(apex)) {
        if draft.at(&parent).iter().any(|there| there.rtype() == Rtype::DNAME) {
            return Some(format!("{name} is below a DNAME, which leaves no room for other records"));
        }
        above = parent.parent();
    }
    None
}
