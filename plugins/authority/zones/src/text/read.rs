//! Reading a zone file.

use domain::base::iana::Class;
use domain::base::name::Name as DomainName;
use domain::base::rdata::ComposeRecordData as _;
use domain::base::{Rtype as DomainRtype, ToName as _};
use domain::zonefile::inplace::{Entry, Zonefile};
use zonemux_rdata::{Rtype, is_rdata, name_to_wire};

use crate::name::Name;

/// A record of a zone file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The owner name.
    pub name: Name,
    /// The type.
    pub rtype: Rtype,
    /// Seconds; `None` where the file does not say.
    pub ttl: Option<u32>,
    /// The data, with names uncompressed and in lower case.
    pub rdata: Vec<u8>,
}

/// Why a text is no zone file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The origin is no domain name.
    #[error("the origin is no domain name")]
    Origin,
    /// It can't be read on from a line.
    #[error("at line {line}: {reason}")]
    Line {
        /// Counted from 1: that of the record, or where the end of it was read the one behind it.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A record can't stand in a zone.
    #[error("record `{record}`: {reason}")]
    Record {
        /// Its name and type.
        record: String,
        /// Why not.
        reason: String,
    },
    /// A record lies outside the zone.
    #[error("`{name}` is not in the zone `{zone}`")]
    Outside {
        /// Its name.
        name: String,
        /// The zone.
        zone: String,
    },
}

/// Types whose data may hold a name, of which `@` stands for the origin.
const WITH_NAMES: [Rtype; 9] = [
    Rtype::NS,
    Rtype::CNAME,
    Rtype::SOA,
    Rtype::PTR,
    Rtype::MX,
    Rtype::SRV,
    Rtype::DNAME,
    Rtype::SVCB,
    Rtype::HTTPS,
];

/// The records of a zone file, in its order. `$ORIGIN` and `$TTL` are understood,
/// with times in seconds; `$INCLUDE` is refused.
pub fn import(apex: &Name, text: &str) -> Result<Vec<Record>, ReadError> {
    let mut file = Zonefile::with_capacity(text.len() + 1);
    file.extend_from_slice(text.as_bytes());
    if !text.ends_with('\n') {
        file.extend_from_slice(b"\n");
    }
    file.set_origin(DomainName::from_octets(apex.to_wire().into()).map_err(|_| ReadError::Origin)?);
    file.set_default_class(Class::IN);
    let has_escaped_at = text.contains(r"\064") || text.contains(r"\@");
    let mut records = Vec::new();
    loop {
        let entry = file.next_entry().map_err(|error| at_line(&error.to_string()))?;
        let record = match entry {
            None => return Ok(records),
            Some(Entry::Record(record)) => record,
            Some(Entry::Include { path, .. }) => {
                let reason =
                    format!("`$INCLUDE {path}` is not read: put the records of that file in its place");
                return Err(ReadError::Line { line: line_of(text, "$INCLUDE"), reason });
            }
        };
        let mut owner = Vec::new();
        let Ok(()) = record.owner().compose(&mut owner);
        let wrong = |what: &str| {
            let owner = record.owner();
            ReadError::Record { record: format!("{owner} {}", record.rtype()), reason: what.to_owned() }
        };
        let name = Name::from_wire(&owner).ok_or_else(|| wrong("a name with two dots in a row"))?;
        if !name.is_at_or_below(apex) {
            return Err(ReadError::Outside { name: name.to_string(), zone: apex.to_string() });
        }
        let rtype = Rtype(DomainRtype::to_int(record.rtype()));
        let mut rdata = Vec::new();
        let Ok(()) = record.data().compose_canonical_rdata(&mut rdata);
        if WITH_NAMES.contains(&rtype) {
            let origin = file
                .origin()
                .map_or_else(|_| name_to_wire("."), |origin| origin.as_slice().to_ascii_lowercase());
            let replaced = without_at(&rdata, &origin);
            // What the scanner gives is the same of both.
            if replaced != rdata && has_escaped_at {
                return Err(wrong(
                    "`@` can't be told from the label `\\064` here: write the origin's name for `@`",
                ));
            }
            rdata = replaced;
        }
        if !is_rdata(rtype, &rdata) {
            return Err(wrong("its data is not right for the type"));
        }
        records.push(Record { name, rtype, ttl: Some(record.ttl().as_secs()), rdata });
    }
}

/// The scanner takes the `@` of data for a label, below the origin.
fn without_at(rdata: &[u8], origin: &[u8]) -> Vec<u8> {
    let wrong = [b"\x01@", origin].concat();
    let Some(at) = rdata.windows(wrong.len()).position(|window| window == wrong) else {
        return rdata.to_vec();
    };
    let rest = without_at(&rdata[at + wrong.len()..], origin);
    [&rdata[..at], origin, &rest].concat()
}

/// An error of the scanner, `LINE:COLUMN: REASON`.
fn at_line(error: &str) -> ReadError {
    let parts = error
        .split_once(": ")
        .and_then(|(place, reason)| Some((place.split(':').next()?.parse().ok()?, reason.to_owned())));
    let (line, reason) = parts.unwrap_or((0, error.to_owned()));
    ReadError::Line { line, reason }
}

fn line_of(text: &str, word: &str) -> usize {
    text.lines().position(|line| line.starts_with(word)).map_or(0, |line| line + 1)
}
