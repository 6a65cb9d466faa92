//! Zones with all that makes look-ups hard: what is named here, and random records beside it.

use fastrand::Rng;
use zonemux_plugin::Endpoint;
use zonemux_rdata::name_to_text;

pub(crate) const ZONES: [&str; 4] = ["example.org", "sub.example.org", "example.net", "2.0.192.in-addr.arpa"];

/// Records with one target each: those of one name and type are an RRset.
const RECORDS: &[(&str, &str, &str)] = &[
    ("example.org", "A", "192.0.2.1"),
    ("example.org", "MX", "10 mail.example.org"),
    ("example.org", "MX", "20 mx.wild.example.org"),
    ("example.org", "TXT", "\"v=spf1 -all\""),
    ("example.org", "CAA", "0 issue \"ca.example.net\""),
    ("www.example.org", "A", "192.0.2.2"),
    ("www.example.org", "A", "192.0.2.3"),
    ("www.example.org", "AAAA", "2001:db8::2"),
    ("www.example.org", "TXT", "\"heritage=external-dns,external-dns/owner=default\""),
    ("mail.example.org", "A", "192.0.2.4"),
    // Empty non-terminals, and wildcards with what stands beside and below them.
    ("a.b.c.ent.example.org", "A", "192.0.2.5"),
    ("*.wild.example.org", "A", "192.0.2.6"),
    ("*.wild.example.org", "TXT", "\"Any Case\""),
    ("*.wild.example.org", "MX", "10 mail.example.org"),
    ("host.wild.example.org", "TXT", "\"no address\""),
    ("a.ent.wild.example.org", "A", "192.0.2.7"),
    ("below.*.wild.example.org", "TXT", "\"below a wildcard\""),
    ("d.wild.example.org", "NS", "ns.example.com"),
    ("*.cwild.example.org", "CNAME", "www.example.org"),
    ("*.self.example.org", "CNAME", "a.self.example.org"),
    ("x.*.star.example.org", "A", "192.0.2.8"),
    ("*.net.example.org", "CNAME", "www.example.net"),
    // Delegations: with glue below, beside, in another delegation, in another zone, and without any.
    ("glued.example.org", "NS", "ns1.glued.example.org"),
    ("glued.example.org", "NS", "ns2.glued.example.org"),
    ("glued.example.org", "NS", "ns.example.com"),
    ("glued.example.org", "DS", "4711 13 2 AABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDD"),
    ("ns1.glued.example.org", "A", "192.0.2.10"),
    ("ns1.glued.example.org", "AAAA", "2001:db8::10"),
    ("ns2.glued.example.org", "A", "192.0.2.11"),
    ("www.glued.example.org", "A", "192.0.2.12"),
    ("deep.er.glued.example.org", "TXT", "\"hidden\""),
    ("bare.example.org", "NS", "ns.example.com"),
    ("beside.example.org", "NS", "www.example.org"),
    ("sibling.example.org", "NS", "ns1.glued.example.org"),
    ("cousin.example.org", "NS", "www.example.net"),
    ("wildly.example.org", "NS", "ns.wild.example.org"),
    ("mx-in-cut.example.org", "MX", "10 www.glued.example.org"),
    // Aliases.
    ("alias.example.org", "CNAME", "www.example.org"),
    ("alias-out.example.org", "CNAME", "www.example.com"),
    ("alias-net.example.org", "CNAME", "www.example.net"),
    ("alias-cut.example.org", "CNAME", "www.glued.example.org"),
    ("alias-none.example.org", "CNAME", "none.example.org"),
    ("alias-ent.example.org", "CNAME", "ent.example.org"),
    ("alias-wild.example.org", "CNAME", "any.wild.example.org"),
    ("alias-dname.example.org", "CNAME", "www.dname.example.org"),
    ("alias-sub.example.org", "CNAME", "www.sub.example.org"),
    ("loop1.example.org", "CNAME", "loop2.example.org"),
    ("loop2.example.org", "CNAME", "loop1.example.org"),
    ("itself.example.org", "CNAME", "itself.example.org"),
    ("there.example.org", "CNAME", "back.example.net"),
    ("back.example.net", "CNAME", "there.example.org"),
    // DNAME: within the zone, out of it, beside other records, in loops, ever longer, too long.
    ("dname.example.org", "DNAME", "target.example.org"),
    ("dname.example.org", "TXT", "\"beside a DNAME\""),
    ("x-own.dname.example.org", "TXT", "\"below a DNAME\""),
    ("www.target.example.org", "A", "192.0.2.20"),
    ("alias.target.example.org", "CNAME", "www.dname.example.org"),
    ("dname-wild.example.org", "DNAME", "wild.example.org"),
    ("dname-cut.example.org", "DNAME", "glued.example.org"),
    ("dname-out.example.org", "DNAME", "example.com"),
    ("dname-net.example.org", "DNAME", "example.net"),
    ("dname-none.example.org", "DNAME", "none.example.org"),
    ("dname-again.example.org", "DNAME", "dname.example.org"),
    ("dloop1.example.org", "DNAME", "dloop2.example.org"),
    ("dloop2.example.org", "DNAME", "dloop1.example.org"),
    ("x.up.example.org", "DNAME", "up.example.org"),
    ("grows.example.org", "DNAME", "x.grows.example.org"),
    (
        "long.example.org",
        "DNAME",
        "looooooooooooooooooooooooooooooooooooooooong.looooooooooooooooooooooooooooooooooong.example.net",
    ),
    // Odd labels.
    (r"a\.b.example.org", "A", "192.0.2.30"),
    (r"b.example.org", "A", "192.0.2.31"),
    (r"x\000y.example.org", "A", "192.0.2.32"),
    (r"\000.example.org", "A", "192.0.2.33"),
    (r"\255\254.example.org", "A", "192.0.2.34"),
    (r"\\\032\064.example.org", "A", "192.0.2.35"),
    (r"*a.example.org", "A", "192.0.2.36"),
    (r"-._.example.org", "A", "192.0.2.37"),
    (r"odd.example.org", "CNAME", r"a\.b.example.org"),
    (r"odd2.example.org", "MX", r"10 x\000y.example.org"),
    ("UPPER.Example.ORG", "A", "192.0.2.38"),
    ("toupper.example.org", "CNAME", "Upper.Example.Org"),
    ("sixty-three-octets-are-the-most-that-a-label-can-have-as-this-1.example.org", "AAAA", "2001:db8::3"),
    // Other types.
    ("_sip._tcp.example.org", "SRV", "1 2 5060 www.example.org"),
    ("_sip._tcp.example.org", "SRV", "2 2 5060 mail.example.org"),
    ("_sip._udp.example.org", "SRV", "1 2 5060 alias.example.org"),
    ("naptr.example.org", "NAPTR", "10 20 \"S\" \"SIP+D2U\" \"\" _sip._udp.example.org"),
    ("svc.example.org", "SVCB", "1 www.example.org alpn=h2"),
    ("svc.example.org", "HTTPS", "1 . alpn=h3 port=8443"),
    ("svc0.example.org", "HTTPS", "0 www.example.org"),
    (
        "_443._tcp.example.org",
        "TLSA",
        "3 1 1 AABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDDAABBCCDD",
    ),
    ("unknown.example.org", "TYPE65280", r"\# 3 ABCDEF"),
    ("unknown.example.org", "TYPE4711", r"\# 0"),
    ("mx-alias.example.org", "MX", "10 alias.example.org"),
    ("mx-none.example.org", "MX", "0 ."),
    ("mx-net.example.org", "MX", "10 www.example.net"),
    // Beside the zone: one below it and two others.
    ("sub.example.org", "MX", "10 mail.example.org"),
    ("www.sub.example.org", "A", "192.0.2.40"),
    ("cut.sub.example.org", "NS", "ns.cut.sub.example.org"),
    ("ns.cut.sub.example.org", "A", "192.0.2.41"),
    ("www.example.net", "A", "192.0.2.50"),
    ("*.any.example.net", "CNAME", "www.example.org"),
    ("4.2.0.192.in-addr.arpa", "PTR", "mail.example.org"),
];

