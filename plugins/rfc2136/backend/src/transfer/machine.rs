//! What the records of a transfer mean, one after the other.

use zonemux_rdata::{Rtype, is_later};

use super::Kind;
use crate::message::{Class, Record, is_below};
use crate::store::Store;

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has come.
    Start,
    /// The SOA that begins it.
    Begun,
    /// All records, up to that SOA again.
    Whole,
    /// Records that went with the step that ends at a serial not yet known.
    Removing,
    /// Records that came with the step to this serial.
    Adding(u32),
    Done,
}

/// Takes the records of a transfer.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    apex: &'a [u8],
    state: State,
    /// The serial that the zone will have.
    serial: u32,
    /// The serial of the copy that is brought up to date.
    earlier: Option<u32>,
    store: Store,
    kind: Kind,
    /// Every zone has NS records at its apex (RFC 1035, section 5.2): a whole one without is not all of it.
    has_ns: bool,
    current: Current,
    owner: Vec<u8>,
    rdata: Vec<u8>,
}

/// The RRset whose records are coming: they do so together, nearly always.
#[derive(Debug, Default)]
struct Current {
    name: Vec<u8>,
    rtype: Option<Rtype>,
    ttl: u32,
    rdatas: Vec<Vec<u8>>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(apex: &'a [u8], earlier: Option<(Store, u32)>) -> Self {
        let kind = if earlier.is_some() { Kind::Steps } else { Kind::Whole };
        let (store, earlier) = match earlier {
            Some((store, serial)) => (store, Some(serial)),
            None => (Store::default(), None),
        };
        Self {
            apex,
            state: State::Start,
            serial: 0,
            earlier,
            store,
            kind,
            has_ns: false,
            current: Current::default(),
            owner: Vec::new(),
            rdata: Vec::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn record(&mut self, record: &Record<'_>) -> Result<Step, String> {
        let broken = || "a record of the transfer can't be read".to_owned();
        self.owner.clear();
        record.write_owner(&mut self.owner).ok_or_else(broken)?;
        if record.class != Class::In as u16 {
            return Err("a record of the transfer is of another class".to_owned());
        }
        if record.rtype == Rtype::SOA {
            if self.owner != self.apex {
                return Err("the transfer has the SOA of another zone".to_owned());
            }
            self.rdata.clear();
            record.write_rdata(&mut self.rdata).ok_or_else(broken)?;
            return self.soa(serial(&self.rdata).ok_or_else(broken)?);
        }
        match self.state {
            State::Start => return Err("the transfer does not begin with the zone's SOA".to_owned()),
            State::Begun => self.begin_whole(),
            State::Done => return Err("the transfer has records behind its end".to_owned()),
            State::Whole | State::Removing | State::Adding(_) => {}
        }
        self.has_ns |= record.rtype == Rtype::NS && self.owner == self.apex;
        if !is_kept(record.rtype, self.owner == self.apex) || !is_below(&self.owner, self.apex) {
            return Ok(Step::More);
        }
        self.rdata.clear();
        record.write_rdata(&mut self.rdata).ok_or_else(broken)?;
        match self.state {
            State::Removing => {
                if !self.store.take(&self.owner, record.rtype, &self.rdata) {
                    return Err("the transfer removes a record that was not there".to_owned());
                }
            }
            State::Adding(_) => {
                if !self.store.add(&self.owner, record.rtype, record.ttl, &self.rdata) {
                    return Err("the transfer adds a record that was there".to_owned());
                }
            }
            _ => self.whole(record.rtype, record.ttl),
        }
        Ok(Step::More)
    }

    fn soa(&mut self, serial: u32) -> Result<Step, String> {
        self.state = match self.state {
            State::Start => {
                self.serial = serial;
                State::Begun
            }
            State::Begun if self.earlier == Some(serial) && serial != self.serial => State::Removing,
            // Nothing between the two: neither steps nor a zone.
            State::Begun if serial == self.serial => return Err(WITHOUT_NS.to_owned()),
            State::Whole if serial == self.serial => State::Done,
            State::Whole => {
                return Err(format!(
                    "the zone changed from serial {} to {serial} while it was transferred",
                    self.serial
                ));
            }
            State::Removing => State::Adding(serial),
            State::Adding(reached) if reached == self.serial && serial == reached => State::Done,
            State::Adding(reached) if reached == serial => State::Removing,
            State::Begun | State::Adding(_) => {
                return Err(format!("the steps of the transfer don't lead to one another: serial {serial}"));
            }
            State::Done => return Err("the transfer has records behind its end".to_owned()),
        };
        Ok(if self.state == State::Done { Step::Done } else { Step::More })
    }

    /// The server sends all records, whatever was asked for.
    fn begin_whole(&mut self) {
        self.state = State::Whole;
        self.kind = Kind::Whole;
        self.store = Store::default();
    }

    /// A record of a whole zone.
    fn whole(&mut self, rtype: Rtype, ttl: u32) {
        if self.current.rtype != Some(rtype) || self.current.name != self.owner {
            self.flush();
            self.current.name.clone_from(&self.owner);
            self.current.rtype = Some(rtype);
            self.current.ttl = ttl;
        }
        self.current.ttl = self.current.ttl.min(ttl);
        self.current.rdatas.push(self.rdata.clone());
    }

    fn flush(&mut self) {
        let current = &mut self.current;
        let Some(rtype) = current.rtype.take() else { return };
        if let Some(earlier) = self.store.get(&current.name, rtype) {
            // They did not come together.
            current.ttl = current.ttl.min(earlier.ttl);
            current.rdatas.extend(earlier.to_rdatas());
        }
        current.rdatas.sort_unstable();
        current.rdatas.dedup();
        self.store.put(&current.name, rtype, current.ttl, &current.rdatas);
        current.rdatas.clear();
    }

    /// Whether all that has come is the SOA that the copy has already.
    pub(super) fn is_unchanged(&self) -> bool {
        self.state == State::Begun && self.earlier == Some(self.serial)
    }

    /// An error where a message ended with the SOA alone, and that one is older than the copy: nothing more will come.
    pub(super) fn check_serial(&self) -> Result<(), String> {
        if self.state == State::Begun && self.earlier.is_some_and(|earlier| is_later(earlier, self.serial)) {
            return Err(format!("the serial went back to {}", self.serial));
        }
        Ok(())
    }

    /// The zone's records, its serial, and how they came; an error where the end is missing.
    pub(super) fn finish(mut self) -> Result<(Store, u32, Kind), String> {
        self.flush();
        if self.is_unchanged() {
            return Ok((self.store, self.serial, Kind::Nothing));
        }
        match self.state {
            State::Done if self.kind == Kind::Whole && !self.has_ns => Err(WITHOUT_NS.to_owned()),
            State::Done => Ok((self.store, self.serial, self.kind)),
            _ => Err("the transfer is not whole".to_owned()),
        }
    }
}

const WITHOUT_NS: &str = "the transfer has no NS records of the zone itself: it is not all of it";

/// The serial in the RDATA of an SOA, names uncompressed.
pub(crate) fn serial(soa: &[u8]) -> Option<u32> {
    let numbers = soa.len().checked_sub(20)?;
    Some(u32::from_be_bytes(*soa[numbers..].first_chunk()?))
}

/// Whether records of a type are kept: not those that the server makes by itself, for DNSSEC and as the zone's
/// own.
pub(crate) fn is_kept(rtype: Rtype, at_apex: bool) -> bool {
    match rtype.0 {
        // SOA, SIG, KEY, NXT, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY, ZONEMD; BIND's notes of what it signs.
        6 | 24 | 25 | 30 | 46..=48 | 50 | 51 | 59 | 60 | 63 | 65534 => false,
        2 => !at_apex,
        _ => !rtype.is_meta(),
    }
}

#[cfg(test)]
mod tests;
