//! Reads messages.

use zonemux_rdata::Rtype;

use super::name::{expand, skip};
use super::{HEADER, Rcode};

/// What the header of a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u16,
    pub(crate) is_answer: bool,
    pub(crate) opcode: u8,
    pub(crate) is_truncated: bool,
    pub(crate) rcode: Rcode,
    /// Questions, answers, authority, additional.
    pub(crate) counts: [u16; 4],
}

/// The header; `None` where the message is too short for one.
pub(crate) fn header(message: &[u8]) -> Option<Header> {
    let header: &[u8; HEADER] = message.first_chunk()?;
    let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    Some(Header {
        id: number(0),
        is_answer: header[2] & 0x80 != 0,
        opcode: header[2] >> 3 & 0xf,
        is_truncated: header[2] & 2 != 0,
        rcode: Rcode(header[3] & 0xf),
        counts: [number(4), number(6), number(8), number(10)],
    })
}

/// Where the questions end.
pub(crate) fn question_end(message: &[u8], questions: u16) -> Option<usize> {
    (0..questions).try_fold(HEADER, |at, _| {
        let end = skip(message, at)? + 4;
        (end <= message.len()).then_some(end)
    })
}

/// All records behind the questions; each `None` is the end, as the records can't be read any further.
pub(crate) fn records(message: &[u8]) -> Option<Records<'_>> {
    let header = header(message)?;
    let at = question_end(message, header.counts[0])?;
    let [_, answers, authority, additional] = header.counts.map(usize::from);
    Some(Records { message, at, answers, left: answers + authority + additional })
}

/// The records of a message, in order.
#[derive(Debug, Clone)]
pub(crate) struct Records<'m> {
    message: &'m [u8],
    at: usize,
    /// How many of them are in the answer section.
    pub(crate) answers: usize,
    left: usize,
}

impl Records<'_> {
    /// Whether no record is left and no octet: a message that was read to its end.
    pub(crate) fn is_at_end(&self) -> bool {
        self.left == 0 && self.at == self.message.len()
    }
}

impl<'m> Iterator for Records<'m> {
    type Item = Option<Record<'m>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = Record::read(self.message, self.at);
        match &record {
            Some(record) => self.at = record.end,
            None => self.left = 0,
        }
        Some(record)
    }
}

/// A record in a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'m> {
    message: &'m [u8],
    /// Where it begins.
    pub(crate) start: usize,
    pub(crate) rtype: Rtype,
    pub(crate) class: u16,
    /// Seconds.
    pub(crate) ttl: u32,
    rdata: usize,
    end: usize,
}

impl<'m> Record<'m> {
    fn read(message: &'m [u8], start: usize) -> Option<Self> {
        let at = skip(message, start)?;
        let fixed: &[u8; 10] = message.get(at..)?.first_chunk()?;
        let number = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let rdata = at + 10;
        let end = rdata + usize::from(number(8));
        let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        // RFC 2181, section 8: with the highest bit it means zero.
        let ttl = if ttl > i32::MAX.unsigned_abs() { 0 } else { ttl };
        (end <= message.len()).then_some(Self {
            message,
            start,
            rtype: Rtype(number(0)),
            class: number(2),
            ttl,
            rdata,
            end,
        })
    }

    /// Appends the owner, uncompressed and in lower case.
    pub(crate) fn write_owner(&self, to: &mut Vec<u8>) -> Option<()> {
        expand(self.message, self.start, to).map(drop)
    }

    /// The RDATA as it stands there, names compressed.
    pub(crate) fn raw_rdata(&self) -> &'m [u8] {
        &self.message[self.rdata..self.end]
    }

    /// Appends the RDATA, with the names of the types that have some uncompressed and in lower case. `None`
    /// where it can't be such.
    pub(crate) fn write_rdata(&self, to: &mut Vec<u8>) -> Option<()> {
        let (prefix, names) = names_in(self.rtype);
        let mut at = self.rdata + prefix;
        if names == 0 {
            to.extend_from_slice(self.raw_rdata());
            return Some(());
        }
        if self.rtype == Rtype::NAPTR {
            // Three strings stand before the name.
            for _ in 0..3 {
                at += 1 + usize::from(*self.message.get(at)?);
            }
        }
        if at > self.end {
            return None;
        }
        to.extend_from_slice(&self.message[self.rdata..at]);
        for _ in 0..names {
            at = expand(self.message, at, to)?;
        }
        to.extend_from_slice(self.message.get(at..self.end)?);
        Some(())
    }
}

/// How many octets stand before the names of a type's RDATA, and how many names there are: of types whose
/// names may be compressed (RFC 3597, section 4), and of SVCB and HTTPS, whose names have no case either.
fn names_in(rtype: Rtype) -> (usize, usize) {
    match rtype.0 {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, DNAME.
        2..=5 | 7..=9 | 12 | 39 => (0, 1),
        // SOA, MINFO, RP.
        6 | 14 | 17 => (0, 2),
        // MX, AFSDB, RT, KX, SVCB, HTTPS.
        15 | 18 | 21 | 36 | 64 | 65 => (2, 1),
        // PX.
        26 => (2, 2),
        // SRV.
        33 => (6, 1),
        // NAPTR, without its strings.
        35 => (4, 1),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_rdata_are_expanded() {
        let mut message = vec![0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
        message.extend(b"\x07Example\x03ORG\0\x00\x06\x00\x01");
        message.extend(b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x01\x2c\x00\x09\x00\x0a\x04Mail\xc0\x0c");
        let mut read = records(&message).unwrap();
        let record = read.next().unwrap().unwrap();
        assert!(read.next().is_none() && read.is_at_end());
        let (mut owner, mut rdata) = (Vec::new(), Vec::new());
        record.write_owner(&mut owner).unwrap();
        record.write_rdata(&mut rdata).unwrap();
        assert_eq!((record.rtype, record.ttl), (Rtype::MX, 300));
        assert_eq!(owner, b"\x07example\x03org\0");
        assert_eq!(rdata, b"\0\x0a\x04mail\x07example\x03org\0");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _header = header(&bytes);
            if let Some(records) = records(&bytes) {
                for record in records.flatten() {
                    let mut to = Vec::new();
                    let _owner = record.write_owner(&mut to);
                    let _rdata = record.write_rdata(&mut to);
                }
            }
        }
    }
}