/// The zone that a name is in, as text.
pub(crate) fn zone_of(name: &str) -> Option<&'static str> {
    let in_it = |zone: &&&str| {
        name.strip_suffix(**zone).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    ZONES.iter().filter(in_it).max_by_key(|zone| zone.len()).copied()
}

/// Labels of random names.
pub(crate) const LABELS: [&[u8]; 12] = [
    b"a",
    b"b",
    b"c",
    b"www",
    b"*",
    b"x.y",
    b"\0",
    b"\xff",
    b"ns1",
    b"A",
    b"_tcp",
    b"sixty-three-octets-are-the-most-that-a-label-can-have-as-this-1",
];

pub(crate) fn random_label(random: &mut Rng) -> Vec<u8> {
    // The last ones are rare.
    let place = random.usize(..LABELS.len()).min(random.usize(..LABELS.len()));
    LABELS[place].to_vec()
}

/// The name of a few random labels, as text.
fn random_name(random: &mut Rng) -> String {
    let mut wire = Vec::new();
    for _ in 0..random.usize(1..5) {
        let label = random_label(random);
        wire.push(u8::try_from(label.len()).expect("63 octets at most"));
        wire.extend(label);
    }
    wire.extend(
        random.choice([&b"\x01r\x07example\x03org\0"[..], b"\x01r\x07example\x03net\0"]).expect("zones"),
    );
    name_to_text(&wire)
}

