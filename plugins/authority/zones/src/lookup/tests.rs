//! Questions to small zones.

use std::fmt::Write as _;

use zonemux_rdata::{name_to_text, name_to_wire, record_type};

use super::*;
use crate::name::Name;
use crate::rrset::Origin;
use crate::soa::Soa;

fn zone(apex: &str, records: &[(&str, &str, &str)]) -> Arc<Zone> {
    let soa = Soa {
        mname: name_to_wire("ns1.example.org"),
        rname: name_to_wire("hostmaster.example.org"),
        refresh: 7200,
        retry: 900,
        expire: 1_209_600,
        minimum: 300,
        ttl: 3600,
    };
    let name = Name::from_canonical(apex).unwrap();
    let mut draft = Arc::new(Zone::new(name, &soa, 1)).draft();
    for (owner, rtype, targets) in records {
        let rtype = record_type(rtype).unwrap();
        let rdatas: Vec<Vec<u8>> = targets.split('|').map(|target| rdata(rtype, target)).collect();
        let owner = Name::from_canonical(owner).unwrap();
        draft.put(&owner, &Rrset::new(rtype, 60, Origin::Managed, rdatas, b"").unwrap());
    }
    let base = Arc::clone(draft.base());
    draft.finish(&soa, 2).map_or(base, |changed| changed.zone)
}

fn rdata(rtype: Rtype, target: &str) -> Vec<u8> {
    match rtype {
        Rtype::A => target.parse::<std::net::Ipv4Addr>().unwrap().octets().to_vec(),
        Rtype::NS | Rtype::CNAME | Rtype::DNAME => name_to_wire(target),
        Rtype::MX => [&[0, 10], &name_to_wire(target)[..]].concat(),
        Rtype::SRV => [&[0, 0, 0, 0, 0, 80], &name_to_wire(target)[..]].concat(),
        Rtype::HTTPS => [&[0, 1], &name_to_wire(target)[..], &[0, 3, 0, 2, 1, 187]].concat(),
        _ => target.as_bytes().to_vec(),
    }
}

fn table() -> Table {
    let zones = crate::zones::Zones::new();
    let of_org = [
        ("example.org", "NS", "ns1.example.org"),
        ("ns1.example.org", "A", "192.0.2.53"),
        ("www.example.org", "A", "192.0.2.1|192.0.2.2"),
        ("www.example.org", "TXT", "text"),
        ("alias.example.org", "CNAME", "www.example.org"),
        ("second.example.org", "CNAME", "alias.example.org"),
        ("dead.example.org", "CNAME", "nowhere.example.org"),
        ("out.example.org", "CNAME", "www.example.com"),
        ("over.example.org", "CNAME", "www.example.net"),
        ("loop.example.org", "CNAME", "pool.example.org"),
        ("pool.example.org", "CNAME", "loop.example.org"),
        ("self.example.org", "CNAME", "self.example.org"),
        ("into.example.org", "CNAME", "host.sub.example.org"),
        ("a.b.c.example.org", "A", "192.0.2.3"),
        ("*.wild.example.org", "A", "192.0.2.4"),
        ("host.wild.example.org", "TXT", "text"),
        ("x.y.wild.example.org", "A", "192.0.2.5"),
        ("*.cname.example.org", "CNAME", "www.example.org"),
        ("under.*.star.example.org", "A", "192.0.2.6"),
        ("sub.example.org", "NS", "ns.sub.example.org|ns1.example.org|ns.example.com"),
        ("sub.example.org", "DS", "digest"),
        ("ns.sub.example.org", "A", "192.0.2.54"),
        ("host.sub.example.org", "A", "192.0.2.55"),
        ("old.example.org", "DNAME", "wild.example.org"),
        ("old.example.org", "A", "192.0.2.7"),
        ("below.old.example.org", "TXT", "text"),
        ("ring.example.org", "DNAME", "ring.example.org"),
        ("x.up.example.org", "DNAME", "up.example.org"),
        ("example.org", "MX", "www.example.org|mail.example.com|host.sub.example.org"),
        ("_http._tcp.example.org", "SRV", "www.example.net"),
        ("service.example.org", "HTTPS", "www.example.org"),
        (r"a\.b.example.org", "A", "192.0.2.8"),
        (r"a\000b.example.org", "A", "192.0.2.9"),
    ];
    zones.publish([
        zone("example.org", &of_org),
        zone("example.net", &[("www.example.net", "A", "198.51.100.1")]),
        zone("child.example.org", &[("www.child.example.org", "A", "203.0.113.1")]),
        zone("delegated.example.net", &[("www.delegated.example.net", "A", "203.0.113.2")]),
    ]);
    Table::clone(&zones.table())
}

