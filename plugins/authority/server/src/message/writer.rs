//! Writes a message: whole RRsets, or nothing of one; names compressed (RFC 1035, section 4.1.4).

use zonemux_authority_zones::Rrset;
use zonemux_rdata::{Rtype, name_length};

use super::{HEADER, IN, Rcode};

/// Pointers have fourteen bits.
const LAST_TARGET: usize = 0x3fff;
/// Labels of the longest name.
const MOST_LABELS: usize = 128;

/// The sections of a message, by where the header counts their records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Answer = 6,
    Authority = 8,
    Additional = 10,
}

/// A message in the making, in a buffer that is used again.
#[derive(Debug)]
pub(crate) struct Writer {
    buffer: Vec<u8>,
    /// The most octets, less what is kept free for the end.
    limit: usize,
    /// Where names stand that others may point to, by the hash of their text; 0 is nowhere. An entry that is
    /// overwritten costs a few octets and nothing else, and what it points to is compared before it is used.
    targets: Box<[u16]>,
}

/// The flags of an answer (RFC 1035, section 4.1.1).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags {
    pub(crate) authoritative: bool,
    pub(crate) truncated: bool,
}

impl Writer {
    /// With room for so many names to point to; a power of two.
    pub(crate) fn new(names: usize) -> Self {
        Self { buffer: Vec::with_capacity(2048), limit: 0, targets: vec![0; names].into() }
    }

