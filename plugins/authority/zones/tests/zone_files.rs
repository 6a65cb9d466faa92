//! Exported zones, read by the servers that are to load them.

use std::process::Command;
use std::sync::Arc;

use zonemux_authority_zones::{Name, Origin, Record, Rrset, Soa, Zone, export, import};
use zonemux_rdata::{Rtype, encode, name_to_wire, record_type};

/// Records of all types and odd names that every server takes.
fn zone() -> Arc<Zone> {
    let soa = Soa {
        mname: name_to_wire("ns1.example.org"),
        rname: name_to_wire(r"dns\.admin.example.org"),
        refresh: 3600,
        retry: 600,
        expire: 1_209_600,
        minimum: 300,
        ttl: 3600,
    };
    let apex = Name::from_canonical("example.org").expect("a name");
    let mut draft = Arc::new(Zone::new(apex, &soa, 1)).draft();
    let records = [
        ("example.org", "NS", "ns1.example.org"),
        ("ns1.example.org", "A", "192.0.2.53"),
        ("example.org", "MX", "10 mail.example.org"),
        ("mail.example.org", "A", "192.0.2.25"),
        ("example.org", "TXT", r#""v=spf1 -all; \"quoted\" \\ \000\255" "second""#),
        ("example.org", "CAA", r#"0 issue "ca.example.net; account=1""#),
        ("*.wild.example.org", "AAAA", "2001:db8::1"),
        ("a.b.c.example.org", "A", "192.0.2.1"),
        ("sub.example.org", "NS", "ns.sub.example.org"),
        (
            "sub.example.org",
            "DS",
            "60485 8 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
        ),
        ("ns.sub.example.org", "A", "192.0.2.54"),
        ("old.example.org", "DNAME", "new.example.net"),
        ("alias.example.org", "CNAME", "www.example.org"),
        ("_sip._tcp.example.org", "SRV", "0 5 5060 mail.example.org"),
        ("naptr.example.org", "NAPTR", r#"100 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" ."#),
        ("www.example.org", "HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"),
        ("svc.example.org", "SVCB", "16 www.example.org port=8080"),
        (
            "_443._tcp.example.org",
            "TLSA",
            "3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ),
        ("any.example.org", "TYPE65280", r"\# 4 00ff10ab"),
        ("empty.example.org", "TYPE65281", r"\# 0"),
        (r"dot\.in\000label.example.org", "TXT", "text"),
        (r#"q"u;o(t)e@d$.example.org"#, "TXT", "text"),
        (r"\255\032x.example.org", "TXT", ""),
        ("1.2.0.192.in-addr.arpa.example.org", "PTR", r"host\.x.example.org"),
    ];
    for (owner, rtype, target) in records {
        let rtype = record_type(rtype).expect("a type");
        let rdata = encode(rtype, target).expect(target);
        let owner = Name::from_canonical(owner).expect("a name");
        draft.put(&owner, &Rrset::new(rtype, 300, Origin::Managed, [rdata], b"").expect("it is small"));
    }
    draft.finish(&soa, 2).expect("a change").zone
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|left, right| {
        (&left.name, left.rtype, &left.rdata).cmp(&(&right.name, right.rtype, &right.rdata))
    });
    records
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("`{program}` is not installed: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}: {out}{err}");
    out.into_owned()
}

#[test]
fn bind_nsd_and_knot_read_an_exported_zone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("example.org.zone");
    let path = path.to_str().unwrap();
    let zone = zone();
    let mut text = Vec::new();
    export(&zone, &mut text).unwrap();
    std::fs::write(path, &text).unwrap();
    run("nsd-checkzone", &["example.org", path]);
    run("kzonecheck", &["-o", "example.org", path]);
    // What BIND read, written by BIND, is the same again.
    let arguments = ["-q", "-i", "none", "-k", "ignore", "-f", "text", "-F", "text", "-s", "full", "-o", "-"];
    let written = run("named-compilezone", &[&arguments[..], &["example.org", path]].concat());
    let read = import(zone.apex(), &written).unwrap_or_else(|error| panic!("{error}:\n{written}"));
    let ours = import(zone.apex(), &String::from_utf8(text).unwrap()).unwrap();
    assert_eq!(sorted(read), sorted(ours));
    assert!(zone.get(zone.apex(), Rtype::CAA).is_some());
}
