//! Writes questions and updates.

use zonemux_rdata::Rtype;

use super::HEADER;

/// A class of a record; in updates it says what to do (RFC 2136, section 2.4 and 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A record of the zone.
    In = 1,
    /// Chaos, where servers tell their version.
    Chaos = 3,
    /// Is not there; is to go.
    None = 254,
    /// Is there, whatever it is; all of it is to go.
    Any = 255,
}

const QUERY: u8 = 0;
const UPDATE: u8 = 5;

/// Names in the first 16 KiB can be pointed to.
const REACH: usize = 0x4000;

/// A message in the making: a question or zone first, then records.
#[derive(Debug)]
pub(crate) struct Writer {
    message: Vec<u8>,
    /// The name in the question, to whose place others point.
    zone: Vec<u8>,
    /// The last owner, and where it stands.
    last: (Vec<u8>, usize),
}

impl Writer {
    /// A question; the name is uncompressed.
    pub(crate) fn query(name: &[u8], rtype: Rtype, class: Class) -> Self {
        Self::begin(QUERY, name, rtype, class)
    }

    /// An update of a zone.
    pub(crate) fn update(zone: &[u8]) -> Self {
        Self::begin(UPDATE, zone, Rtype::SOA, Class::In)
    }

    fn begin(opcode: u8, name: &[u8], rtype: Rtype, class: Class) -> Self {
        let mut message = vec![0; HEADER];
        message[..2].copy_from_slice(&fastrand::u16(..).to_be_bytes());
        message[2] = opcode << 3;
        message[5] = 1;
        message.extend_from_slice(name);
        message.extend(rtype.0.to_be_bytes());
        message.extend((class as u16).to_be_bytes());
        Self { message, zone: name.to_vec(), last: (Vec::new(), 0) }
    }

    /// A record of the answer section; of an update, a prerequisite.
    pub(crate) fn prerequisite(
        &mut self,
        owner: &[u8],
        rtype: Rtype,
        class: Class,
        rdata: &[u8],
    ) -> &mut Self {
        self.record(6, owner, rtype, class, 0, rdata)
    }

    /// A record of the authority section; of an update, a change.
    pub(crate) fn change(
        &mut self,
        owner: &[u8],
        rtype: Rtype,
        class: Class,
        ttl: u32,
        rdata: &[u8],
    ) -> &mut Self {
        self.record(8, owner, rtype, class, ttl, rdata)
    }

    fn record(
        &mut self,
        count: usize,
        owner: &[u8],
        rtype: Rtype,
        class: Class,
        ttl: u32,
        rdata: &[u8],
    ) -> &mut Self {
        self.owner(owner);
        self.message.extend(rtype.0.to_be_bytes());
        self.message.extend((class as u16).to_be_bytes());
        self.message.extend(ttl.to_be_bytes());
        // Who packs messages keeps them below 64 KiB.
        let length = u16::try_from(rdata.len()).unwrap_or(u16::MAX);
        self.message.extend(length.to_be_bytes());
        self.message.extend_from_slice(&rdata[..length.into()]);
        let records = u16::from_be_bytes([self.message[count], self.message[count + 1]]).saturating_add(1);
        self.message[count..count + 2].copy_from_slice(&records.to_be_bytes());
        self
    }

    fn owner(&mut self, owner: &[u8]) {
        let pointer = |at: usize| u16::try_from(0xc000 | at).unwrap_or(u16::MAX).to_be_bytes();
        if owner == self.last.0 && self.last.1 < REACH {
            self.message.extend(pointer(self.last.1));
            return;
        }
        let at = self.message.len();
        match owner.strip_suffix(&*self.zone) {
            Some(labels) if super::is_below(owner, &self.zone) && self.zone != [0] => {
                self.message.extend_from_slice(labels);
                self.message.extend(pointer(HEADER));
            }
            _ => self.message.extend_from_slice(owner),
        }
        self.last.0.clear();
        self.last.0.extend_from_slice(owner);
        self.last.1 = at;
    }

    /// The most octets that a record takes.
    pub(crate) fn room_for(owner: &[u8], rdata: usize) -> usize {
        // The labels before the zone and a pointer are never longer than the whole name and one.
        owner.len() + 1 + 10 + rdata
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.message
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{header, records};

    #[test]
    fn owners_point_to_the_zone_and_to_each_other() {
        let zone = b"\x07example\x03org\0";
        let owner = b"\x03www\x07example\x03org\0";
        let mut writer = Writer::update(zone);
        writer.prerequisite(owner, Rtype::ANY, Class::None, b"");
        writer.change(owner, Rtype::A, Class::In, 60, &[192, 0, 2, 1]);
        writer.change(zone, Rtype::CAA, Class::Any, 0, b"");
        let message = writer.finish();
        let read = header(&message).unwrap();
        assert_eq!((read.opcode, read.counts), (UPDATE, [1, 1, 2, 0]));
        let mut read = records(&message).unwrap();
        let mut owners = Vec::new();
        for record in read.by_ref() {
            let mut owner = Vec::new();
            record.unwrap().write_owner(&mut owner).unwrap();
            owners.push(owner);
        }
        assert!(read.is_at_end());
        assert_eq!(owners, [&owner[..], owner, zone]);
        assert_eq!(message.len(), 12 + 13 + 4 + (6 + 10) + (2 + 14) + (2 + 10));
    }
}