    /// Begins an answer to a request, of which there are twelve octets at least.
    pub(crate) fn begin(&mut self, request: &[u8], limit: usize) {
        self.targets.fill(0);
        self.buffer.clear();
        self.limit = limit;
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&request[..2]);
        // An answer, of the same kind, with the wish for recursion copied and not fulfilled.
        header[2] = 0x80 | request[2] & 0x79;
        self.buffer.extend_from_slice(&header);
    }

    /// Writes the question, in the client's own spelling.
    pub(crate) fn question(&mut self, name: &[u8], rtype: Rtype, class: u16) {
        self.name(name);
        self.buffer.extend_from_slice(&rtype.0.to_be_bytes());
        self.buffer.extend_from_slice(&class.to_be_bytes());
        self.count(4, 1);
    }

    /// Says what the answer is.
    pub(crate) fn finish(&mut self, rcode: Rcode, flags: Flags) {
        self.buffer[2] |= u8::from(flags.authoritative) << 2 | u8::from(flags.truncated) << 1;
        self.buffer[3] = self.buffer[3] & 0xf0 | (rcode.0 & 0xf) as u8;
    }

    /// Takes back all records, and leaves the question.
    pub(crate) fn rewind(&mut self) {
        let question = if self.buffer[5] == 0 {
            HEADER
        } else {
            HEADER + name_length(&self.buffer[HEADER..]).unwrap_or_default() + 4
        };
        self.buffer.truncate(question);
        self.buffer[6..HEADER].fill(0);
    }

    /// Gives back room that was kept free.
    pub(crate) fn free(&mut self, octets: usize) {
        self.limit += octets;
    }

    /// Writes an RRset of class IN; nothing of it where it does not fit.
    pub(crate) fn rrset<'r>(
        &mut self,
        section: Section,
        owner: &[u8],
        rtype: Rtype,
        ttl: u32,
        rdatas: impl IntoIterator<Item = &'r [u8]>,
    ) -> bool {
        let start = self.buffer.len();
        let mut count = 0;
        for rdata in rdatas {
            self.record(owner, rtype, IN, ttl, rdata);
            count += 1;
            if self.buffer.len() > self.limit {
                self.buffer.truncate(start);
                return false;
            }
        }
        self.count(section as usize, count);
        true
    }

    /// Writes an [`Rrset`] as one record after the other; those of it that were `skip`ped are in an earlier message.
    /// Returns how many of its records are written by now.
    pub(crate) fn records(&mut self, owner: &[u8], rrset: &Rrset, skip: usize) -> usize {
        let mut written = skip;
        for rdata in rrset.rdatas().skip(skip) {
            let start = self.buffer.len();
            self.record(owner, rrset.rtype(), IN, rrset.ttl(), rdata);
            if self.buffer.len() > self.limit {
                self.buffer.truncate(start);
                break;
            }
            self.count(Section::Answer as usize, 1);
            written += 1;
        }
        written
    }

    /// Writes a record of any class, whatever room there is.
    pub(crate) fn record(&mut self, owner: &[u8], rtype: Rtype, class: u16, ttl: u32, rdata: &[u8]) {
        self.name(owner);
        self.buffer.extend_from_slice(&rtype.0.to_be_bytes());
        self.buffer.extend_from_slice(&class.to_be_bytes());
        self.buffer.extend_from_slice(&ttl.to_be_bytes());
        let length = self.buffer.len();
        self.buffer.extend_from_slice(&[0, 0]);
        self.rdata(rtype, rdata);
        let written = u16::try_from(self.buffer.len() - length - 2).unwrap_or(u16::MAX);
        self.buffer[length..length + 2].copy_from_slice(&written.to_be_bytes());
    }

    /// Counts records that were written by [`record`](Self::record).
    pub(crate) fn count(&mut self, at: usize, more: u16) {
        let count = u16::from_be_bytes([self.buffer[at], self.buffer[at + 1]]).saturating_add(more);
        self.buffer[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }

    /// The name, and the names in RDATA, of those types alone that every reader knows (RFC 3597, section 4).
    fn rdata(&mut self, rtype: Rtype, rdata: &[u8]) {
        match rtype {
            Rtype::NS | Rtype::CNAME | Rtype::PTR => self.name(rdata),
            Rtype::MX if rdata.len() > 2 => {
                self.buffer.extend_from_slice(&rdata[..2]);
                self.name(&rdata[2..]);
            }
            Rtype::SOA => {
                let Some((primary, rest)) =
                    name_length(rdata).and_then(|length| rdata.split_at_checked(length))
                else {
                    return self.buffer.extend_from_slice(rdata);
                };
                let Some((mailbox, numbers)) =
                    name_length(rest).and_then(|length| rest.split_at_checked(length))
                else {
                    return self.buffer.extend_from_slice(rdata);
                };
                self.name(primary);
                self.name(mailbox);
                self.buffer.extend_from_slice(numbers);
            }
            _ => self.buffer.extend_from_slice(rdata),
        }
    }

    /// Writes an uncompressed name as far as it did not stand before, and a pointer to the rest.
    fn name(&mut self, name: &[u8]) {
        let mut starts = [0_u8; MOST_LABELS];
        let mut labels = 0;
        let mut at = 0;
        while let Some(&length) = name.get(at).filter(|length| **length != 0) {
            if labels == MOST_LABELS {
                break;
            }
            // A name has 255 octets at most.
            starts[labels] = u8::try_from(at).unwrap_or(u8::MAX);
            labels += 1;
            at += 1 + usize::from(length);
        }
        let mask = self.targets.len() - 1;
        let mut hashes = [0_u32; MOST_LABELS];
        let mut hash = 0;
        let mut end = at;
        for index in (0..labels).rev() {
            let start = usize::from(starts[index]);
            hash = hash_label(hash, &name[start..end]);
            hashes[index] = hash;
            end = start;
        }
        let found = (0..labels).find_map(|index| {
            let target = usize::from(self.targets[hashes[index] as usize & mask]);
            (target != 0 && self.stands_at(target, &name[usize::from(starts[index])..]))
                .then_some((index, target))
        });
        let (written, pointer) = found.map_or((labels, None), |(index, target)| (index, Some(target)));
        let base = self.buffer.len();
        for index in 0..written {
            let position = base + usize::from(starts[index]);
            if let Some(position) = u16::try_from(position).ok().filter(|_| position <= LAST_TARGET) {
                self.targets[hashes[index] as usize & mask] = position;
            }
        }
        if let Some(target) = pointer {
            self.buffer.extend_from_slice(&name[..usize::from(starts[written])]);
            let pointer = 0xc000 | u16::try_from(target).unwrap_or_default();
            self.buffer.extend_from_slice(&pointer.to_be_bytes());
        } else {
            self.buffer.extend_from_slice(&name[..at]);
            self.buffer.push(0);
        }
    }

    /// Whether a name stands at a place of the message, letters' case aside.
    fn stands_at(&self, mut target: usize, mut name: &[u8]) -> bool {
        // Each pointer leads to before itself, so this ends.
        loop {
            let Some(&length) = self.buffer.get(target) else { return false };
            if length >= 0xc0 {
                let Some(&low) = self.buffer.get(target + 1) else { return false };
                let next = usize::from(length & 0x3f) << 8 | usize::from(low);
                if next >= target {
                    return false;
                }
                target = next;
                continue;
            }
            let size = 1 + usize::from(length);
            let (Some(there), Some(here)) = (self.buffer.get(target..target + size), name.get(..size)) else {
                return false;
            };
            if !there.eq_ignore_ascii_case(here) {
                return false;
            }
            if length == 0 {
                return true;
            }
            (target, name) = (target + size, &name[size..]);
        }
    }

    /// What is written so far.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.buffer
    }

    /// How many octets are written so far.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the message out, for whoever adds a signature, and is to be given back.
    pub(crate) fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }
}

