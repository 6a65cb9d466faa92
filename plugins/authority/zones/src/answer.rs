//! What a question is answered with.

use std::ops::Deref;
use std::sync::Arc;

use smallvec::SmallVec;
use zonemux_rdata::Rtype;

use crate::rrset::{Rdatas, Rrset};

/// Response codes that a look-up gives (RFC 1035, section 4.1.1; RFC 6672, section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rcode {
    /// The answer is as it shall be, if only that nothing of the type is there.
    NoError = 0,
    /// There is no such name.
    NxDomain = 3,
    /// A name that a DNAME makes is too long.
    YxDomain = 6,
}

/// The RRsets of a section.
pub type Section<'a> = SmallVec<[Entry<'a>; 4]>;

/// What a question is answered with.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The response code.
    pub rcode: Rcode,
    /// Whether the name of the question is in a zone of ours, not only delegated by it.
    pub authoritative: bool,
    /// What was asked for, and the aliases on the way there.
    pub answer: Section<'a>,
    /// The SOA of what is not there, or the name servers of what is elsewhere.
    pub authority: Section<'a>,
    /// Addresses of names in the other sections.
    pub additional: Section<'a>,
}

/// One RRset of an answer.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The owner name, uncompressed. Often it lies in the name of the question, or in the RDATA of an
    /// RRset before it.
    pub owner: WireName<'a>,
    /// The type.
    pub rtype: Rtype,
    /// Seconds, which for an SOA that says what is not there is less than the record's own.
    pub ttl: u32,
    /// Whether the answer is of no use without it: glue for name servers below the delegation. Where it
    /// does not fit, the answer is truncated (RFC 9471, section 3.1).
    pub required: bool,
    pub(crate) data: Data<'a>,
}

#[derive(Debug, Clone)]
pub(crate) enum Data<'a> {
    Zone(&'a Rrset),
    /// A record that was made for this answer, with its length in front.
    Made(Arc<[u8]>),
}

impl<'a> Entry<'a> {
    pub(crate) fn new(owner: WireName<'a>, rrset: &'a Rrset) -> Self {
        let data = Data::Zone(rrset);
        Self { owner, rtype: rrset.rtype(), ttl: rrset.ttl(), required: false, data }
    }

    pub(crate) fn made(owner: WireName<'a>, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Self {
        let length = u16::try_from(rdata.len()).unwrap_or(u16::MAX);
        let data = Data::Made([&length.to_be_bytes()[..], rdata].concat().into());
        Self { owner, rtype, ttl, required: false, data }
    }

    /// The RDATA of each record, names in it uncompressed.
    pub fn rdatas(&self) -> Rdatas<'_> {
        match &self.data {
            Data::Zone(rrset) => rrset.rdatas(),
            Data::Made(with_length) => Rdatas::one(with_length),
        }
    }
}

/// A name in wire form, uncompressed: borrowed, or made for an answer.
#[derive(Debug, Clone)]
pub enum WireName<'a> {
    /// A part of a question or of a zone.
    Borrowed(&'a [u8]),
    /// Made by a DNAME.
    Made(Arc<[u8]>),
}

impl Deref for WireName<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(wire) => wire,
            Self::Made(wire) => wire,
        }
    }
}
