//! Look-ups in random zones against the rules as they are written, one after the other over a plain list
//! of records: too slow to serve, and too simple to be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use zonemux_authority_zones::{Name, Origin, Rcode, Rrset, Soa, Zone, Zones, lookup};
use zonemux_rdata::{Rtype, name_to_text, name_to_wire};

/// Labels from the top, below the apex.
type Path = Vec<&'static str>;

/// Targets of names, by name and type; of other types there are none.
type Records = BTreeMap<(Path, u16), Target>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Data,
    Inside(Path),
    Outside,
}

/// Response code, authority, and owners with types of the first two sections.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    rcode: Rcode,
    authoritative: bool,
    answer: Vec<(String, u16)>,
    authority: Vec<(String, u16)>,
}

fn text(path: &[&str]) -> String {
    let labels = path.iter().rev().copied();
    labels.chain(["example.org"]).collect::<Vec<_>>().join(".")
}

fn expected(records: &Records, question: &Path, rtype: Rtype) -> Expected {
    let has = |path: &[&'static str], rtype: Rtype| records.get(&(path.to_vec(), rtype.0));
    let exists =
        |path: &[&'static str]| path.is_empty() || records.keys().any(|(name, _)| name.starts_with(path));
    let mut result =
        Expected { rcode: Rcode::NoError, authoritative: true, answer: Vec::new(), authority: Vec::new() };
    let soa = || vec![("example.org".to_owned(), Rtype::SOA.0)];
    let mut name = question.clone();
    for _ in 0..=16 {
        let mut next = None;
        // RFC 1034, section 4.3.2: from the apex down, label by label.
        for depth in 0..=name.len() {
            let here = &name[..depth];
            let at_end = depth == name.len();
            if depth > 0 && has(here, Rtype::NS).is_some() && !(at_end && rtype == Rtype::DS) {
                result.authoritative = !result.answer.is_empty();
                result.authority = vec![(text(here), Rtype::NS.0)];
                return result;
            }
            if !at_end && let Some(target) = has(here, Rtype::DNAME) {
                let dname = (text(here), Rtype::DNAME.0);
                if !result.answer.contains(&dname) {
                    result.answer.push(dname);
                }
                result.answer.push((text(&name), Rtype::CNAME.0));
                next = Some(match target {
                    // The alias is what was asked for.
                    _ if rtype == Rtype::CNAME => None,
                    Target::Inside(path) => Some([path, &name[depth..]].concat()),
                    _ => None,
                });
                break;
            }
        }
        let next = next.unwrap_or_else(|| {
            let mut from = name.clone();
            if !exists(&name) {
                // RFC 4592, section 3.3.1: what is right below the closest encloser.
                let encloser = (0..name.len()).rev().find(|&depth| exists(&name[..depth])).unwrap_or(0);
                from.truncate(encloser);
                from.push("*");
                if !exists(&from) {
                    result.rcode = Rcode::NxDomain;
                    result.authority = soa();
                    return None;
                }
            }
            let there = |rtype| {
                if from.is_empty() && (rtype == Rtype::SOA) { Some(&Target::Data) } else { has(&from, rtype) }
            };
            if there(rtype).is_some() {
                // A DNAME that led here is there already.
                let found = (text(&name), rtype.0);
                if !result.answer.contains(&found) {
                    result.answer.push(found);
                }
                return None;
            }
            if let Some(target) = there(Rtype::CNAME) {
                result.answer.push((text(&name), Rtype::CNAME.0));
                return match target {
                    Target::Inside(path) => Some(path.clone()),
                    _ => None,
                };
            }
            result.authority = soa();
            None
        });
        let Some(next) = next else { return result };
        // Where a DNAME stands that it went by, it has not been.
        let was_there = result.answer.contains(&(text(&next), Rtype::CNAME.0));
        if was_there || text(&next).len() > 250 {
            return result;
        }
        name = next;
    }
    result
}

fn zone(records: &Records) -> Arc<Zone> {
    let soa = Soa { mname: vec![0], rname: vec![0], refresh: 1, retry: 1, expire: 1, minimum: 1, ttl: 1 };
    let base = Arc::new(Zone::new(Name::from_canonical("example.org").expect("a name"), &soa, 1));
    let mut draft = base.draft();
    for ((path, rtype), target) in records {
        let rdata = match target {
            Target::Data => vec![1, b'x'],
            Target::Inside(path) => name_to_wire(&text(path)),
            Target::Outside => name_to_wire("www.example.net"),
        };
        let rrset = Rrset::new(Rtype(*rtype), 60, Origin::Managed, [rdata], b"").expect("it is small");
        draft.put(&Name::from_canonical(&text(path)).expect("a name"), &rrset);
    }
    draft.finish(&soa, 2).map_or(base, |changed| changed.zone)
}

fn path(shortest: usize) -> impl Strategy<Value = Path> {
    let label = prop_oneof![5 => Just("a"), 4 => Just("b"), 1 => Just("c"), 3 => Just("*"), 1 => Just("a0")];
    proptest::collection::vec(label, shortest..5)
}

fn records() -> impl Strategy<Value = Records> {
    let rtype = prop_oneof![
        6 => Just(Rtype::A), 2 => Just(Rtype::TXT), 4 => Just(Rtype::CNAME), 2 => Just(Rtype::NS),
        1 => Just(Rtype::DNAME), 1 => Just(Rtype::DS),
    ];
    let target = prop_oneof![4 => path(0).prop_map(Some), 1 => Just(None)];
    proptest::collection::vec((path(1), rtype, target), 0..14).prop_map(|list| {
        let mut records = Records::new();
        for (path, rtype, target) in list {
            let wildcard = path.last() == Some(&"*");
            let with_name = matches!(rtype, Rtype::CNAME | Rtype::NS | Rtype::DNAME);
            let at = |rtype: Rtype| records.contains_key(&(path.clone(), rtype.0));
            let others = records.keys().any(|(other, _)| *other == path);
            if (rtype == Rtype::CNAME && others)
                || at(Rtype::CNAME)
                || (wildcard && matches!(rtype, Rtype::NS | Rtype::DNAME))
            {
                continue;
            }
            let target = match target {
                _ if !with_name => Target::Data,
                Some(target) => Target::Inside(target),
                None => Target::Outside,
            };
            records.insert((path, rtype.0), target);
        }
        records
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn look_ups_follow_the_rules(
        records in records(),
        questions in proptest::collection::vec(
            (path(0), prop_oneof![
                Just(Rtype::A), Just(Rtype::TXT), Just(Rtype::CNAME), Just(Rtype::NS), Just(Rtype::DNAME),
                Just(Rtype::DS), Just(Rtype::SOA),
            ]),
            20,
        ),
    ) {
        let zones = Zones::new();
        zones.publish([zone(&records)]);
        let table = zones.table();
        for (question, rtype) in questions {
            let wire = name_to_wire(&text(&question)).to_ascii_uppercase();
            let answer = lookup(&table, &wire, rtype).unwrap();
            let owners = |section: &zonemux_authority_zones::Section<'_>| {
                section.iter().map(|entry| (name_to_text(&entry.owner), entry.rtype.0)).collect::<Vec<_>>()
            };
            let found = Expected {
                rcode: answer.rcode,
                authoritative: answer.authoritative,
                answer: owners(&answer.answer),
                authority: owners(&answer.authority),
            };
            prop_assert_eq!(found, expected(&records, &question, rtype), "{} {} in {:?}", text(&question), rtype, records);
        }
    }
}
