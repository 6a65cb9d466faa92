use std::sync::Arc;

use proptest::prelude::*;
use zonemux_rdata::encode;

use super::*;
use crate::name::Name;
use crate::rrset::Origin;

fn zone(records: &[(Name, Rtype, Vec<Vec<u8>>)]) -> Arc<Zone> {
    let soa = Soa {
        mname: b"\x02ns\x07example\x03org\0".to_vec(),
        rname: b"\x09dns.admin\x07example\x03org\0".to_vec(),
        refresh: 1,
        retry: 2,
        expire: 3,
        minimum: 4,
        ttl: 5,
    };
    let base = Arc::new(Zone::new(Name::from_canonical("example.org").unwrap(), &soa, 7));
    let mut draft = base.draft();
    for (name, rtype, rdatas) in records {
        draft.put(name, &Rrset::new(*rtype, 60, Origin::Managed, rdatas, b"").unwrap());
    }
    draft.finish(&soa, 8).map_or(base, |changed| changed.zone)
}

fn exported(zone: &Zone) -> String {
    let mut text = Vec::new();
    export(zone, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// What is read from a zone's text, as the zone's records.
fn read_back(zone: &Zone) -> (Vec<Record>, Vec<Record>) {
    let mut expected = Vec::new();
    for (name, rrset) in zone.iter() {
        expected.extend(rrset.rdatas().map(|rdata| Record {
            name: name.clone(),
            rtype: rrset.rtype(),
            ttl: Some(rrset.ttl()),
            rdata: rdata.to_vec(),
        }));
    }
    let text = exported(zone);
    (import(zone.apex(), &text).unwrap_or_else(|error| panic!("{error}:\n{text}")), expected)
}

fn name(text: &str) -> Name {
    Name::from_canonical(text).unwrap()
}

#[test]
fn a_zone_is_written_as_every_server_reads_it() {
    let of = |rtype, target: &str| (rtype, vec![encode(rtype, target).unwrap()]);
    let records = [
        ("www.example.org", of(Rtype::A, "192.0.2.1")),
        ("example.org", of(Rtype::MX, "10 mail.example.net")),
        ("example.org", of(Rtype::NAPTR, r#"1 2 "u" "s.v" "" next.example.org"#)),
        ("_sip.example.org", of(Rtype::SRV, "0 5 5060 host.example.org")),
        (r#"a"b;c.example.org"#, of(Rtype::CNAME, r"x\.y$.example.org")),
        ("h.example.org", of(Rtype::HTTPS, "1 . alpn=h2")),
        ("u.example.org", (Rtype(65280), vec![vec![1, 2]])),
        ("t.example.org", of(Rtype::TXT, r#""a \"b\"" "c;d""#)),
    ];
    let zone = zone(&records.map(|(owner, (rtype, rdatas))| (name(owner), rtype, rdatas)));
    assert_eq!(
        exported(&zone),
        r#"example.org. 5 IN SOA ns.example.org. dns\.admin.example.org. 8 1 2 3 4
example.org. 60 IN MX 10 mail.example.net.
example.org. 60 IN NAPTR 1 2 "u" "s.v" "" next.example.org.
_sip.example.org. 60 IN SRV 0 5 5060 host.example.org.
a\034b\059c.example.org. 60 IN CNAME x\.y\036.example.org.
h.example.org. 60 IN HTTPS 1 . alpn=h2
t.example.org. 60 IN TXT "a \"b\"" "c;d"
u.example.org. 60 IN TYPE65280 \# 2 0102
www.example.org. 60 IN A 192.0.2.1
"#
    );
    let (read, expected) = read_back(&zone);
    assert_eq!(read, expected);
}

#[test]
fn an_operators_zone_file_is_read() {
    let text = "$TTL 3600\n@ IN SOA ns1 hostmaster (\n  1 2 3 4 5 ) ; a comment\n  NS @\n  MX 10 @\n\
                www 60 A 192.0.2.1\n\tTXT \"@\"\n$ORIGIN sub.example.org.\nx CNAME @";
    let records = import(&name("example.org"), text).unwrap();
    let line = |record: &Record| {
        let Record { name, rtype, ttl, rdata } = record;
        format!("{name} {} {rtype} {}", ttl.unwrap_or_default(), rdata.escape_ascii())
    };
    let lines: Vec<_> = records.iter().skip(1).map(line).collect();
    assert_eq!(
        lines,
        [
            r"example.org 3600 NS \x07example\x03org\x00",
            r"example.org 3600 MX \x00\n\x07example\x03org\x00",
            r"www.example.org 60 A \xc0\x00\x02\x01",
            r"www.example.org 3600 TXT \x01@",
            r"x.sub.example.org 3600 CNAME \x03sub\x07example\x03org\x00",
        ]
    );
}

#[test]
fn what_can_not_be_read_is_told_with_its_line() {
    let reason = |text| import(&name("example.org"), text).unwrap_err().to_string();
    assert_eq!(reason("www 60 A 192.0.2.1\nx 60 A nonsense 1\n"), "at line 2: expected IPv4 address");
    assert!(reason("\n$INCLUDE other.zone\n").starts_with("at line 2: `$INCLUDE other.zone` is not read"));
    assert!(reason("x 60 CNAME \\064\n").contains("write the origin's name for `@`"));
    assert!(reason("x 60 MX 5 a..b\n").contains("its data is not right for the type"));
    assert!(reason("x..y 60 A 192.0.2.1\n").contains("two dots in a row"));
    assert_eq!(
        reason("www.example.net. 60 A 192.0.2.1\n"),
        "`www.example.net` is not in the zone `example.org`"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn what_is_written_reads_back(
        labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..12), 1..6),
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..4),
    ) {
        // It is written, and told from the origin by nobody.
        prop_assume!(!labels.contains(&vec![b'@']));
        let wire = |label: &[u8]| {
            let label = [&[u8::try_from(label.len()).unwrap()], label].concat().to_ascii_lowercase();
            [&label[..], b"\x07example\x03org\0"].concat()
        };
        let names: Vec<Vec<u8>> = labels.iter().map(|label| wire(label)).collect();
        let records: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(index, owner)| {
                let target = &names[(index + 1) % names.len()];
                let (rtype, rdata) = match index % 4 {
                    0 => (Rtype::CNAME, target.clone()),
                    1 => (Rtype::MX, [&[1, 2], &target[..]].concat()),
                    2 => (Rtype::NAPTR, [&[0, 1, 0, 2, 1, b'"', 0, 0], &target[..]].concat()),
                    _ => {
                        let text = &texts[index % texts.len()];
                        (Rtype::TXT, [&[u8::try_from(text.len()).unwrap()], &text[..]].concat())
                    }
                };
                (Name::from_wire(owner).unwrap(), rtype, vec![rdata])
            })
            .collect();
        let (read, expected) = read_back(&zone(&records));
        prop_assert_eq!(read, expected);
    }
}
