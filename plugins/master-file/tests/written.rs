//! What is written, read by the servers that are to load it, and read back.
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use zonemux_master_file::dialect::Dialect;
use zonemux_master_file::reader::{How, IncludeBase, read};
use zonemux_master_file::writer::write;

/// Records of all types and odd names that every server takes.
const RECORDS: [(&str, &str, &str); 23] = [
    ("example.org", "NS", "ns1.example.org"),
    ("ns1.example.org", "A", "192.0.2.53"),
    ("example.org", "MX", "10 mail.example.org"),
    ("mail.example.org", "A", "192.0.2.25"),
    ("example.org", "TXT", r#""v=spf1 -all; \"quoted\" \\ \000\255" "second""#),
    ("example.org", "CAA", r#"0 issue "ca.example.net; account=1""#),
    ("*.wild.example.org", "AAAA", "2001:db8::1"),
    ("a.b.c.example.org", "A", "192.0.2.1"),
    ("sub.example.org", "NS", "ns.sub.example.org"),
    ("sub.example.org", "DS", "60485 8 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"),
    ("ns.sub.example.org", "A", "192.0.2.54"),
    ("old.example.org", "DNAME", "new.example.net"),
    ("alias.example.org", "CNAME", "www.example.org"),
    ("_sip._tcp.example.org", "SRV", "0 5 5060 mail.example.org"),
    ("naptr.example.org", "NAPTR", r#"100 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" ."#),
    ("www.example.org", "HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"),
    ("svc.example.org", "SVCB", "16 www.example.org. port=8080"),
    (
        "_443._tcp.example.org",
        "TLSA",
        "3 1 1 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
    ),
    ("any.example.org", "TYPE65280", r"\# 4 00ff10ab"),
    ("empty.example.org", "TYPE65281", r"\# 0"),
    (r"dot\.in\000label.example.org", "TXT", "\"text\""),
    (r#"q"u;o(t)e@d$.example.org"#, "TXT", "\"text\""),
    ("1.2.0.192.in-addr.arpa.example.org", "PTR", r"host\.x.example.org"),
];

fn records(path: &Path) -> BTreeSet<(String, u32, String, String)> {
    let how = How {
        zone: "example.org",
        include_base: &IncludeBase::Includer,
        managed: None,
        dialect: Dialect::Other,
    };
    let mut records = BTreeSet::new();
    let read = read(&how, path, &mut |record| {
        records.insert((record.name.to_owned(), record.ttl, record.rtype.to_owned(), record.target.clone()));
    });
    assert_eq!(read.unwrap().outside, 0);
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
fn bind_nsd_and_knot_read_what_is_written_and_it_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("example.org.zone");
    let mut text = "example.org. 60 IN SOA ns1.example.org. dns\\.admin.example.org. 1 2 3 4 5\n".to_owned();
    let mut expected = BTreeSet::new();
    for (name, record_type, target) in RECORDS {
        write(name, Some(300), record_type, [target], None, &mut text).unwrap();
        expected.insert((name.to_owned(), 300, record_type.to_owned(), target.to_owned()));
    }
    fs::write(&path, &text).unwrap();
    assert_eq!(records(&path), expected);

    let file = path.to_str().unwrap();
    run("nsd-checkzone", &["example.org", file]);
    run("kzonecheck", &["-o", "example.org", file]);
    // What BIND read, written by BIND, is the same again.
    let options = ["-q", "-i", "none", "-k", "ignore", "-f", "text", "-F", "text", "-s", "full", "-o", "-"];
    let written = run("named-compilezone", &[&options[..], &["example.org", file]].concat());
    fs::write(&path, written).unwrap();
    assert_eq!(records(&path), expected);
}

#[test]
fn what_can_not_stand_in_a_file_leaves_no_half_of_it_there() {
    let mut text = "before\n".to_owned();
    let error = write("example.org", None, "MX", ["10 a.example.org", "nonsense"], None, &mut text);
    let error = error.unwrap_err();
    assert!(error.to_string().starts_with("\"nonsense\": "), "{error}");
    assert_eq!(text, "before\n");
    write("example.org", None, "MX", ["10 a.example.org"], Some("first"), &mut text).unwrap();
    assert_eq!(text, "before\nexample.org. IN MX 10 a.example.org. ; first\n");
}
