//! RRsets, packed.

use std::fmt;
use std::sync::Arc;

use zonemux_rdata::Rtype;

/// Whose an RRset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Origin {
    /// ExternalDNS's: listed, and changed by its batches.
    Managed = 0,
    /// The operator's, from the settings: served, never listed, never changed by a batch.
    Fixed = 1,
}

/// The records of one name and type, of which a message holds all or none (RFC 2181, section 5).
///
/// Cloning shares the data. Records are in canonical order, each once.
#[derive(Clone, PartialEq, Eq)]
pub struct Rrset {
    rtype: Rtype,
    count: u16,
    ttl: u32,
    /// Where the records end in `data`, and the note begins.
    records_end: u32,
    origin: Origin,
    /// For each record the length of its RDATA (2 bytes, big endian) and the RDATA; then the note.
    data: Arc<[u8]>,
}

/// RDATA of more than 65,535 octets, or more than as many records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an RRset of more than 65535 records, or with one of more than 65535 bytes")]
pub struct TooLarge;

impl Rrset {
    /// An RRset of wire RDATA with names uncompressed. Records that repeat another are left out.
    pub fn new<R: AsRef<[u8]>>(
        rtype: Rtype,
        ttl: u32,
        origin: Origin,
        rdatas: impl IntoIterator<Item = R>,
        note: &[u8],
    ) -> Result<Self, TooLarge> {
        let mut rdatas: Vec<R> = rdatas.into_iter().collect();
        if rdatas.len() > 1 {
            rdatas.sort_unstable_by(|left, right| left.as_ref().cmp(right.as_ref()));
            rdatas.dedup_by(|left, right| left.as_ref() == right.as_ref());
        }
        let size = rdatas.iter().map(|rdata| 2 + rdata.as_ref().len()).sum::<usize>() + note.len();
        let mut data = Vec::with_capacity(size);
        for rdata in &rdatas {
            let rdata = rdata.as_ref();
            data.extend(u16::try_from(rdata.len()).map_err(|_| TooLarge)?.to_be_bytes());
            data.extend_from_slice(rdata);
        }
        let count = u16::try_from(rdatas.len()).map_err(|_| TooLarge)?;
        let records_end = u32::try_from(data.len()).map_err(|_| TooLarge)?;
        data.extend_from_slice(note);
        Ok(Self { rtype, count, ttl, records_end, origin, data: data.into() })
    }

    /// What [`packed`](Self::packed) gave, checked.
    pub(crate) fn from_packed(
        rtype: Rtype,
        ttl: u32,
        origin: Origin,
        records_end: u32,
        data: &[u8],
    ) -> Option<Self> {
        let mut rest = data.get(..records_end as usize)?;
        let mut count = 0_u16;
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<2>()?;
            rest = after.get(usize::from(u16::from_be_bytes(*length))..)?;
            count = count.checked_add(1)?;
        }
        Some(Self { rtype, count, ttl, records_end, origin, data: data.into() })
    }

    /// Where the note begins, and the records and the note, for a file.
    pub(crate) fn packed(&self) -> (u32, &[u8]) {
        (self.records_end, &self.data)
    }

    /// The type of its records.
    pub fn rtype(&self) -> Rtype {
        self.rtype
    }

    /// For how long its records may be kept, in seconds.
    pub fn ttl(&self) -> u32 {
        self.ttl
    }

    /// Whose it is.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What its owner keeps beside the records, and DNS never shows.
    pub fn note(&self) -> &[u8] {
        &self.data[self.records_end as usize..]
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether it has none, which no RRset of a zone is.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The RDATA of each record, in canonical order.
    pub fn rdatas(&self) -> Rdatas<'_> {
        Rdatas { rest: &self.data[..self.records_end as usize], left: self.len() }
    }

    /// Bytes of all RDATA, with two for each record's length.
    pub fn rdata_size(&self) -> usize {
        self.records_end as usize
    }

    /// Those of its records that another lacks, with its TTL; `None` where there are none.
    pub(crate) fn without(&self, other: &Self) -> Option<Self> {
        if self.ttl != other.ttl {
            return Some(self.clone());
        }
        let mut others = other.rdatas().peekable();
        let mut differ = Vec::new();
        for rdata in self.rdatas() {
            while others.next_if(|&theirs| theirs < rdata).is_some() {}
            if others.peek() != Some(&rdata) {
                differ.push(rdata);
            }
        }
        match differ.len() {
            0 => None,
            length if length == self.len() => Some(self.clone()),
            // Fewer records than fitted before.
            _ => Self::new(self.rtype, self.ttl, self.origin, differ, b"").ok(),
        }
    }

    /// Whether DNS shows the same of both.
    pub(crate) fn same_records(&self, other: &Self) -> bool {
        self.ttl == other.ttl
            && self.count == other.count
            && self.data[..self.records_end as usize] == other.data[..other.records_end as usize]
    }
}

