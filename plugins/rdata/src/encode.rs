//! From a target to RDATA.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use domain::base::iana::Class;
use domain::base::name::Name;
use domain::base::rdata::ComposeRecordData as _;
use domain::dep::octseq::OctetsFrom as _;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use zonemux_plugin::dns::{canonical_target, check_target, txt};

use crate::name::{name_to_wire, write_name};
use crate::rtype::Rtype;

/// The RDATA of a target, with names uncompressed and in lower case. The reason for a refusal is for the
/// operator, and follows the target.
///
/// Targets of A, AAAA, CNAME, NS, PTR, DNAME, MX, SRV, NAPTR, CAA and TXT are read as ExternalDNS means
/// them; those of any other type as they stand in a zone file, with all names absolute, or as
/// `\# LENGTH HEX` (RFC 3597, section 5).
///
/// ```
/// use zonemux_rdata::{Rtype, encode};
/// assert_eq!(encode(Rtype::MX, "10 Mail.example.").unwrap(), b"\0\x0a\x04mail\x07example\0");
/// assert_eq!(encode(Rtype(65280), r"\# 2 abCD").unwrap(), [0xab, 0xcd]);
/// assert!(encode(Rtype::A, "192.0.2").is_err());
/// ```
pub fn encode(rtype: Rtype, target: &str) -> Result<Vec<u8>, String> {
    let Some(name) = plain_type(rtype) else {
        return from_zone_file(rtype, target, ".");
    };
    check_target(name, target)?;
    let target = canonical_target(name, target);
    let wrong = || format!("it is no {name} record");
    let mut rdata = Vec::with_capacity(target.len() + 8);
    match rtype {
        Rtype::A => rdata.extend(target.parse::<Ipv4Addr>().map_err(|_| wrong())?.octets()),
        Rtype::AAAA => rdata.extend(target.parse::<Ipv6Addr>().map_err(|_| wrong())?.octets()),
        Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::DNAME => write_name(&target, &mut rdata),
        Rtype::MX | Rtype::SRV => {
            // The canonical form has one space between fields, and the name has none.
            let (numbers, host) = target.rsplit_once(' ').ok_or_else(wrong)?;
            write_numbers(numbers, &mut rdata).ok_or_else(wrong)?;
            write_name(host, &mut rdata);
        }
        Rtype::NAPTR => {
            let (rest, replacement) = target.rsplit_once(' ').ok_or_else(wrong)?;
            let at = rest.find('"').ok_or_else(wrong)?;
            write_numbers(rest[..at].trim_end(), &mut rdata).ok_or_else(wrong)?;
            write_strings(&rest[at..], &mut rdata)?;
            write_name(replacement, &mut rdata);
        }
        Rtype::CAA => {
            let mut fields = target.splitn(3, ' ');
            let (flags, tag, value) = (fields.next(), fields.next(), fields.next());
            rdata.push(flags.and_then(|flags| flags.parse().ok()).ok_or_else(wrong)?);
            let tag = tag.ok_or_else(wrong)?;
            rdata.push(u8::try_from(tag.len()).map_err(|_| "the tag takes more than 255 bytes")?);
            rdata.extend_from_slice(tag.as_bytes());
            // A value may be longer than one string.
            let value = txt::strings(value.ok_or_else(wrong)?).map_err(|error| error.to_string())?;
            rdata.extend(value.concat());
        }
        _ => write_strings(&target, &mut rdata)?,
    }
    fits(rdata)
}

/// The name of a type whose targets the SDK reads.
pub(crate) fn plain_type(rtype: Rtype) -> Option<&'static str> {
    Some(match rtype {
        Rtype::A => "A",
        Rtype::AAAA => "AAAA",
        Rtype::CNAME => "CNAME",
        Rtype::NS => "NS",
        Rtype::PTR => "PTR",
        Rtype::DNAME => "DNAME",
        Rtype::MX => "MX",
        Rtype::SRV => "SRV",
        Rtype::NAPTR => "NAPTR",
        Rtype::CAA => "CAA",
        Rtype::TXT => "TXT",
        _ => return None,
    })
}

fn fits(rdata: Vec<u8>) -> Result<Vec<u8>, String> {
    let size = rdata.len();
    if size > usize::from(u16::MAX) {
        return Err(format!("it takes {size} bytes, at most 65535 fit into a record"));
    }
    Ok(rdata)
}

fn write_numbers(numbers: &str, to: &mut Vec<u8>) -> Option<()> {
    for number in numbers.split(' ') {
        to.extend(number.parse::<u16>().ok()?.to_be_bytes());
    }
    Some(())
}

fn write_strings(target: &str, to: &mut Vec<u8>) -> Result<(), String> {
    for string in txt::strings(target).map_err(|error| error.to_string())? {
        to.push(u8::try_from(string.len()).map_err(|_| "a string takes more than 255 bytes")?);
        to.extend(string);
    }
    Ok(())
}

/// The RDATA of what stands in a zone file behind a type; relative names and `@` refer to an origin, which
/// is canonical.
///
/// ```
/// use zonemux_rdata::{Rtype, from_zone_file};
/// assert_eq!(from_zone_file(Rtype::NS, "ns1", "example").unwrap(), b"\x03ns1\x07example\0");
/// ```
pub fn from_zone_file(rtype: Rtype, text: &str, origin: &str) -> Result<Vec<u8>, String> {
    if text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err("it contains a line break or another control character".to_owned());
    }
    let line = format!(". 0 IN {rtype} {}\n", without_at(rtype, text, origin));
    let mut file = Zonefile::with_capacity(line.len());
    file.extend_from_slice(line.as_bytes());
    let origin =
        Name::try_octets_from(Name::from_octets(name_to_wire(origin)).map_err(|error| error.to_string())?);
    let Ok(origin) = origin;
    file.set_origin(origin);
    file.set_default_class(Class::IN);
    let record = match file.next_entry() {
        Ok(Some(Entry::Record(record))) => record,
        Ok(_) => return Err("it is empty".to_owned()),
        Err(error) => return Err(reason(&error.to_string())),
    };
    if !matches!(file.next_entry(), Ok(None)) {
        return Err("it is more than one record".to_owned());
    }
    let mut rdata = Vec::new();
    // The canonical form has names in lower case, of the types whose names may be compared that way.
    let Ok(()) = record.data().compose_canonical_rdata(&mut rdata);
    if let ZoneRecordData::Unknown(_) = record.data()
        && crate::decode::parse(rtype, &rdata).is_none()
    {
        return Err(format!("the bytes are no {rtype} record"));
    }
    fits(rdata)
}

/// A text with the origin in the place of each field `@`, which the scanner knows as an owner only.
fn without_at<'a>(rtype: Rtype, text: &'a str, origin: &str) -> Cow<'a, str> {
    let is_text = matches!(rtype, Rtype::TXT | Rtype::HINFO | Rtype::CAA | Rtype(99));
    if is_text || !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let origin = if origin == "." { ".".to_owned() } else { format!("{origin}.") };
    let fields = text.split([' ', '\t']).map(|field| if field == "@" { &origin } else { field });
    Cow::Owned(fields.collect::<Vec<_>>().join(" "))
}

/// An error of the scanner without its place in our line.
fn reason(error: &str) -> String {
    match error.split_once(": ") {
        Some((place, reason)) if place.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') => {
            reason.to_owned()
        }
        _ => error.to_owned(),
    }
}