fn random_record(random: &mut Rng) -> Endpoint {
    let name = random_name(random);
    let address = format!("198.51.100.{}", random.u8(..));
    let (rtype, target) = match random.u8(..100) {
        0..30 => ("A", address),
        30..40 => ("AAAA", format!("2001:db8::{:x}", random.u8(1..))),
        40..55 => ("TXT", format!("\"text {}\"", random.u8(..))),
        55..72 => ("CNAME", random_name(random)),
        72..82 => ("NS", random_name(random)),
        82..88 => ("DNAME", random_name(random)),
        88..95 => ("MX", format!("10 {}", random_name(random))),
        _ => ("SRV", format!("1 2 3 {}", random_name(random))),
    };
    Endpoint::new(name, rtype, [target]).with_ttl(random.u32(0..1000))
}

/// All records that are wanted. Those that are named all fit beside each other; of the random ones many don't.
pub(crate) fn records(random: &mut Rng) -> (Vec<Endpoint>, Vec<Endpoint>) {
    let mut named: Vec<Endpoint> = Vec::new();
    let mut add = |name: &str, rtype: &str, target: String| match named
        .iter_mut()
        .find(|there| there.dns_name == name && there.record_type == rtype)
    {
        Some(there) => there.targets.push(target),
        None => named.push(Endpoint::new(name, rtype, [target]).with_ttl(300)),
    };
    for (name, rtype, target) in RECORDS {
        add(name, rtype, (*target).to_owned());
    }
    for step in 0..20 {
        add(&format!("chain{step}.example.org"), "CNAME", format!("chain{}.example.org", step + 1));
    }
    add("chain20.example.org", "A", "192.0.2.60".to_owned());
    // What does not fit into 512 octets, or 1232: the answer, an answer's addresses, a delegation's.
    for number in 1..=13 {
        let host = format!("server-with-a-long-name-{number}");
        add("many-ns.example.org", "NS", format!("{host}.many-ns.example.org"));
        add(&format!("{host}.many-ns.example.org"), "A", format!("192.0.2.{number}"));
        add(&format!("{host}.many-ns.example.org"), "AAAA", format!("2001:db8::1:{number}"));
        add("many-mx.example.org", "MX", format!("10 {host}.mx.example.org"));
        add(&format!("{host}.mx.example.org"), "AAAA", format!("2001:db8::2:{number}"));
    }
    for number in 0..100 {
        add("many.example.org", "A", format!("203.0.113.{number}"));
        add("many.wide.example.org", "TXT", format!("\"{number:0>200}\""));
    }
    add(
        "some.example.org",
        "TXT",
        format!("\"{}\" \"{}\" \"{}\"", "x".repeat(250), "y".repeat(250), "z".repeat(90)),
    );
    add("alias-many.example.org", "CNAME", "many.example.org".to_owned());
    let random = (0..600).map(|_| random_record(random)).collect();
    (named, random)
}
