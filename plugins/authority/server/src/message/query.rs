//! Reads a request: its header, its question, and what it says by EDNS.

use zonemux_rdata::Rtype;

use super::{HEADER, Rcode};

/// The longest name in wire form (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 255;
/// Types of pseudo-records.
const OPT: u16 = 41;
const TSIG: u16 = 250;
/// EDNS options (RFC 5001; RFC 7873).
const NSID: u16 = 3;
const COOKIE: u16 = 10;

/// What a request wants (RFC 1035, section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Query,
    Notify,
}

/// A request, as far as it concerns us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<'m> {
    pub(crate) message: &'m [u8],
    pub(crate) opcode: Opcode,
    /// The owner name of the question, uncompressed.
    pub(crate) name: &'m [u8],
    pub(crate) rtype: Rtype,
    pub(crate) class: u16,
    pub(crate) edns: Option<Edns<'m>>,
    /// Whether it is signed.
    pub(crate) has_tsig: bool,
    /// The serial of the SOA in the authority section, which IXFR has there (RFC 1995, section 3).
    pub(crate) serial: Option<u32>,
}

/// What a request says by EDNS (RFC 6891).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edns<'m> {
    pub(crate) version: u8,
    /// The largest datagram that the client takes.
    pub(crate) payload: u16,
    /// DNSSEC OK, which is copied.
    pub(crate) dnssec: bool,
    pub(crate) wants_nsid: bool,
    pub(crate) cookie: Option<&'m [u8]>,
}

/// Why a message is no request that can be answered as it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It gets no answer: an answer itself, or too short to have an identifier.
    Silence,
    /// It gets its header back, with this code.
    Answer(Rcode),
}

/// Reads a request.
pub(crate) fn read(message: &[u8]) -> Result<Query<'_>, Refusal> {
    let header = message.first_chunk::<HEADER>().ok_or(Refusal::Silence)?;
    // An answer to an answer could go on for ever.
    if header[2] & 0x80 != 0 {
        return Err(Refusal::Silence);
    }
    let opcode = match (header[2] >> 3) & 0xf {
        0 => Opcode::Query,
        4 => Opcode::Notify,
        // Updates have other sections than questions: nothing of them is read.
        _ => return Err(Refusal::Answer(Rcode::NOTIMP)),
    };
    let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    if count(4) != 1 {
        return Err(Refusal::Answer(Rcode::FORMERR));
    }
    parse(message, opcode, [count(6), count(8), count(10)]).ok_or(Refusal::Answer(Rcode::FORMERR))
}

fn parse(message: &[u8], opcode: Opcode, [answers, authorities, additionals]: [u16; 3]) -> Option<Query<'_>> {
    let mut reader = Reader { message, at: HEADER };
    let name = reader.question_name()?;
    let (rtype, class) = (Rtype(reader.u16()?), reader.u16()?);
    let mut query = Query { message, opcode, name, rtype, class, edns: None, has_tsig: false, serial: None };
    for _ in 0..answers {
        reader.record()?;
    }
    for _ in 0..authorities {
        let record = reader.record()?;
        if record.rtype == Rtype::SOA.0 {
            // Behind two names that may be compressed stand five numbers.
            let numbers = record.rdata.last_chunk::<20>()?;
            query.serial = Some(u32::from_be_bytes(*numbers.first_chunk::<4>()?));
        }
    }
    for index in 0..additionals {
        let record = reader.record()?;
        match record.rtype {
            OPT => {
                // One, at the root (RFC 6891, section 6.1.1).
                if query.edns.is_some() || !record.is_at_root {
                    return None;
                }
                query.edns = Some(edns(&record)?);
            }
            // The last of all (RFC 8945, section 5.1).
            TSIG if index + 1 == additionals => query.has_tsig = true,
            TSIG => return None,
            _ => {}
        }
    }
    (reader.at == message.len()).then_some(query)
}

fn edns<'m>(record: &Record<'m>) -> Option<Edns<'m>> {
    let [_, version, flags, _] = record.ttl;
    let mut edns =
        Edns { version, payload: record.class, dnssec: flags & 0x80 != 0, wants_nsid: false, cookie: None };
    let mut rest = record.rdata;
    while !rest.is_empty() {
        let (head, after) = rest.split_first_chunk::<4>()?;
        let (code, length) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
        let (value, after) = after.split_at_checked(usize::from(length))?;
        match code {
            NSID => edns.wants_nsid = true,
            // A client's eight octets, with those that a server gave or without (RFC 7873, section 4).
            COOKIE if !matches!(length, 8 | 16..=40) => return None,
            COOKIE if edns.cookie.is_none() => edns.cookie = Some(value),
            _ => {}
        }
        rest = after;
    }
    Some(edns)
}

