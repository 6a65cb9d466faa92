//! Targets to RDATA and back.

use proptest::prelude::*;
use zonemux_plugin::dns::{canonical_target, check_target};

use super::*;

fn read(rtype: &str, target: &str) -> Result<Vec<u8>, String> {
    encode(record_type(rtype).unwrap(), target)
}

#[test]
fn targets_are_listed_in_their_canonical_form() {
    let cases = [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:DB8:0::1"),
        ("AAAA", "::ffff:192.0.2.1"),
        ("CNAME", "WWW.Example.org."),
        ("CNAME", "bücher.example"),
        ("CNAME", r"a\.b\000.example"),
        ("NS", "."),
        ("PTR", "host.example.org"),
        ("DNAME", "elsewhere.example.net"),
        ("MX", "10 Mail.example.org."),
        ("MX", "0 ."),
        ("MX", "10 \\\"quoted.example"),
        ("SRV", "0 5 5060 Host.example.org."),
        ("NAPTR", r#"100 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" ."#),
        ("NAPTR", r#"1 2 u "" "a \"b\\ c" next.example"#),
        ("CAA", "0 issue \"ca.example.net\""),
        ("CAA", "128 ISSUE ;"),
        ("CAA", "0 issue \"\""),
        ("TXT", "v=spf1 include:example.org -all"),
        ("TXT", r#""two" "strings""#),
        ("TXT", ""),
        ("TXT", "\"\""),
        ("TXT", "grüße \\255"),
    ];
    for (name, target) in cases {
        let rtype = record_type(name).unwrap();
        let rdata = encode(rtype, target).unwrap_or_else(|reason| panic!("{name} {target}: {reason}"));
        let listed = decode(rtype, &rdata);
        assert_eq!(listed, canonical_target(name, target), "{name} {target}");
        assert_eq!(encode(rtype, &listed), Ok(rdata));
    }
    let long = format!("0 issue \"{}\"", "x".repeat(400));
    assert_eq!(decode(Rtype::CAA, &encode(Rtype::CAA, &long).unwrap()), canonical_target("CAA", &long));
    let long = "x".repeat(600);
    assert_eq!(decode(Rtype::TXT, &encode(Rtype::TXT, &long).unwrap()), canonical_target("TXT", &long));
}

#[test]
fn other_types_are_written_as_in_a_zone_file() {
    let cases = [
        ("HTTPS", "1 . alpn=h2,h3 ipv4hint=192.0.2.1", "1 . alpn=h2,h3 ipv4hint=192.0.2.1"),
        ("SVCB", "16 svc.example.org. port=8080", "16 svc.example.org. port=8080"),
        ("SVCB", "0 other.example.org", "0 other.example.org."),
        ("TLSA", "3 1 1 0123456789ABCDEF", "3 1 1 0123456789ABCDEF"),
        ("SSHFP", "4 2 0123456789abcdef", "4 2 0123456789ABCDEF"),
        (
            "DS",
            "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
            "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
        ),
        ("HINFO", "\"PC\" \"Linux\"", "\"PC\" \"Linux\""),
        ("TYPE65280", r"\# 3 abcdef", r"\# 3 abcdef"),
        ("TYPE65280", r"\# 0", r"\# 0"),
        ("LOC", r"\# 16 0000000000000000000000000000000a", r"\# 16 0000000000000000000000000000000a"),
    ];
    for (name, target, expected) in cases {
        let rtype = record_type(name).unwrap();
        let rdata = encode(rtype, target).unwrap_or_else(|reason| panic!("{name} {target}: {reason}"));
        let listed = decode(rtype, &rdata);
        assert_eq!(listed, expected, "{name} {target}");
        assert_eq!(encode(rtype, &listed), Ok(rdata), "{name} {listed}");
    }
}

#[test]
fn wrong_targets_are_refused_with_a_reason() {
    let cases = [
        ("A", "www.example.org", "expected an IPv4 address"),
        ("MX", "mail.example.org", "PREFERENCE EXCHANGE"),
        ("CNAME", "192.0.2.1", "got an address"),
        ("TLSA", "3 1", "unexpected end of entry"),
        ("TLSA", "3 1 1 xy", ""),
        ("HTTPS", "www", ""),
        ("TYPE65280", "text", "unknown record type with concrete data"),
        ("TYPE65280", r"\# 3 ab", ""),
        ("TLSA", "3 1 1 ab\n. 0 IN TXT x", "a line break"),
        ("TLSA", r"\# 2 0301", "the bytes are no TLSA record"),
        ("TLSA", "", ""),
    ];
    for (rtype, target, words) in cases {
        let reason = read(rtype, target).expect_err(target);
        assert!(reason.contains(words) && !reason.is_empty(), "{rtype} {target}: {reason}");
    }
}

#[test]
fn a_zone_files_names_are_relative_to_its_origin() {
    let read = |rtype, text| from_zone_file(rtype, text, "example.org").unwrap();
    assert_eq!(read(Rtype::CNAME, "@"), name_to_wire("example.org"));
    assert_eq!(read(Rtype::CNAME, "www"), name_to_wire("www.example.org"));
    assert_eq!(read(Rtype::CNAME, "WWW.example.net."), name_to_wire("www.example.net"));
    assert_eq!(read(Rtype::A, r"\# 4 c0000201"), [192, 0, 2, 1]);
    assert_eq!(read(Rtype::TXT, "a b"), b"\x01a\x01b");
    assert_eq!(read(Rtype::TXT, "@ \"@\""), b"\x01@\x01@");
    assert_eq!(read(Rtype::MX, "5  @ ; the apex"), [&[0, 5][..], &name_to_wire("example.org")].concat());
    assert_eq!(read(Rtype::CNAME, r"\@"), name_to_wire("@.example.org"));
    assert!(from_zone_file(Rtype::A, r"\# 3 c00002", ".").is_err());
}

fn name() -> impl Strategy<Value = String> {
    let label = proptest::collection::vec(any::<u8>(), 1..20);
    proptest::collection::vec(label, 0..5).prop_map(|labels| {
        let mut wire = Vec::new();
        for label in labels {
            wire.push(u8::try_from(label.len()).unwrap());
            wire.extend(label);
        }
        wire.push(0);
        name_to_text(&wire)
    })
}

fn target() -> impl Strategy<Value = (&'static str, String)> {
    let text = || "[ -~]{0,40}|\\PC{0,30}";
    let string = || "[ !#-\\[\\]-~]{0,40}";
    prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(|address| ("A", address.to_string())),
        any::<std::net::Ipv6Addr>().prop_map(|address| ("AAAA", address.to_string())),
        name().prop_map(|name| ("CNAME", name)),
        (any::<u16>(), name()).prop_map(|(number, name)| ("MX", format!("{number} {name}"))),
        (any::<[u16; 3]>(), name())
            .prop_map(|([one, two, three], name)| ("SRV", format!("{one} {two} {three} {name}"))),
        (any::<[u16; 2]>(), string(), string(), string(), name()).prop_map(
            |([one, two], flags, services, regexp, name)| {
                ("NAPTR", format!("{one} {two} \"{flags}\" \"{services}\" \"{regexp}\" {name}"))
            }
        ),
        (any::<u8>(), "[a-zA-Z0-9]{1,8}", string())
            .prop_map(|(flags, tag, value)| ("CAA", format!("{flags} {tag} \"{value}\""))),
        text().prop_map(|text| ("TXT", text)),
    ]
}

proptest! {
    #[test]
    fn what_is_right_is_listed_in_its_canonical_form((name, target) in target()) {
        let rtype = record_type(name).unwrap();
        match (check_target(name, &target), encode(rtype, &target)) {
            (Ok(()), Ok(rdata)) => {
                let listed = decode(rtype, &rdata);
                prop_assert_eq!(&listed, &canonical_target(name, &target));
                prop_assert_eq!(encode(rtype, &listed), Ok(rdata));
            }
            (Err(_), Err(_)) => {}
            (right, read) => prop_assert!(false, "{name} {target}: {right:?}, {read:?}"),
        }
    }

    #[test]
    fn any_bytes_are_written_and_read_back(
        number in prop_oneof![0..70_u16, 250..260_u16, any::<u16>()],
        rdata in proptest::collection::vec(prop_oneof![0..5_u8, any::<u8>()], 0..40),
    ) {
        let rtype = Rtype(number);
        let text = decode(rtype, &rdata);
        // Of a type of ExternalDNS's this is a text like any other, and the bytes are no such record.
        prop_assume!(rtype != Rtype::TXT || !text.starts_with("\\# "));
        if let Ok(again) = encode(rtype, &text) {
            prop_assert!(again.eq_ignore_ascii_case(&rdata), "{rtype} {text}");
            prop_assert_eq!(decode(rtype, &again), text);
        } else {
            // Bytes that are no record of the type can't be read as one.
            prop_assert!(text.starts_with("\\# "), "{rtype} {text}");
        }
    }
}