/// The answer in short: `rcode flags`, then a line for each RRset with its section, owner, TTL and type.
fn ask(table: &Table, name: &str, rtype: &str) -> String {
    let wire = name_to_wire(name);
    let rtype = record_type(rtype).unwrap_or(Rtype::ANY);
    let Some(answer) = lookup(table, &wire, rtype) else {
        return "refused".to_owned();
    };
    let mut text = format!("{:?}{}", answer.rcode, if answer.authoritative { " aa" } else { "" });
    for (mark, section) in [('=', &answer.answer), ('@', &answer.authority), ('+', &answer.additional)] {
        for entry in section {
            let owner = name_to_text(&entry.owner);
            let required = if entry.required { "!" } else { "" };
            let count = entry.rdatas().len();
            write!(text, ", {mark}{required}{owner} {} {}x{count}", entry.ttl, entry.rtype).unwrap();
        }
    }
    text
}

#[track_caller]
fn expect(cases: &[(&str, &str, &str)]) {
    let table = table();
    for (name, rtype, expected) in cases {
        assert_eq!(ask(&table, name, rtype), *expected, "{name} {rtype}");
    }
}

#[test]
fn what_is_there_is_answered() {
    expect(&[
        ("www.example.org", "A", "NoError aa, =www.example.org 60 Ax2"),
        ("www.example.org", "TXT", "NoError aa, =www.example.org 60 TXTx1"),
        ("example.org", "SOA", "NoError aa, =example.org 3600 SOAx1"),
        ("example.org", "NS", "NoError aa, =example.org 60 NSx1, +ns1.example.org 60 Ax1"),
        (r"a\.b.example.org", "A", r"NoError aa, =a\.b.example.org 60 Ax1"),
        (r"a\000b.example.org", "A", r"NoError aa, =a\000b.example.org 60 Ax1"),
    ]);
}

#[test]
fn what_is_not_there_is_answered_with_the_soa() {
    expect(&[
        ("www.example.org", "AAAA", "NoError aa, @example.org 300 SOAx1"),
        ("b.c.example.org", "A", "NoError aa, @example.org 300 SOAx1"),
        ("c.example.org", "A", "NoError aa, @example.org 300 SOAx1"),
        ("x.c.example.org", "A", "NxDomain aa, @example.org 300 SOAx1"),
        ("x.www.example.org", "A", "NxDomain aa, @example.org 300 SOAx1"),
        ("a.example.org", "A", "NxDomain aa, @example.org 300 SOAx1"),
        ("zzz.example.org", "A", "NxDomain aa, @example.org 300 SOAx1"),
        ("www.example.com", "A", "refused"),
        ("org", "NS", "refused"),
        (".", "NS", "refused"),
    ]);
}

#[test]
fn wildcards_give_what_nothing_else_is_there_for() {
    expect(&[
        ("any.wild.example.org", "A", "NoError aa, =any.wild.example.org 60 Ax1"),
        ("a.b.wild.example.org", "A", "NoError aa, =a.b.wild.example.org 60 Ax1"),
        ("*.wild.example.org", "A", "NoError aa, =*.wild.example.org 60 Ax1"),
        ("any.wild.example.org", "TXT", "NoError aa, @example.org 300 SOAx1"),
        ("host.wild.example.org", "A", "NoError aa, @example.org 300 SOAx1"),
        ("a.host.wild.example.org", "A", "NxDomain aa, @example.org 300 SOAx1"),
        // An empty non-terminal is in the way of the wildcard.
        ("y.wild.example.org", "A", "NoError aa, @example.org 300 SOAx1"),
        ("z.y.wild.example.org", "A", "NxDomain aa, @example.org 300 SOAx1"),
        ("wild.example.org", "A", "NoError aa, @example.org 300 SOAx1"),
        (
            "any.cname.example.org",
            "A",
            "NoError aa, =any.cname.example.org 60 CNAMEx1, =www.example.org 60 Ax2",
        ),
        ("any.cname.example.org", "CNAME", "NoError aa, =any.cname.example.org 60 CNAMEx1"),
        // The wildcard is there, though it has no records.
        ("any.star.example.org", "A", "NoError aa, @example.org 300 SOAx1"),
        ("x.any.star.example.org", "A", "NoError aa, @example.org 300 SOAx1"),
        ("x.*.star.example.org", "A", "NxDomain aa, @example.org 300 SOAx1"),
    ]);
}

