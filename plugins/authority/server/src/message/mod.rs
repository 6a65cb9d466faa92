//! DNS messages: questions are read where they lie, answers written into a buffer that is used again.

mod query;
mod respond;
mod writer;

pub(crate) use query::{Opcode, Query, Refusal, read};
pub(crate) use respond::{Done, Outcome, Responder, Transport, is_transfer};
pub(crate) use writer::{Flags, Section, Writer};

/// Response codes of headers (RFC 1035, section 4.1.1; RFC 2136, section 2.2; RFC 6891, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Rcode(pub(crate) u16);

impl Rcode {
    pub(crate) const NOERROR: Self = Self(0);
    pub(crate) const FORMERR: Self = Self(1);
    pub(crate) const SERVFAIL: Self = Self(2);
    pub(crate) const NXDOMAIN: Self = Self(3);
    pub(crate) const NOTIMP: Self = Self(4);
    pub(crate) const REFUSED: Self = Self(5);
    pub(crate) const YXDOMAIN: Self = Self(6);
    pub(crate) const NOTAUTH: Self = Self(9);
    pub(crate) const BADVERS: Self = Self(16);
    pub(crate) const BADCOOKIE: Self = Self(23);

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NOERROR => "noerror",
            Self::FORMERR => "formerr",
            Self::SERVFAIL => "servfail",
            Self::NXDOMAIN => "nxdomain",
            Self::NOTIMP => "notimp",
            Self::REFUSED => "refused",
            Self::YXDOMAIN => "yxdomain",
            Self::NOTAUTH => "notauth",
            Self::BADVERS => "badvers",
            Self::BADCOOKIE => "badcookie",
            _ => "other",
        }
    }
}

/// Octets of a header.
pub(crate) const HEADER: usize = 12;
/// Classes.
pub(crate) const IN: u16 = 1;
pub(crate) const CHAOS: u16 = 3;
