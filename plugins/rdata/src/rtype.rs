//! Record types by number.

use std::fmt;

use domain::base::iana::Rtype as Known;

/// A record type, as the number that stands in messages (IANA's "Resource Record (RR) TYPEs").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtype(pub u16);

impl Rtype {
    /// An IPv4 address (RFC 1035).
    pub const A: Self = Self(1);
    /// A name server (RFC 1035).
    pub const NS: Self = Self(2);
    /// An alias (RFC 1035).
    pub const CNAME: Self = Self(5);
    /// The start of a zone (RFC 1035).
    pub const SOA: Self = Self(6);
    /// A name for an address (RFC 1035).
    pub const PTR: Self = Self(12);
    /// What a host is; also what a question for everything is answered with (RFC 8482).
    pub const HINFO: Self = Self(13);
    /// A mail exchanger (RFC 1035).
    pub const MX: Self = Self(15);
    /// Text (RFC 1035).
    pub const TXT: Self = Self(16);
    /// An IPv6 address (RFC 3596).
    pub const AAAA: Self = Self(28);
    /// Where a service is (RFC 2782).
    pub const SRV: Self = Self(33);
    /// A rule that rewrites names (RFC 3403).
    pub const NAPTR: Self = Self(35);
    /// An alias of everything below a name (RFC 6672).
    pub const DNAME: Self = Self(39);
    /// Options of a message (RFC 6891).
    pub const OPT: Self = Self(41);
    /// A signed child zone's key (RFC 4034).
    pub const DS: Self = Self(43);
    /// A signature (RFC 4034).
    pub const RRSIG: Self = Self(46);
    /// A proof that nothing is between two names (RFC 4034).
    pub const NSEC: Self = Self(47);
    /// A zone's key (RFC 4034).
    pub const DNSKEY: Self = Self(48);
    /// A proof that nothing is between two hashed names (RFC 5155).
    pub const NSEC3: Self = Self(50);
    /// A certificate of a service (RFC 6698).
    pub const TLSA: Self = Self(52);
    /// How to reach a service (RFC 9460).
    pub const SVCB: Self = Self(64);
    /// How to reach a web site (RFC 9460).
    pub const HTTPS: Self = Self(65);
    /// A message's signature (RFC 8945).
    pub const TSIG: Self = Self(250);
    /// What changed in a zone (RFC 1995).
    pub const IXFR: Self = Self(251);
    /// A whole zone (RFC 5936).
    pub const AXFR: Self = Self(252);
    /// Everything at a name (RFC 8482).
    pub const ANY: Self = Self(255);
    /// Who may issue certificates (RFC 8659).
    pub const CAA: Self = Self(257);

    /// Whether it stands in questions or beside messages only, never in a zone (RFC 6895, section 3.1).
    pub fn is_meta(self) -> bool {
        self.0 == 0 || self == Self::OPT || (128..=255).contains(&self.0)
    }
}

/// The type of a name such as `MX`, in any case, or `TYPE65280` (RFC 3597, section 5).
///
/// ```
/// use zonemux_rdata::{Rtype, record_type};
/// assert_eq!(record_type("MX"), Some(Rtype::MX));
/// assert_eq!(record_type("TYPE65280"), Some(Rtype(65280)));
/// assert_eq!(record_type("MXX"), None);
/// ```
pub fn record_type(name: &str) -> Option<Rtype> {
    // Nearly all records of ExternalDNS's are of these.
    match name {
        "A" => return Some(Rtype::A),
        "AAAA" => return Some(Rtype::AAAA),
        "CNAME" => return Some(Rtype::CNAME),
        "TXT" => return Some(Rtype::TXT),
        _ => {}
    }
    if let Some(digits) = name.get(..4).filter(|start| start.eq_ignore_ascii_case("TYPE")).map(|_| &name[4..])
    {
        let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        return if number { digits.parse().ok().map(Rtype) } else { None };
    }
    name.parse::<Known>().ok().map(|known| Rtype(known.to_int()))
}

impl fmt::Display for Rtype {
    /// As it stands in a zone file: the name, or `TYPE65280`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Known::from_int(self.0).to_mnemonic_str() {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_back_from_its_name() {
        for number in 0..=u16::MAX {
            let name = Rtype(number).to_string();
            assert_eq!(record_type(&name), Some(Rtype(number)), "{name}");
        }
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(record_type("aaaa"), Some(Rtype::AAAA));
        assert_eq!(record_type("type1"), Some(Rtype::A));
        assert_eq!(record_type("Https").map(|known| known.to_string()).as_deref(), Some("HTTPS"));
        for wrong in ["", "TYPE", "TYPE-1", "TYPE+1", "TYPE65536", "A ", "*x", "ÄTYPE", "TYP€"] {
            assert_eq!(record_type(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn meta_types_are_told() {
        let meta = [Rtype(0), Rtype::OPT, Rtype::TSIG, Rtype::IXFR, Rtype::AXFR, Rtype::ANY];
        assert!(meta.into_iter().all(Rtype::is_meta));
        assert!(![Rtype::A, Rtype::SOA, Rtype::CAA, Rtype(65280)].into_iter().any(Rtype::is_meta));
    }
}
