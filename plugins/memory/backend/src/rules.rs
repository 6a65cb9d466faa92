//! What is refused, and why.

use std::borrow::Cow;

use zonemux_plugin::dns::{ZoneMap, canonical, check_target, may_stand_together, without_duplicates};
use zonemux_plugin::{EndpointRef, EndpointView as _};

use crate::packed::{Packed, Packer, above, parts};
use crate::records::Records;

/// A record that is right by itself, packed; else why it is not.
pub(crate) fn accept(
    zones: &ZoneMap<()>,
    endpoint: EndpointRef<'_>,
    packer: &mut Packer,
) -> Result<Packed, String> {
    let record_type = endpoint.record_type();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if record_type.is_empty() || !record_type.bytes().all(word) {
        return Err(format!("{record_type:?} is not a record type"));
    }
    let name = canonical(endpoint.dns_name()).map_err(|error| error.to_string())?;
    if !zones.is_empty() {
        let Some((zone, ())) = zones.find(&name) else {
            return Err(format!("{name} is in none of the backend's zones"));
        };
        if record_type == "CNAME" && zone == name {
            return Err(format!(
                "{name} is the apex of its zone: a CNAME can't stand beside the SOA and NS there"
            ));
        }
    }
    let targets = without_duplicates(record_type, endpoint.targets());
    for target in &targets {
        check_target(record_type, target).map_err(|reason| format!("target {target:?}: {reason}"))?;
    }
    match targets.len() {
        0 => return Err("it has no targets".to_owned()),
        1 => {}
        count if matches!(record_type, "CNAME" | "DNAME") => {
            return Err(format!("a {record_type} has one target, not {count}"));
        }
        _ => {}
    }
    Ok(packer.pack(&name, &listed(endpoint.dns_name(), &name), &endpoint, &targets))
}

/// The name as it is listed: as it was sent, but for case and the trailing dot. `ExternalDNS` reads
/// type and name of a record out of the name of its ownership TXT, which the A-label of
/// `a-bücher.example` would hide from it.
fn listed<'a>(sent: &str, canonical: &'a str) -> Cow<'a, str> {
    if sent.is_ascii() {
        return Cow::Borrowed(canonical);
    }
    let lower = sent.to_lowercase();
    Cow::Owned(lower.strip_suffix('.').unwrap_or(&lower).to_owned())
}

/// Why a record that was put can't stand where it stands.
pub(crate) fn conflict(records: &Records, record: &Packed) -> Option<String> {
    let key = record.key();
    let (name, record_type, set_identifier) = parts(key);
    let what = record.dns_name();
    if record_type != "CNAME" && !records.may_have_cname(name) {
        return dname_conflict(records, name, record_type, what);
    }
    // A key consists of the name's part, NUL, the type, NUL, and the set identifier.
    let (cnames, after_cnames) = (format!("{name}\0CNAME\0"), format!("{name}\0CNAME\u{1}"));
    let conflicts = |key: &str| !may_stand_together(record_type, parts(key).1);
    if record_type == "CNAME" {
        let (start, end) = (format!("{name}\0"), format!("{name}\u{1}"));
        let before = records.find(&start, &cnames, conflicts);
        if let Some(other) = before.or_else(|| records.find(&after_cnames, &end, conflicts)) {
            return Some(format!("a CNAME can't stand beside the {} record at {what}", parts(other).1));
        }
        let second = |other: &str| other != key && (set_identifier.is_empty() || parts(other).2.is_empty());
        if records.find(&cnames, &after_cnames, second).is_some() {
            return Some(format!("{what} has a CNAME already; several need a set identifier each"));
        }
    } else if records.find(&cnames, &after_cnames, conflicts).is_some() {
        return Some(format!("{record_type} can't stand beside the CNAME at {what}"));
    }
    if records.has_dnames() { dname_conflict(records, name, record_type, what) } else { None }
}

/// A DNAME leaves no room for names below it (RFC 6672, section 2.4). TXT is let through: the
/// registry puts the ownership of `old.example.org` at `x-dname.old.example.org`, if its prefix ends
/// in a dot, and may encrypt it.
fn dname_conflict(records: &Records, name: &str, record_type: &str, what: &str) -> Option<String> {
    if !records.has_dnames() {
        return None;
    }
    if record_type == "DNAME" {
        // Names are ASCII, and every label starts above U+0001.
        let (start, end) = (format!("{name}\u{1}"), format!("{name}\u{7f}"));
        if records.find(&start, &end, |key| parts(key).1 != "TXT").is_some() {
            return Some(format!("a DNAME can't stand above other records, and there are some below {what}"));
        }
    } else if record_type != "TXT" {
        let dname = |name: &str| (format!("{name}\0DNAME\0"), format!("{name}\0DNAME\u{1}"));
        if above(name).map(dname).any(|(start, end)| records.find(&start, &end, |_| true).is_some()) {
            return Some(format!("{what} is below a DNAME, which leaves no room for other records"));
        }
    }
    None
}
