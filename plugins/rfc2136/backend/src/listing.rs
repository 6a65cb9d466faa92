//! The records of a zone as endpoints.

use std::collections::HashMap;

use zonemux_plugin::dns::to_unicode;
use zonemux_plugin::{EndpointView, Records, Result};
use zonemux_rdata::{Rtype, decode, name_to_text, write_name_text};

use crate::message::is_below;
use crate::owner::is_heritage;
use crate::store::{Set, Store};

/// Hands over all RRsets but those of zones below.
pub(crate) fn list(store: &Store, below: &[Vec<u8>], out: &mut Records) -> Result<()> {
    let international = International::of(store);
    let mut listed = Listed::default();
    let mut last_type = Rtype(0);
    for set in store.iter() {
        if below.iter().any(|zone| is_below(set.name, zone)) {
            continue;
        }
        listed.name.clear();
        write_name_text(set.name, &mut listed.name);
        if international.is_unicode(&set) {
            listed.name = to_unicode(&listed.name).into_owned();
        }
        if last_type != set.rtype {
            listed.record_type = set.rtype.to_string();
            last_type = set.rtype;
        }
        listed.ttl = set.ttl;
        listed.targets.clear();
        listed.targets.extend(set.rdatas().map(|rdata| decode(set.rtype, rdata)));
        out.push(&listed)?;
    }
    Ok(())
}

#[derive(Default)]
struct Listed {
    name: String,
    record_type: String,
    ttl: u32,
    targets: Vec<String>,
}

impl EndpointView for Listed {
    fn dns_name(&self) -> &str {
        &self.name
    }

    fn record_type(&self) -> &str {
        &self.record_type
    }

    fn set_identifier(&self) -> &'static str {
        ""
    }

    fn record_ttl(&self) -> u32 {
        self.ttl
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.targets.iter().map(String::as_str)
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        std::iter::empty()
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        std::iter::empty()
    }
}

/// Which names are listed in Unicode. A server has A-labels alone, and `ExternalDNS` reads the name of a record out
/// of that of its ownership TXT: it made `a-bücher` for `bücher`, whose A-label does not begin with `a-`. So such
/// TXT are listed in Unicode, with the records that they may own.
#[derive(Debug, Default)]
struct International {
    /// The first labels of ownership TXT in Unicode, by what stands behind them.
    owners: HashMap<Vec<u8>, Vec<String>>,
}

impl International {
    fn of(store: &Store) -> Self {
        let mut owners: HashMap<Vec<u8>, Vec<String>> = HashMap::new();
        for set in store.iter().filter(is_ownership) {
            if let Some((label, rest)) = a_label(set.name) {
                owners.entry(rest.to_vec()).or_default().push(label);
            }
        }
        Self { owners }
    }

    fn is_unicode(&self, set: &Set<'_>) -> bool {
        if self.owners.is_empty() {
            return false;
        }
        let Some((label, rest)) = a_label(set.name) else { return false };
        is_ownership(set)
            || self.owners.get(rest).is_some_and(|owners| owners.iter().any(|owner| owner.contains(&label)))
    }
}

fn is_ownership(set: &Set<'_>) -> bool {
    set.rtype == Rtype::TXT && set.rdatas().any(is_heritage)
}

/// The first label in Unicode, where it is an A-label, and what stands behind it.
fn a_label(name: &[u8]) -> Option<(String, &[u8])> {
    let (&length, after) = name.split_first()?;
    let (label, rest) = after.split_at_checked(length.into())?;
    if !label.starts_with(b"xn--") {
        return None;
    }
    let text = name_to_text(&[&[length][..], label, &[0]].concat());
    let unicode = to_unicode(&text).into_owned();
    (unicode != text).then_some((unicode, rest))
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::dns::canonical;
    use zonemux_rdata::{encode, name_to_wire};

    use super::*;

    fn listed(records: &[(&str, Rtype, &str)], below: &[&str]) -> Vec<String> {
        let mut store = Store::default();
        for &(name, rtype, target) in records {
            let name = name_to_wire(&canonical(name).unwrap());
            store.add(&name, rtype, 60, &encode(rtype, target).unwrap());
        }
        let below: Vec<Vec<u8>> = below.iter().map(|zone| name_to_wire(zone)).collect();
        let mut out = Records::collecting();
        list(&store, &below, &mut out).unwrap();
        out.into_collected().iter().map(|endpoint| endpoint.dns_name().to_owned()).collect()
    }

    #[test]
    fn names_are_listed_in_unicode_where_their_ownership_needs_it() {
        let heritage = "\"heritage=external-dns,external-dns/owner=me\"";
        let names = listed(
            &[
                ("bücher.example", Rtype::A, "192.0.2.1"),
                ("a-bücher.example", Rtype::TXT, heritage),
                ("xn--mnchen-3ya.example", Rtype::A, "192.0.2.2"),
                ("a-xn--mnchen-3ya.example", Rtype::TXT, heritage),
                ("größe.example", Rtype::A, "192.0.2.3"),
                ("a-größe.other.example", Rtype::TXT, heritage),
            ],
            &[],
        );
        let expected = [
            "bücher.example",
            "a-bücher.example",
            "xn--mnchen-3ya.example",
            "a-xn--mnchen-3ya.example",
            "xn--gre-6ka8i.example",
            "a-größe.other.example",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_belongs_to_a_zone_below_is_left_to_it() {
        let records = [
            ("www.example", Rtype::A, "192.0.2.1"),
            ("lan.example", Rtype::NS, "ns.lan.example"),
            ("ns.lan.example", Rtype::A, "192.0.2.2"),
            ("vlan.example", Rtype::A, "192.0.2.3"),
        ];
        assert_eq!(listed(&records, &["lan.example"]), ["www.example", "vlan.example"]);
    }
}