#[test]
fn aliases_are_followed() {
    expect(&[
        ("alias.example.org", "A", "NoError aa, =alias.example.org 60 CNAMEx1, =www.example.org 60 Ax2"),
        ("alias.example.org", "CNAME", "NoError aa, =alias.example.org 60 CNAMEx1"),
        ("alias.example.org", "AAAA", "NoError aa, =alias.example.org 60 CNAMEx1, @example.org 300 SOAx1"),
        (
            "second.example.org",
            "A",
            "NoError aa, =second.example.org 60 CNAMEx1, =alias.example.org 60 CNAMEx1, =www.example.org 60 Ax2",
        ),
        ("dead.example.org", "A", "NxDomain aa, =dead.example.org 60 CNAMEx1, @example.org 300 SOAx1"),
        ("out.example.org", "A", "NoError aa, =out.example.org 60 CNAMEx1"),
        ("over.example.org", "A", "NoError aa, =over.example.org 60 CNAMEx1, =www.example.net 60 Ax1"),
        ("over.example.org", "TXT", "NoError aa, =over.example.org 60 CNAMEx1, @example.net 300 SOAx1"),
        ("loop.example.org", "A", "NoError aa, =loop.example.org 60 CNAMEx1, =pool.example.org 60 CNAMEx1"),
        ("self.example.org", "A", "NoError aa, =self.example.org 60 CNAMEx1"),
        (
            "into.example.org",
            "A",
            "NoError aa, =into.example.org 60 CNAMEx1, @sub.example.org 60 NSx3, \
             +!ns.sub.example.org 60 Ax1, +ns1.example.org 60 Ax1",
        ),
    ]);
}

#[test]
fn delegations_refer_to_their_servers() {
    let referral = "NoError, @sub.example.org 60 NSx3, +!ns.sub.example.org 60 Ax1, +ns1.example.org 60 Ax1";
    expect(&[
        ("sub.example.org", "A", referral),
        ("sub.example.org", "NS", referral),
        ("sub.example.org", "ANY", referral),
        ("host.sub.example.org", "A", referral),
        ("x.y.sub.example.org", "DS", referral),
        ("sub.example.org", "DS", "NoError aa, =sub.example.org 60 DSx1"),
        // The zone below is served here, too, and nobody delegates it.
        ("child.example.org", "DS", "NoError aa, @child.example.org 300 SOAx1"),
        ("www.child.example.org", "A", "NoError aa, =www.child.example.org 60 Ax1"),
    ]);
}

#[test]
fn a_ds_record_is_the_parents() {
    let zones = crate::zones::Zones::new();
    let parent = [("child.example.org", "NS", "ns.example.com"), ("child.example.org", "DS", "digest")];
    zones.publish([zone("example.org", &parent), zone("child.example.org", &[])]);
    let table = zones.table();
    assert_eq!(ask(&table, "child.example.org", "DS"), "NoError aa, =child.example.org 60 DSx1");
    assert_eq!(ask(&table, "child.example.org", "NS"), "NoError aa, @child.example.org 300 SOAx1");
    assert_eq!(ask(&table, "example.org", "DS"), "NoError aa, @example.org 300 SOAx1");
}

#[test]
fn names_below_a_dname_are_rewritten() {
    expect(&[
        (
            "any.old.example.org",
            "A",
            "NoError aa, =old.example.org 60 DNAMEx1, =any.old.example.org 60 CNAMEx1, =any.wild.example.org 60 Ax1",
        ),
        // The alias is the answer, wherever it leads to.
        (
            "x.host.old.example.org",
            "CNAME",
            "NoError aa, =old.example.org 60 DNAMEx1, =x.host.old.example.org 60 CNAMEx1",
        ),
        // What stands below it is hidden.
        (
            "below.old.example.org",
            "TXT",
            "NoError aa, =old.example.org 60 DNAMEx1, =below.old.example.org 60 CNAMEx1, @example.org 300 SOAx1",
        ),
        ("old.example.org", "A", "NoError aa, =old.example.org 60 Ax1"),
        ("old.example.org", "DNAME", "NoError aa, =old.example.org 60 DNAMEx1"),
        (
            "x.ring.example.org",
            "A",
            "NoError aa, =ring.example.org 60 DNAMEx1, =x.ring.example.org 60 CNAMEx1",
        ),
    ]);
    // It leads to where the DNAME itself stands, which is no loop.
    let up = "=x.up.example.org 60 DNAMEx1, =x.x.up.example.org 60 CNAMEx1";
    let nothing = format!("NoError aa, {up}, @example.org 300 SOAx1");
    expect(&[
        ("x.x.up.example.org", "A", &nothing),
        ("x.x.up.example.org", "DNAME", &format!("NoError aa, {up}")),
        ("x.x.up.example.org", "ANY", &format!("NoError aa, {up}")),
    ]);
    let longest = format!("{0}.{0}.{0}.{1}.old.example.org", "l".repeat(60), "l".repeat(54));
    assert_eq!(
        ask(&table(), &longest, "A"),
        "YxDomain aa, =old.example.org 60 DNAMEx1",
        "one octet more than fits"
    );
}

