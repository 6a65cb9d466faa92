//! Zone files (RFC 1035, section 5; RFC 3597): a zone as text, and text as records.

mod read;
#[cfg(test)]
mod tests;

use std::io;

use zonemux_rdata::{Rtype, decode, name_to_text};

use crate::rrset::Rrset;
use crate::soa::Soa;
use crate::zone::Zone;

pub use read::{ReadError, Record, import};

/// Writes a zone as a zone file that every server reads: one record a line, names absolute, the SOA first,
/// all others in canonical order.
pub fn export(zone: &Zone, to: &mut impl io::Write) -> io::Result<()> {
    zone.for_each_wire(|owner, rrset| {
        let owner = absolute(owner);
        for text in data(rrset) {
            writeln!(to, "{owner} {} IN {} {text}", rrset.ttl(), rrset.rtype())?;
        }
        Ok(())
    })
}

/// The name of a wire form, with the dot at its end.
fn absolute(wire: &[u8]) -> String {
    let mut text = name_to_text(wire);
    // What has a meaning of its own in a zone file is written as octets are.
    if text.contains(['"', ';', '(', ')', '@', '$']) {
        text = text.chars().fold(String::new(), |text, character| match character {
            '"' | ';' | '(' | ')' | '@' | '$' => format!("{text}\\{:03}", u32::from(character)),
            _ => text + character.encode_utf8(&mut [0; 4]),
        });
    }
    if text != "." {
        text.push('.');
    }
    text
}

/// The data of each record in a zone file's form, which in names is not that of ExternalDNS's targets.
fn data(rrset: &Rrset) -> Vec<String> {
    let rtype = rrset.rtype();
    if let Some((soa, serial)) = Soa::from_rrset(rrset) {
        let (mname, rname) = (absolute(&soa.mname), absolute(&soa.rname));
        let Soa { refresh, retry, expire, minimum, .. } = soa;
        return vec![format!("{mname} {rname} {serial} {refresh} {retry} {expire} {minimum}")];
    }
    // How many octets are in front of the name that ends the data, of types that have one there.
    let before_name = match rtype {
        Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::DNAME => Some(0),
        Rtype::MX => Some(2),
        Rtype::SRV => Some(6),
        Rtype::NAPTR => None,
        _ => return rrset.rdatas().map(|rdata| decode(rtype, rdata)).collect(),
    };
    let one = |rdata: &[u8]| {
        let start = before_name.unwrap_or_else(|| naptr_name(rdata));
        let (Some(front), Some(name)) = (rdata.get(..start), rdata.get(start..)) else {
            return decode(rtype, rdata);
        };
        // With the root in the place of the name, what is left is in front of a dot.
        let front = decode(rtype, &[front, &[0]].concat());
        format!("{}{}", front.strip_suffix('.').unwrap_or_default(), absolute(name))
    };
    rrset.rdatas().map(one).collect()
}

/// Where the replacement of a NAPTR record begins: behind two numbers and three strings.
fn naptr_name(rdata: &[u8]) -> usize {
    (0..3).fold(4, |at, _| at + 1 + rdata.get(at).map_or(0, |&length| usize::from(length)))
}