/// A record of a request.
struct Record<'m> {
    is_at_root: bool,
    rtype: u16,
    class: u16,
    ttl: [u8; 4],
    rdata: &'m [u8],
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn bytes(&mut self, length: usize) -> Option<&'m [u8]> {
        let bytes = self.message.get(self.at..self.at + length)?;
        self.at += length;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// The name of the question, before which there is nothing that it could be compressed to.
    fn question_name(&mut self) -> Option<&'m [u8]> {
        let start = self.at;
        loop {
            let length = self.bytes(1)?[0];
            if length > 63 {
                return None;
            }
            self.bytes(usize::from(length))?;
            if self.at - start > LONGEST_NAME {
                return None;
            }
            if length == 0 {
                return Some(&self.message[start..self.at]);
            }
        }
    }

    fn record(&mut self) -> Option<Record<'m>> {
        let start = self.at;
        self.skip_name()?;
        let is_at_root = self.at == start + 1;
        let (rtype, class) = (self.u16()?, self.u16()?);
        let ttl = *self.bytes(4)?.first_chunk()?;
        let length = self.u16()?;
        let rdata = self.bytes(usize::from(length))?;
        Some(Record { is_at_root, rtype, class, ttl, rdata })
    }

    /// Past a name, which may end in a pointer. Where that leads is of no interest here.
    fn skip_name(&mut self) -> Option<()> {
        let start = self.at;
        loop {
            let length = self.bytes(1)?[0];
            match length {
                0 => return Some(()),
                1..=63 => drop(self.bytes(usize::from(length))?),
                0xc0.. => return self.bytes(1).map(drop),
                _ => return None,
            }
            if self.at - start > LONGEST_NAME {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question() -> Vec<u8> {
        let mut message = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(b"\x03wWw\x07example\x00\x00\x01\x00\x01");
        message
    }

    fn with_opt(options: &[u8]) -> Vec<u8> {
        let mut message = question();
        message[11] = 1;
        message.extend([0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0]);
        message.extend(u16::try_from(options.len()).unwrap().to_be_bytes());
        message.extend(options);
        message
    }

    #[test]
    fn a_question_is_read_where_it_lies() {
        let message = question();
        let query = read(&message).unwrap();
        assert_eq!((query.name, query.rtype, query.class), (&b"\x03wWw\x07example\0"[..], Rtype::A, 1));
        assert!(query.edns.is_none() && !query.has_tsig && query.opcode == Opcode::Query);
    }

    #[test]
    fn edns_is_read() {
        let message = with_opt(&[0, 3, 0, 0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        let edns = read(&message).unwrap().edns.unwrap();
        assert_eq!((edns.version, edns.payload, edns.dnssec, edns.wants_nsid), (0, 1232, true, true));
        assert_eq!(edns.cookie, Some(&[1, 2, 3, 4, 5, 6, 7, 8][..]));
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let answer = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut message = question();
            change(&mut message);
            read(&message).err()
        };
        let formerr = Some(Refusal::Answer(Rcode::FORMERR));
        assert_eq!(answer(&|message| message[2] |= 0x80), Some(Refusal::Silence));
        assert_eq!(answer(&|message| message.truncate(11)), Some(Refusal::Silence));
        assert_eq!(answer(&|message| message[2] = 5 << 3), Some(Refusal::Answer(Rcode::NOTIMP)));
        assert_eq!(answer(&|message| message[5] = 0), formerr);
        assert_eq!(answer(&|message| message[5] = 2), formerr);
        assert_eq!(answer(&|message| message.push(0)), formerr);
        assert_eq!(answer(&|message| message.truncate(message.len() - 1)), formerr);
        assert_eq!(answer(&|message| message[12] = 0xc0), formerr, "a pointer in the question");
        assert_eq!(answer(&|message| message[11] = 1), formerr, "a record that is not there");
        for options in [&[0, 10, 0, 7, 1, 2, 3, 4, 5, 6, 7][..], &[0, 10, 0, 8, 1], &[0]] {
            assert_eq!(read(&with_opt(options)).err(), formerr);
        }
        let mut two = with_opt(&[]);
        two[11] = 2;
        two.extend([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(read(&two).err(), formerr);
    }

    proptest! {
        #[test]
        fn nothing_panics(message in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _read = read(&message);
        }

        #[test]
        fn nothing_panics_behind_a_question(rest in proptest::collection::vec(any::<u8>(), 0..80), counts: [u8; 3]) {
            let mut message = question();
            message[7] = counts[0] % 4;
            message[9] = counts[1] % 4;
            message[11] = counts[2] % 4;
            message.extend(rest);
            let _read = read(&message);
        }
    }
}
