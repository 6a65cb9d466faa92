//! The start of a zone, and how its serial goes on.

use zonemux_rdata::{Rtype, is_later, name_length};

use crate::rrset::{Origin, Rrset};

/// What an SOA record says (RFC 1035, section 3.3.13), but for the serial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    /// The primary name server, in wire form.
    pub mname: Vec<u8>,
    /// The mailbox of who is responsible, as a name in wire form.
    pub rname: Vec<u8>,
    /// Seconds after which a secondary asks for the serial again.
    pub refresh: u32,
    /// Seconds after which it asks again where it got no answer.
    pub retry: u32,
    /// Seconds after which it gives the zone up where it gets none.
    pub expire: u32,
    /// For how long it may be remembered that something is not there, in seconds (RFC 2308, section 4).
    pub minimum: u32,
    /// The TTL of the record itself, in seconds.
    pub ttl: u32,
}

impl Soa {
    /// The record with a serial.
    pub fn to_rrset(&self, serial: u32) -> Rrset {
        let mut rdata = [&self.mname[..], &self.rname].concat();
        for number in [serial, self.refresh, self.retry, self.expire, self.minimum] {
            rdata.extend(number.to_be_bytes());
        }
        Rrset::new(Rtype::SOA, self.ttl, Origin::Fixed, [rdata], b"").expect("two names and five numbers")
    }

    /// What an RRset of one SOA record says, and its serial.
    pub fn from_rrset(rrset: &Rrset) -> Option<(Self, u32)> {
        let rdata = rrset.rdatas().next().filter(|_| rrset.rtype() == Rtype::SOA && rrset.len() == 1)?;
        let (mname, rest) = rdata.split_at(name_length(rdata)?);
        let (rname, rest) = rest.split_at(name_length(rest)?);
        let mut numbers = rest.as_chunks::<4>().0.iter().map(|number| u32::from_be_bytes(*number));
        if rest.len() != 20 {
            return None;
        }
        let serial = numbers.next()?;
        let soa = Self {
            mname: mname.to_vec(),
            rname: rname.to_vec(),
            refresh: numbers.next()?,
            retry: numbers.next()?,
            expire: numbers.next()?,
            minimum: numbers.next()?,
            ttl: rrset.ttl(),
        };
        Some((soa, serial))
    }
}

/// For how long it may be remembered that something is not there: the last number of an SOA record.
pub(crate) fn minimum(soa: &Rrset) -> Option<u32> {
    soa.rdatas().next().and_then(|rdata| rdata.last_chunk::<4>()).map(|number| u32::from_be_bytes(*number))
}

/// How the serial of a zone goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SerialPolicy {
    /// By one; a new zone begins at the time.
    #[default]
    Increment,
    /// To the seconds since 1970, or by one where that would not be later.
    UnixTime,
}

impl SerialPolicy {
    /// The serial that follows another at a time, in seconds since 1970.
    pub fn next(self, serial: u32, now: u32) -> u32 {
        // 0 is skipped: some servers take it for "none".
        let one_more = serial.checked_add(1).unwrap_or(1);
        match self {
            Self::UnixTime if is_later(now, serial) => now.max(1),
            Self::Increment | Self::UnixTime => one_more,
        }
    }
}

/// Seconds since 1970, as a serial.
pub fn unix_time() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.map_or(0, |since| since.as_secs() & u64::from(u32::MAX));
    u32::try_from(seconds).unwrap_or_default().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_compared_in_a_circle() {
        assert!(is_later(1, 0) && is_later(0, u32::MAX) && is_later(1 << 31, 1));
        assert!(!is_later(0, 0) && !is_later(0, 1) && !is_later(u32::MAX, 0));
        // Half a circle away neither is later.
        assert!(!is_later(1 << 31, 0) && !is_later(0, 1 << 31));
    }

    #[test]
    fn every_next_serial_is_later() {
        for policy in [SerialPolicy::Increment, SerialPolicy::UnixTime] {
            for serial in [0, 1, 1_700_000_000, (1 << 31) - 1, 1 << 31, u32::MAX - 1, u32::MAX] {
                for now in [0, 1, 1_700_000_001, 1 << 31, u32::MAX] {
                    let next = policy.next(serial, now);
                    assert!(is_later(next, serial), "{policy:?} {serial} at {now}: {next}");
                    assert_ne!(next, 0);
                }
            }
        }
        assert_eq!(SerialPolicy::Increment.next(5, 1_700_000_000), 6);
        assert_eq!(SerialPolicy::UnixTime.next(5, 1_700_000_000), 1_700_000_000);
        assert_eq!(SerialPolicy::UnixTime.next(1_700_000_000, 1_700_000_000), 1_700_000_001);
    }

    #[test]
    fn a_soa_is_read_back() {
        let soa = Soa {
            mname: b"\x02ns\0".to_vec(),
            rname: b"\x04host\0".to_vec(),
            refresh: 1,
            retry: 2,
            expire: 3,
            minimum: 4,
            ttl: 5,
        };
        let rrset = soa.to_rrset(77);
        assert_eq!(Soa::from_rrset(&rrset), Some((soa, 77)));
        let cut = rrset.rdatas().next().unwrap()[..20].to_vec();
        let cut = Rrset::new(Rtype::SOA, 5, Origin::Fixed, [cut], b"").unwrap();
        assert_eq!(Soa::from_rrset(&cut), None);
    }
}
