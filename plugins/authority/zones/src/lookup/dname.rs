//! Names below a DNAME (RFC 6672).

use zonemux_rdata::Rtype;

use super::{Search, Target};
use crate::answer::{Entry, Rcode, WireName};
use crate::key::labels;
use crate::rrset::Rrset;

/// The most octets of a name.
const MAX_NAME: usize = 255;

impl<'a> Search<'a> {
    /// Puts the target of a DNAME in the place of its owner. `below` is the key of what stands below the
    /// owner, of which the name has as many labels in front.
    pub(super) fn rewrite(&mut self, below: &[u8], dname: &'a Rrset, name: &WireName<'a>) -> Target<'a> {
        let mut end = 0;
        for _ in 0..labels(below) {
            end += 1 + usize::from(name[end]);
        }
        let owner = match name {
            WireName::Borrowed(wire) => WireName::Borrowed(&wire[end..]),
            WireName::Made(wire) => WireName::Made(wire[end..].into()),
        };
        // A name that comes by here twice is in a loop, which ends at the DNAME that is there already.
        let again = self
            .answer
            .answer
            .iter()
            .any(|entry| entry.rtype == Rtype::DNAME && entry.owner.eq_ignore_ascii_case(&owner));
        if !again {
            self.answer.answer.push(Entry::new(owner, dname));
        }
        let target = dname.rdatas().next()?;
        if end + target.len() > MAX_NAME {
            self.answer.rcode = Rcode::YxDomain;
            return None;
        }
        let target = [&name[..end], target].concat();
        let ttl = dname.ttl();
        self.answer.answer.push(Entry::made(name.clone(), Rtype::CNAME, ttl, &target));
        Some(WireName::Made(target.into()))
    }
}
