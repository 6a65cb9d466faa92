//! From RDATA to a target.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use domain::base::ParsedName;
use domain::base::rdata::ParseRecordData as _;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt as _};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use zonemux_plugin::dns::txt;

use crate::encode::{from_zone_file, plain_type};
use crate::name::{name_length, write_name_text};
use crate::rtype::Rtype;

/// The target of RDATA, in the form in which zonemux wants it to be listed: what
/// [`encode`](crate::encode) makes of it is the same RDATA, but for the case of names, and of a type that
/// [`canonical_target`](zonemux_plugin::dns::canonical_target) understands it is that form.
///
/// What can't be written in the form of its type is written as `\# LENGTH HEX` (RFC 3597, section 5).
///
/// ```
/// use zonemux_rdata::{Rtype, decode};
/// assert_eq!(decode(Rtype::MX, b"\0\x0a\x04mail\x07example\0"), "10 mail.example");
/// assert_eq!(decode(Rtype(65280), &[0xab, 0xcd]), r"\# 2 abcd");
/// ```
pub fn decode(rtype: Rtype, rdata: &[u8]) -> String {
    let written = if plain_type(rtype).is_some() { plain(rtype, rdata) } else { other(rtype, rdata) };
    written.unwrap_or_else(|| unknown(rdata))
}

fn unknown(rdata: &[u8]) -> String {
    let mut text = format!("\\# {}", rdata.len());
    if !rdata.is_empty() {
        text.push(' ');
    }
    for byte in rdata {
        // Writing to a string can't fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

fn plain(rtype: Rtype, rdata: &[u8]) -> Option<String> {
    let mut reader = Reader(rdata);
    let mut text = String::with_capacity(rdata.len() + 8);
    match rtype {
        Rtype::A => text = Ipv4Addr::from(<[u8; 4]>::try_from(reader.take(4)?).ok()?).to_string(),
        Rtype::AAAA => text = Ipv6Addr::from(<[u8; 16]>::try_from(reader.take(16)?).ok()?).to_string(),
        Rtype::CNAME | Rtype::NS | Rtype::PTR | Rtype::DNAME => reader.name(&mut text)?,
        Rtype::MX => {
            reader.numbers(1, &mut text)?;
            reader.field_name(&mut text)?;
        }
        Rtype::SRV => {
            reader.numbers(3, &mut text)?;
            reader.field_name(&mut text)?;
        }
        Rtype::NAPTR => {
            reader.numbers(2, &mut text)?;
            for _ in 0..3 {
                text.push_str(&txt::quote([reader.string()?]));
                text.push(' ');
            }
            reader.field_name(&mut text)?;
        }
        Rtype::CAA => {
            let flags = reader.take(1)?[0];
            let tag = reader.string()?;
            if tag.is_empty() || !tag.iter().all(u8::is_ascii_alphanumeric) {
                return None;
            }
            let tag = str::from_utf8(tag).ok()?.to_ascii_lowercase();
            let value = std::mem::take(&mut reader.0);
            text = format!("{flags} {tag} {}", txt::quote([value]));
        }
        _ => {
            let mut strings = Vec::with_capacity(1);
            while !reader.0.is_empty() || strings.is_empty() {
                strings.push(reader.string()?);
            }
            text = txt::quote(strings);
        }
    }
    reader.0.is_empty().then_some(text)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    /// Numbers, with a space behind each.
    fn numbers(&mut self, count: usize, to: &mut String) -> Option<()> {
        for _ in 0..count {
            let number = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
            // Writing to a string can't fail.
            let _written = write!(to, "{number} ");
        }
        Some(())
    }

    fn name(&mut self, to: &mut String) -> Option<()> {
        let name = self.take(name_length(self.0)?)?;
        write_name_text(name, to);
        Some(())
    }

    /// A name among other fields, where a quote at its start would begin a string.
    fn field_name(&mut self, to: &mut String) -> Option<()> {
        let name = self.take(name_length(self.0)?)?;
        if name.get(1) == Some(&b'"') {
            to.push('\\');
        }
        write_name_text(name, to);
        Some(())
    }
}

/// RDATA that is right for its type.
pub(crate) fn parse(rtype: Rtype, rdata: &[u8]) -> Option<ZoneRecordData<&[u8], ParsedName<&[u8]>>> {
    let mut parser = Parser::from_ref(rdata);
    let parsed = ZoneRecordData::parse_rdata(rtype.0.into(), &mut parser).ok()??;
    (parser.remaining() == 0).then_some(parsed)
}

fn other(rtype: Rtype, rdata: &[u8]) -> Option<String> {
    let parsed = parse(rtype, rdata)?;
    if matches!(parsed, ZoneRecordData::Unknown(_)) {
        return None;
    }
    let text = parsed.display_zonefile(DisplayKind::Simple).to_string();
    // Only what is read as it was written is a target.
    let again = from_zone_file(rtype, &text, ".").ok()?;
    again.eq_ignore_ascii_case(rdata).then_some(text)
}