/// FNV-1a over a label behind the hash of what follows it, letters' case aside.
fn hash_label(seed: u32, label: &[u8]) -> u32 {
    let mut hash = seed ^ 0x811c_9dc5;
    for octet in label {
        hash = (hash ^ u32::from(octet.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    }
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use domain::base::rdata::UnknownRecordData;
    use domain::base::{Message, ParsedName, Record, ToName};
    use proptest::prelude::*;
    use zonemux_authority_zones::Name;

    use super::*;

    fn request() -> [u8; 12] {
        [7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    }

    fn wire(text: &str) -> Vec<u8> {
        Name::from_canonical(text).unwrap().to_wire()
    }

    #[test]
    fn names_point_to_where_they_stood() {
        let mut writer = Writer::new(64);
        writer.begin(&request(), 512);
        writer.question(b"\x03WWW\x07Example\x03org\0", Rtype::NS, IN);
        assert!(writer.rrset(
            Section::Answer,
            &wire("www.example.org"),
            Rtype::NS,
            60,
            [&*wire("ns1.example.org")]
        ));
        let before = writer.len();
        assert!(writer.rrset(
            Section::Answer,
            &wire("www.example.org"),
            Rtype::NS,
            60,
            [&*wire("ns1.example.org")]
        ));
        // Two pointers, type, class, TTL and length.
        assert_eq!(writer.len() - before, 2 + 10 + 2);
        let message = Message::from_octets(writer.as_slice()).unwrap();
        let answers: Vec<_> = message.answer().unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(answers.len(), 2);
        for record in answers {
            assert_eq!(record.owner().to_string(), "WWW.Example.org");
        }
    }

    #[test]
    fn an_rrset_that_does_not_fit_leaves_nothing() {
        let mut writer = Writer::new(64);
        writer.begin(&request(), 60);
        writer.question(&wire("example.org"), Rtype::A, IN);
        let before = writer.as_slice().to_vec();
        let addresses = [[192, 0, 2, 1], [192, 0, 2, 2], [192, 0, 2, 3]];
        let all = || addresses.iter().map(|address| &address[..]);
        assert!(!writer.rrset(Section::Answer, &wire("example.org"), Rtype::A, 60, all()));
        assert_eq!(writer.as_slice(), before);
        writer.free(100);
        assert!(writer.rrset(Section::Answer, &wire("example.org"), Rtype::A, 60, all()));
        writer.rewind();
        assert_eq!(writer.as_slice(), before);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_by_another_library(
            names in proptest::collection::vec("([ab]{1,2}\\.){0,4}[ab]{1,3}", 1..40),
            slots in 0..8_u32,
        ) {
            let mut writer = Writer::new(1 << slots);
            writer.begin(&request(), 65_535);
            writer.question(&wire(&names[0]), Rtype::NS, IN);
            for name in &names {
                let target = wire(&format!("x.{name}"));
                prop_assert!(writer.rrset(Section::Answer, &wire(name), Rtype::NS, 1, [&*target]));
            }
            let message = Message::from_octets(writer.as_slice()).unwrap();
            let mut read = Vec::new();
            for record in message.answer().unwrap() {
                let record = record.unwrap();
                let owner = record.owner().to_string();
                let record: Record<_, domain::rdata::Ns<ParsedName<_>>> = record.into_record().unwrap().unwrap();
                prop_assert_eq!(record.data().nsdname().to_string(), format!("x.{owner}"));
                read.push(owner);
            }
            prop_assert_eq!(read, names);
        }
    }

    #[test]
    fn unknown_types_are_written_as_they_are() {
        let mut writer = Writer::new(64);
        writer.begin(&request(), 512);
        writer.question(&wire("a.b"), Rtype(65280), IN);
        assert!(writer.rrset(Section::Answer, &wire("a.b"), Rtype(65280), 60, [&b"\x01a\x01b\0"[..]]));
        let message = Message::from_octets(writer.as_slice()).unwrap();
        let record = message.answer().unwrap().next().unwrap().unwrap();
        assert!(record.owner().name_eq(&"a.b.".parse::<domain::base::Name<Vec<u8>>>().unwrap()));
        let record: Record<_, UnknownRecordData<_>> = record.into_record().unwrap().unwrap();
        assert_eq!(record.data().data(), b"\x01a\x01b\0");
    }
}
