//! DNS messages (RFC 1035, section 4) as far as updates and transfers need them.

mod name;
mod reader;
mod writer;

pub(crate) use name::{expand, is_below};
pub(crate) use reader::{Header, Record, header, records};
pub(crate) use writer::{Class, Writer};

/// The octets of a header.
pub(crate) const HEADER: usize = 12;

/// A response code (RFC 6895, section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rcode(pub(crate) u8);

impl Rcode {
    pub(crate) const NOERROR: Self = Self(0);
    pub(crate) const FORMERR: Self = Self(1);
    pub(crate) const SERVFAIL: Self = Self(2);
    pub(crate) const NXDOMAIN: Self = Self(3);
    pub(crate) const NOTIMP: Self = Self(4);
    pub(crate) const REFUSED: Self = Self(5);
    pub(crate) const YXDOMAIN: Self = Self(6);
    pub(crate) const YXRRSET: Self = Self(7);
    pub(crate) const NXRRSET: Self = Self(8);
    pub(crate) const NOTAUTH: Self = Self(9);
    pub(crate) const NOTZONE: Self = Self(10);

    /// Whether a prerequisite of an update did not hold (RFC 2136, section 3.2).
    pub(crate) fn is_prerequisite(self) -> bool {
        matches!(self, Self::YXDOMAIN | Self::YXRRSET | Self::NXRRSET | Self::NXDOMAIN)
    }
}

impl std::fmt::Display for Rcode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match *self {
            Self::NOERROR => "NOERROR",
            Self::FORMERR => "FORMERR",
            Self::SERVFAIL => "SERVFAIL",
            Self::NXDOMAIN => "NXDOMAIN",
            Self::NOTIMP => "NOTIMP",
            Self::REFUSED => "REFUSED",
            Self::YXDOMAIN => "YXDOMAIN",
            Self::YXRRSET => "YXRRSET",
            Self::NXRRSET => "NXRRSET",
            Self::NOTAUTH => "NOTAUTH",
            Self::NOTZONE => "NOTZONE",
            Self(other) => return write!(f, "RCODE{other}"),
        };
        f.write_str(name)
    }
}
