//! From a record as it is asked for to an RRset, and back.

use std::borrow::Cow;
use std::fmt::Write as _;

use zonemux_authority_zones::{Name, Origin, Rrset};
use zonemux_plugin::dns::{ZoneMap, canonical};
use zonemux_plugin::{Endpoint, EndpointRef};
use zonemux_rdata::{Rtype, decode, encode, name_to_wire, record_type, write_name_text};

/// What an RRset may take in a message of 65,535 octets, beside its head, a question and a signature.
const MAX_SIZE: usize = 64_000;

/// Octets of a record beside its RDATA, with its name compressed.
const RECORD_HEAD: usize = 12;

/// A record as it shall be.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) zone: usize,
    pub(crate) name: Name,
    pub(crate) rrset: Rrset,
}

/// A type that a zone may hold.
pub(crate) enum Kind {
    Rtype(Rtype),
    /// The plugin's own.
    Soa,
}

/// The type of a name, if zones may hold records of it.
pub(crate) fn kind(name: &str) -> Result<Kind, String> {
    let Some(rtype) = record_type(name) else {
        return Err(format!("{name:?} is not a record type"));
    };
    let spelled = rtype.to_string();
    if spelled != name {
        // It would be listed in another spelling, and be asked for again for ever.
        return Err(format!("write the type {name:?} as {spelled:?}"));
    }
    if rtype == Rtype::SOA {
        return Ok(Kind::Soa);
    }
    let signed =
        matches!(rtype, Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3) || matches!(rtype.0, 24 | 30 | 51);
    if rtype.is_meta() || signed {
        return Err(format!("{rtype} is not for a zone that is not signed"));
    }
    Ok(Kind::Rtype(rtype))
}

/// The RDATA of targets.
pub(crate) fn rdatas<'a>(
    rtype: Rtype,
    targets: impl ExactSizeIterator<Item = &'a str>,
) -> Result<Vec<Vec<u8>>, String> {
    if targets.len() == 0 {
        return Err("it has no targets".to_owned());
    }
    let mut rdatas = Vec::with_capacity(targets.len());
    for target in targets {
        rdatas.push(encode(rtype, target).map_err(|reason| format!("target {target:?}: {reason}"))?);
    }
    if rdatas.len() > 1 {
        rdatas.sort_unstable();
        rdatas.dedup();
    }
    if rdatas.len() > 1 && matches!(rtype, Rtype::CNAME | Rtype::DNAME) {
        return Err(format!("a {rtype} has one target, not {}", rdatas.len()));
    }
    let size: usize = rdatas.iter().map(|rdata| RECORD_HEAD + rdata.len()).sum();
    if size > MAX_SIZE {
        return Err(format!("its records take {size} bytes, at most {MAX_SIZE} fit into a message"));
    }
    Ok(rdatas)
}

/// A record that is right by itself; else why it is not.
pub(crate) fn accept(
    zones: &ZoneMap<usize>,
    endpoint: EndpointRef<'_>,
    default_ttl: u32,
) -> Result<Wanted, String> {
    let name = canonical(endpoint.dns_name()).map_err(|error| error.to_string())?;
    let rtype = match kind(endpoint.record_type())? {
        Kind::Rtype(rtype) => rtype,
        Kind::Soa => return Err("the SOA record is the backend's own, made from its settings".to_owned()),
    };
    let Some((apex, &zone)) = zones.find(&name) else {
        return Err(format!("{name} is in none of the backend's zones"));
    };
    if !endpoint.set_identifier().is_empty() {
        return Err(format!(
            "it has the set identifier {:?}: every question is answered alike here, so one record of a name \
             and type is all there can be",
            endpoint.set_identifier()
        ));
    }
    if apex == name {
        match rtype {
            Rtype::CNAME => {
                return Err(format!(
                    "{name} is the apex of its zone: a CNAME can't stand beside the SOA and NS there"
                ));
            }
            Rtype::DS => {
                return Err(format!(
                    "{name} is the apex of its zone: its DS records belong to the zone above"
                ));
            }
            _ => {}
        }
    }
    if matches!(rtype, Rtype::NS | Rtype::DNAME) && (name == "*" || name.starts_with("*.")) {
        return Err(format!("{rtype} has no meaning at a wildcard (RFC 4592, sections 4.2 and 4.4)"));
    }
    let rdatas = rdatas(rtype, endpoint.targets())?;
    let note = Note::of(&endpoint);
    let ttl = if endpoint.record_ttl() == 0 { default_ttl } else { endpoint.record_ttl() };
    let rrset = Rrset::new(rtype, ttl, Origin::Managed, rdatas, &note.to_bytes())
        .map_err(|error| error.to_string())?;
    let name = Name::from_wire(&name_to_wire(&name)).ok_or_else(|| format!("{name} is no name"))?;
    Ok(Wanted { zone, name, rrset })
}

/// The place of a record that shall be gone; `None` where there can't be one.
pub(crate) fn place(zones: &ZoneMap<usize>, endpoint: EndpointRef<'_>) -> Option<(usize, Name, Rtype)> {
    let name = canonical(endpoint.dns_name()).ok()?;
    let rtype = record_type(endpoint.record_type())?;
    let (_, &zone) = zones.find(&name)?;
    // None was ever taken with a set identifier.
    if !endpoint.set_identifier().is_empty() {
        return None;
    }
    Some((zone, Name::from_wire(&name_to_wire(&name))?, rtype))
}

/// What is kept of a record beside what DNS shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Note<'a> {
    /// It has the TTL of the settings, whichever that is.
    pub(crate) default_ttl: bool,
    /// Its name as it was sent, where that is not ASCII. `ExternalDNS` reads type and name of a record out of
    /// the name of its ownership TXT, which the A-label of `a-bücher.example` would hide from it.
    pub(crate) name: Cow<'a, str>,
}

impl<'a> Note<'a> {
    fn of(endpoint: &'a EndpointRef<'_>) -> Self {
        let sent = endpoint.dns_name();
        let name = if sent.is_ascii() {
            Cow::Borrowed("")
        } else {
            let lower = sent.to_lowercase();
            Cow::Owned(lower.strip_suffix('.').unwrap_or(&lower).to_owned())
        };
        Self { default_ttl: endpoint.record_ttl() == 0, name }
    }

    /// Nothing at all for nearly every record.
    fn to_bytes(&self) -> Vec<u8> {
        if !self.default_ttl && self.name.is_empty() {
            return Vec::new();
        }
        [&[u8::from(self.default_ttl)], self.name.as_bytes()].concat()
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        match bytes.split_first() {
            None => Self::default(),
            Some((&flags, name)) => Self { default_ttl: flags & 1 == 1, name: String::from_utf8_lossy(name) },
        }
    }
}

/// Writes an RRset into an endpoint that is used again and again. The owner is in wire form.
pub(crate) fn list(owner: &[u8], rrset: &Rrset, to: &mut Endpoint) {
    let note = Note::read(rrset.note());
    to.dns_name.clear();
    if note.name.is_empty() {
        write_name_text(owner, &mut to.dns_name);
    } else {
        to.dns_name.push_str(&note.name);
    }
    to.record_type.clear();
    // Writing to a string can't fail.
    let _written = write!(to.record_type, "{}", rrset.rtype());
    to.record_ttl = rrset.ttl();
    to.targets.clear();
    to.targets.extend(rrset.rdatas().map(|rdata| decode(rrset.rtype(), rdata)));
}