impl fmt::Debug for Rrset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.ttl, self.origin, self.rtype)?;
        self.rdatas().try_for_each(|rdata| write!(f, " {}", rdata.escape_ascii()))
    }
}

/// The RDATA of each record of an [`Rrset`].
#[derive(Debug, Clone)]
pub struct Rdatas<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Rdatas<'a> {
    /// One record.
    pub(crate) fn one(with_length: &'a [u8]) -> Self {
        Self { rest: with_length, left: 1 }
    }
}

impl<'a> Iterator for Rdatas<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, after) = self.rest.split_first_chunk::<2>()?;
        let (rdata, rest) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.rest = rest;
        self.left = self.left.saturating_sub(1);
        Some(rdata)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Rdatas<'_> {}

/// What stands at one name: nearly always one RRset, which then needs no allocation of its own.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    One(Rrset),
    /// In the order of types.
    Many(Arc<[Rrset]>),
}

impl Node {
    pub(crate) fn rrsets(&self) -> &[Rrset] {
        match self {
            Self::One(rrset) => std::slice::from_ref(rrset),
            Self::Many(rrsets) => rrsets,
        }
    }

    pub(crate) fn get(&self, rtype: Rtype) -> Option<&Rrset> {
        self.rrsets().iter().find(|rrset| rrset.rtype == rtype)
    }

    /// `None` of no RRsets at all.
    pub(crate) fn new(mut rrsets: Vec<Rrset>) -> Option<Self> {
        rrsets.sort_unstable_by_key(Rrset::rtype);
        match rrsets.len() {
            0 => None,
            1 => rrsets.pop().map(Self::One),
            _ => Some(Self::Many(rrsets.into())),
        }
    }

    /// The node with another RRset of a type, or with none.
    pub(crate) fn with(&self, rtype: Rtype, rrset: Option<Rrset>) -> Option<Self> {
        let others = self.rrsets().iter().filter(|there| there.rtype != rtype).cloned();
        Self::new(others.chain(rrset).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ttl: u32, rdatas: &[&[u8]]) -> Rrset {
        Rrset::new(Rtype::TXT, ttl, Origin::Managed, rdatas, b"note").unwrap()
    }

    #[test]
    fn records_are_sorted_and_stand_once() {
        let rrset = set(60, &[b"b", b"a", b"", b"b", b"ab"]);
        assert_eq!(rrset.rdatas().collect::<Vec<_>>(), [&b""[..], b"a", b"ab", b"b"]);
        assert_eq!((rrset.len(), rrset.rdatas().len(), rrset.note()), (4, 4, &b"note"[..]));
        let (end, data) = rrset.packed();
        assert_eq!(Rrset::from_packed(Rtype::TXT, 60, Origin::Managed, end, data), Some(rrset.clone()));
        assert_eq!(Rrset::from_packed(Rtype::TXT, 60, Origin::Managed, end + 2, data), None);
        assert!(Rrset::new(Rtype::TXT, 60, Origin::Managed, [vec![0; 65_536]], b"").is_err());
        assert_eq!((size_of::<Rrset>(), size_of::<Node>()), (32, 32));
    }

    #[test]
    fn differences_are_those_of_records_and_ttl() {
        let (one, other) = (set(60, &[b"a", b"b", b"c"]), set(60, &[b"b", b"d"]));
        let left = |difference: Option<Rrset>| {
            difference.map(|rrset| rrset.rdatas().map(<[u8]>::to_vec).collect::<Vec<_>>())
        };
        assert_eq!(left(one.without(&other)), Some(vec![b"a".to_vec(), b"c".to_vec()]));
        assert_eq!(left(other.without(&one)), Some(vec![b"d".to_vec()]));
        assert_eq!(left(one.without(&one)), None);
        assert_eq!(one.without(&set(61, &[b"a"])), Some(one.clone()));
        assert!(one.same_records(&Rrset::new(Rtype::TXT, 60, Origin::Fixed, ["c", "b", "a"], b"").unwrap()));
        assert!(!one.same_records(&set(61, &[b"a", b"b", b"c"])));
    }
}
