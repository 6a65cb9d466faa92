//! What is refused for a record's own sake, and why.

use zonemux_master_file::{rdata, ttl};
use zonemux_plugin::EndpointRef;
use zonemux_plugin::dns::{canonical, may_stand_together, suffixes};

use crate::foreign::{self, Foreigns};
use crate::records::{Draft, RrSet, key, name_part};

/// An endpoint as the RRset that it asks for; else why it can't be one.
pub(crate) fn accept(zone: &str, endpoint: EndpointRef<'_>, default_ttl: u32) -> Result<RrSet, String> {
    let record_type = endpoint.record_type();
    rdata::check_type(record_type)?;
    let name = canonical(endpoint.dns_name()).map_err(|error| error.to_string())?;
    if !endpoint.set_identifier().is_empty() {
        return Err(
            "a zone has one RRset of a name and type: set identifiers can't be told apart there".to_owned()
        );
    }
    if name == zone && record_type == "CNAME" {
        return Err(format!(
            "{name} is the apex of its zone: a CNAME can't stand beside the SOA and NS there"
        ));
    }
    if name == zone && record_type == "NS" {
        return Err(format!("the NS records of {name} are the zone's own"));
    }
    let mut targets: Vec<Box<str>> = Vec::with_capacity(endpoint.targets().len());
    let mut octets = 0;
    for target in endpoint.targets() {
        let fields =
            rdata::fields(record_type, target).map_err(|reason| format!("target {target:?}: {reason}"))?;
        octets += fields.len();
        targets.push(rdata::spelled(record_type, target).into());
    }
    targets.sort_unstable();
    targets.dedup();
    match targets.len() {
        0 => return Err("it has no targets".to_owned()),
        1 => {}
        count if matches!(record_type, "CNAME" | "DNAME") => {
            return Err(format!("a {record_type} has one target, not {count}"));
        }
        _ => {}
    }
    // A message has 64 KiB; what is near it can't be transferred.
    if octets > 4 * 65_535 {
        return Err(format!("its {} targets don't fit into a DNS message", targets.len()));
    }
    let ttl = if endpoint.record_ttl() == 0 { default_ttl } else { endpoint.record_ttl() };
    if ttl > ttl::MAX {
        return Err(format!("the TTL {ttl} is above {} seconds", ttl::MAX));
    }
    let shown = shown(endpoint.dns_name());
    Ok(RrSet { name: name.into(), shown, record_type: record_type.into(), ttl, targets })
}

/// The name as it is listed where it was sent in Unicode: `ExternalDNS` reads type and name of a record
/// out of the name of its ownership TXT, which the A-label of `a-bücher.example` would hide from it.
fn shown(sent: &str) -> Option<Box<str>> {
    if sent.is_ascii() {
        return None;
    }
    let lower = sent.to_lowercase();
    Some(lower.strip_suffix('.').unwrap_or(&lower).into())
}

/// Why an RRset that was put can't stand where it stands.
pub(crate) fn conflict(draft: &Draft<'_>, foreigns: &Foreigns, set: &RrSet) -> Option<String> {
    let own_key = set.key();
    let at_name = name_part(&own_key);
    let clashes = |other: &RrSet| {
        other.record_type != set.record_type && !may_stand_together(&set.record_type, &other.record_type)
    };
    if let Some(other) = draft.find(at_name, clashes) {
        return Some(beside(set, other, ""));
    }
    if let Some(other) = foreign::find(foreigns, at_name, clashes) {
        return Some(beside(set, &other.set, &format!(", which {} has", other.origin)));
    }
    dname_conflict(draft, foreigns, set, at_name)
}

fn beside(set: &RrSet, other: &RrSet, whose: &str) -> String {
    let (name, record_type) = (&set.name, &set.record_type);
    if &**record_type == "CNAME" {
        format!("a CNAME can't stand beside the {} record at {name}{whose}", other.record_type)
    } else {
        format!("{record_type} can't stand beside the CNAME at {name}{whose}")
    }
}

/// A DNAME leaves no room for names below it (RFC 6672, section 2.4), and servers refuse a zone that has
/// some.
fn dname_conflict(draft: &Draft<'_>, foreigns: &Foreigns, set: &RrSet, at_name: &[u8]) -> Option<String> {
    if &*set.record_type == "DNAME" {
        // The keys of a name end in an empty label; those below it have further ones.
        let below = &at_name[..at_name.len() - 1];
        let is_below = |other: &RrSet| other.name != set.name;
        let found = draft.find(below, is_below).map(|other| &other.name);
        let found = found.or_else(|| foreign::find(foreigns, below, is_below).map(|other| &other.set.name));
        return found.map(|other| {
            format!("a DNAME leaves no room below it, and there is {other} below {}", set.name)
        });
    }
    suffixes(&set.name).skip(1).find_map(|above| {
        let dname = key(above, "DNAME");
        let there = draft.get(&dname).is_some() || foreigns.contains_key(&dname);
        there.then(|| format!("{} is below the DNAME at {above}, which leaves no room for it", set.name))
    })
}
