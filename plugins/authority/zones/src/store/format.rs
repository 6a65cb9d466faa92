//! Payloads: zones as a whole, and changes.
//!
//! A payload begins with a letter. `Z`: RRsets of a zone, more of it than one payload holds going on in the
//! next, in order. `E`: the end of all zones, with how many RRsets they have. `C`: changes of zones, each
//! with how many there are. An RRset is its key below the apex, type, origin, TTL, the length of its
//! records, and its records and note as they are kept; in a change, none of that may follow the type.
//! Numbers are little endian.

use zonemux_rdata::Rtype;

use crate::draft::Change;
use crate::key::Key;
use crate::name::Name;
use crate::rrset::{Origin, Rrset};
use crate::zone::Zone;

/// Where a payload of RRsets is ended and the next begun.
const PAYLOAD: usize = 1 << 20;

/// Marks that a change removes.
const REMOVED: u8 = 255;

/// A payload as it is read.
pub(super) enum Payload<'a> {
    Rrsets(Name, Reader<'a>),
    End(u32),
    Changes(Reader<'a>),
}

/// Hands over payloads that hold all zones.
pub(super) fn whole<'z, E>(
    zones: impl Iterator<Item = &'z Zone>,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut count = 0_u32;
    let mut payload = Vec::with_capacity(PAYLOAD + 1024);
    for zone in zones {
        begin(&mut payload, b'Z', &zone.apex);
        for (key, node) in zone.nodes.iter() {
            if payload.len() >= PAYLOAD {
                each(&payload)?;
                begin(&mut payload, b'Z', &zone.apex);
            }
            for rrset in node.rrsets() {
                write_rrset(&mut payload, key, rrset.rtype(), Some(rrset));
                count += 1;
            }
        }
        each(&payload)?;
    }
    payload.clear();
    payload.push(b'E');
    payload.extend(count.to_le_bytes());
    each(&payload)
}

fn begin(payload: &mut Vec<u8>, letter: u8, apex: &Name) {
    payload.clear();
    payload.push(letter);
    write_bytes(payload, apex.key());
}

/// A payload of changes.
pub(super) fn changes<'z>(zones: impl Iterator<Item = (&'z Name, &'z [Change])>) -> Vec<u8> {
    let mut payload = vec![b'C'];
    for (apex, changes) in zones {
        write_bytes(&mut payload, apex.key());
        payload.extend(u32::try_from(changes.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (key, rtype, rrset) in changes {
            write_rrset(&mut payload, key, *rtype, rrset.as_ref());
        }
    }
    payload
}

fn write_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    // Keys take at most 510 bytes.
    to.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
    to.extend_from_slice(bytes);
}

fn write_rrset(to: &mut Vec<u8>, key: &Key, rtype: Rtype, rrset: Option<&Rrset>) {
    write_bytes(to, key.as_slice());
    to.extend(rtype.0.to_le_bytes());
    let Some(rrset) = rrset else {
        to.push(REMOVED);
        return;
    };
    to.push(rrset.origin() as u8);
    let (records_end, data) = rrset.packed();
    for number in [rrset.ttl(), records_end, u32::try_from(data.len()).unwrap_or(u32::MAX)] {
        to.extend(number.to_le_bytes());
    }
    to.extend_from_slice(data);
}

/// Reads off the front of a payload.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_le_bytes(self.array()?);
        self.take(usize::from(length))
    }

    pub(super) fn name(&mut self) -> Option<Name> {
        self.bytes().map(Name::from_key)
    }

    pub(super) fn change(&mut self) -> Option<Change> {
        let key = Key::new(self.bytes()?);
        let rtype = Rtype(u16::from_le_bytes(self.array()?));
        let origin = match self.array::<1>()? {
            [0] => Origin::Managed,
            [1] => Origin::Fixed,
            [REMOVED] => return Some((key, rtype, None)),
            _ => return None,
        };
        let (ttl, records_end, length) = (self.number()?, self.number()?, self.number()?);
        let data = self.take(length as usize)?;
        Some((key, rtype, Some(Rrset::from_packed(rtype, ttl, origin, records_end, data)?)))
    }
}

/// Reads what a payload is.
pub(super) fn read(payload: &[u8]) -> Option<Payload<'_>> {
    let (&letter, rest) = payload.split_first()?;
    let mut reader = Reader(rest);
    Some(match letter {
        b'Z' => Payload::Rrsets(reader.name()?, reader),
        b'E' => Payload::End(reader.number()?),
        b'C' => Payload::Changes(reader),
        _ => return None,
    })
}