#[test]
fn a_question_for_everything_gets_the_smallest_rrset() {
    expect(&[
        ("www.example.org", "ANY", "NoError aa, =www.example.org 60 TXTx1"),
        ("alias.example.org", "ANY", "NoError aa, =alias.example.org 60 CNAMEx1"),
        ("c.example.org", "ANY", "NoError aa, @example.org 300 SOAx1"),
        ("no.example.org", "ANY", "NxDomain aa, @example.org 300 SOAx1"),
        ("any.wild.example.org", "ANY", "NoError aa, =any.wild.example.org 60 Ax1"),
    ]);
}

#[test]
fn addresses_are_added_where_they_will_be_asked_for() {
    expect(&[
        ("example.org", "MX", "NoError aa, =example.org 60 MXx3, +www.example.org 60 Ax2"),
        (
            "_http._tcp.example.org",
            "SRV",
            "NoError aa, =_http._tcp.example.org 60 SRVx1, +www.example.net 60 Ax1",
        ),
        (
            "service.example.org",
            "HTTPS",
            "NoError aa, =service.example.org 60 HTTPSx1, +www.example.org 60 Ax2",
        ),
    ]);
}

#[test]
fn the_case_of_a_question_makes_no_difference() {
    let table = table();
    let wire = b"\x03WwW\x07ExAmPlE\x03oRg\0";
    let answer = lookup(&table, wire, Rtype::A).unwrap();
    assert_eq!(&*answer.answer[0].owner, wire, "and is kept");
    assert!(lookup(&table, b"\x03www", Rtype::A).is_none());
}

#[test]
fn limits_are_counted_by_what_is_there() {
    let table = table();
    for (name, account) in [
        ("www.example.org", "www.example.org"),
        ("c.example.org", "c.example.org"),
        ("random.example.org", "example.org"),
        ("x.y.www.example.org", "www.example.org"),
        ("random.wild.example.org", "wild.example.org"),
        ("random.cname.example.org", "cname.example.org"),
        ("random.sub.example.org", "sub.example.org"),
        ("random.old.example.org", "old.example.org"),
        ("into.example.org", "into.example.org"),
    ] {
        let wire = name_to_wire(name);
        let answer = lookup(&table, &wire, Rtype::A).unwrap();
        assert_eq!(name_to_text(answer.account), account, "{name}");
    }
}

#[test]
fn a_chain_ends_somewhere() {
    let names: Vec<String> = (0..40).map(|number| format!("n{number}.example.org")).collect();
    let chain: Vec<(&str, &str, &str)> =
        names.windows(2).map(|pair| (&*pair[0], "CNAME", &*pair[1])).collect();
    let zones = crate::zones::Zones::new();
    zones.publish([zone("example.org", &chain)]);
    let text = ask(&zones.table(), "n0.example.org", "A");
    assert_eq!(text.matches("CNAME").count(), MAX_ALIASES + 1, "{text}");
}

#[test]
fn the_root_can_be_a_zone() {
    let zones = crate::zones::Zones::new();
    zones.publish([zone(".", &[("www.example", "A", "192.0.2.1")])]);
    let one = ask(&zones.table(), "www.example", "A");
    assert_eq!(one, "NoError aa, =www.example 60 Ax1");
    zones.publish([zone("example.org", &[])]);
    assert_eq!(ask(&zones.table(), "www.example", "A"), one);
    assert_eq!(ask(&zones.table(), "example", "A"), "NoError aa, @. 300 SOAx1");
    assert_eq!(ask(&zones.table(), "x.org", "A"), "NxDomain aa, @. 300 SOAx1");
    assert_eq!(ask(&zones.table(), ".", "SOA"), "NoError aa, =. 3600 SOAx1");
}
