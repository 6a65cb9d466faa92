//! Between a record's fields in a master file and a target as zonemux has it.
//!
//! A target has names without a trailing dot, always absolute; a master file has them with one. All
//! else is the same text, so that a type which nobody knew when this was written passes through: the
//! server's own checker has the last word.

use std::borrow::Cow;

use zonemux_plugin::dns::{canonical, canonical_target, check_target, txt};

use crate::lexer::{Entry, Lexer, Token, printable, unescape};
use crate::name;

/// Which fields of a type are names, counted from 0.
fn name_fields(record_type: &str) -> &'static [usize] {
    match record_type {
        "CNAME" | "NS" | "PTR" | "DNAME" | "NSEC" | "MB" | "MG" | "MR" | "MD" | "MF" | "NSAP-PTR" => &[0],
        "MX" | "AFSDB" | "RT" | "KX" | "LP" | "SVCB" | "HTTPS" => &[1],
        "RP" | "MINFO" | "SOA" | "TALINK" => &[0, 1],
        "PX" => &[1, 2],
        "SRV" => &[3],
        "NAPTR" => &[5],
        "RRSIG" | "SIG" => &[7],
        _ => &[],
    }
}

/// Types that answer for the zone itself, for its signatures, or for no record at all: whatever a
/// client sends, they are not its to write.
const RESERVED: [&str; 14] = [
    "SOA",
    "RRSIG",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "SIG",
    "NXT",
    "OPT",
    "TKEY",
    "TSIG",
    "IXFR",
    "AXFR",
    "ANY",
    "*",
];

/// Whether a client's records may have that type; else why not.
pub fn check_type(record_type: &str) -> Result<(), String> {
    let Some(rtype) = zonemux_rdata::record_type(record_type) else {
        return Err(format!(
            "{record_type:?} is not a record type that is known here; others are written as `TYPE65280`"
        ));
    };
    if rtype.to_string() != record_type {
        return Err(format!("the type {record_type:?} is called {rtype}"));
    }
    if rtype.is_meta() || RESERVED.contains(&record_type) {
        return Err(format!("{record_type} records are not written for clients"));
    }
    Ok(())
}

/// The name of a type as it stands in a file: `TYPE1` is `A`.
pub fn type_name(written: &str) -> String {
    let upper = written.to_ascii_uppercase();
    if !upper.starts_with("TYPE") {
        return upper;
    }
    zonemux_rdata::record_type(&upper).map_or(upper, |rtype| rtype.to_string())
}

/// The fields of a record as its type has them: only a parameter of SVCB or HTTPS goes on in quotes behind
/// `=`; for all other types, a string begins there.
pub(crate) fn separated<'t, 'a>(record_type: &str, fields: &'t [Token<'a>]) -> Cow<'t, [Token<'a>]> {
    let goes_on = |field: &Token<'_>| !field.quoted && field.text.contains(&b'"');
    if matches!(record_type, "SVCB" | "HTTPS") || !fields.iter().any(goes_on) {
        return Cow::Borrowed(fields);
    }
    Cow::Owned(fields.iter().flat_map(Token::separated).collect())
}

/// The target of a record that stands in a master file.
pub fn target(record_type: &str, fields: &[Token<'_>], origin: &str) -> Result<String, String> {
    let [first, ..] = fields else {
        return Err(format!("a {record_type} record without data"));
    };
    if zonemux_rdata::record_type(record_type).is_some_and(zonemux_rdata::Rtype::is_meta) {
        return Err("a type of questions and messages, which no zone has".to_owned());
    }
    if first.is("\\#") || !(is_known(record_type) || record_type == "SPF") {
        if first.is("\\#") {
            return by_wire(record_type, &join(fields, &[], |field| Ok(printable(field.text)))?);
        }
        let absolute = join(fields, name_fields(record_type), |field| {
            name::absolute(field, origin).map(|name| field_name(record_type, &name))
        })?;
        // A type that only the server knows has its fields.
        return Ok(by_wire(record_type, &absolute).unwrap_or(absolute));
    }
    if matches!(record_type, "TXT" | "SPF") {
        let strings: Option<Vec<Vec<u8>>> = fields.iter().map(|field| unescape(field.text)).collect();
        let strings = strings.ok_or(BROKEN_ESCAPE)?;
        if let Some(long) = strings.iter().find(|string| string.len() > txt::MAX_STRING) {
            return Err(format!("a string of {} bytes, at most {} are allowed", long.len(), txt::MAX_STRING));
        }
        return Ok(txt::quote(strings));
    }
    let joined = join(fields, name_fields(record_type), |field| {
        name::absolute(field, origin).map(|name| field_name(record_type, &name))
    })?;
    check_target(record_type, &joined)?;
    Ok(canonical_target(record_type, &joined).into_owned())
}

const BROKEN_ESCAPE: &str = "a broken escape: a backslash takes three digits up to 255, or one character";

/// The one spelling of a target, of types that the SDK does not know: by way of its RDATA.
fn by_wire(record_type: &str, text: &str) -> Result<String, String> {
    let rtype = zonemux_rdata::record_type(record_type).ok_or("the type is not known")?;
    let rdata = zonemux_rdata::from_zone_file(rtype, text, ".")?;
    Ok(zonemux_rdata::decode(rtype, &rdata))
}

/// A target as fields of a master file, on one line and without anything that has a meaning there;
/// else why the target is not right.
pub fn fields(record_type: &str, target: &str) -> Result<String, String> {
    check_target(record_type, target)?;
    if matches!(record_type, "A" | "AAAA" | "TXT" | "CAA") {
        // In this form a TXT or a CAA is quoted ASCII, whatever was in it.
        return Ok(canonical_target(record_type, target).into_owned());
    }
    if record_type == "SPF" {
        return Ok(txt::quote(txt::strings(target).map_err(|error| error.to_string())?));
    }
    let spelled = spelled(record_type, target);
    if matches!(record_type, "CNAME" | "NS" | "PTR" | "DNAME") {
        let mut written = String::with_capacity(spelled.len() + 1);
        name::write(&spelled, &mut written);
        return Ok(written);
    }
    one_line(record_type, &spelled, |token| {
        let name = client_name(token)?;
        let mut written = String::with_capacity(name.len() + 1);
        name::write(&name, &mut written);
        Ok(written)
    })
}

/// The form in which a target is listed, of types that the SDK does not know: the one that its RDATA
/// has, or fields apart by one space where only the server knows the type. `None` where it has none.
pub fn listed(record_type: &str, target: &str) -> Option<String> {
    if record_type == "SPF" {
        return txt::strings(target).ok().map(txt::quote);
    }
    let fields =
        one_line(record_type, target, |token| Ok(field_name(record_type, &client_name(token)?))).ok()?;
    Some(by_wire(record_type, &fields).unwrap_or(fields))
}

/// A target in its one spelling, by which two are compared; as it is where it has none.
pub fn spelled<'t>(record_type: &str, target: &'t str) -> Cow<'t, str> {
    if is_known(record_type) {
        canonical_target(record_type, target)
    } else {
        listed(record_type, target).map_or(Cow::Borrowed(target), Cow::Owned)
    }
}

/// A canonical name as a field of a target: as the SDK has it for the types that it knows, and else
/// with everything escaped that has a meaning in a file.
fn field_name(record_type: &str, name: &str) -> String {
    if is_known(record_type) {
        return if name.starts_with('"') && name_fields(record_type) != [0] {
            format!("\\{name}")
        } else {
            name.to_owned()
        };
    }
    let mut escaped = String::with_capacity(name.len() + 1);
    name::write(name, &mut escaped);
    if name != "." {
        escaped.pop();
    }
    escaped
}

/// Whether the SDK has a canonical form for a type.
pub fn is_known(record_type: &str) -> bool {
    matches!(
        record_type,
        "A" | "AAAA" | "CNAME" | "NS" | "PTR" | "DNAME" | "MX" | "SRV" | "NAPTR" | "CAA" | "TXT"
    )
}

/// A client's names are absolute, with the dot or without.
fn client_name(token: &Token<'_>) -> Result<String, String> {
    let text = str::from_utf8(token.text).map_err(|_| "a name that is not text")?;
    canonical(text).map(Cow::into_owned).map_err(|error| error.to_string())
}

/// Reads a client's target as the one entry that it must be.
fn one_line(
    record_type: &str,
    target: &str,
    name: impl Fn(&Token<'_>) -> Result<String, String>,
) -> Result<String, String> {
    let newline = |byte: u8| byte.is_ascii_control();
    if target.bytes().any(newline) {
        return Err("a control character, such as the end of a line".to_owned());
    }
    let mut entry = Entry::default();
    let mut lexer = Lexer::new(target.as_bytes());
    if !lexer.next(&mut entry).map_err(|error| error.to_string())? {
        return Err("it is empty".to_owned());
    }
    // What the lexer took for more than fields: a comment, or parentheses.
    let between = |from: usize, to: usize| target.as_bytes()[from..to].iter().all(|&byte| byte == b' ');
    let mut at = 0;
    for token in &entry.tokens {
        let range = token.range();
        if !between(at, range.start) {
            return Err("`;`, `(` or `)` outside of quotes".to_owned());
        }
        at = range.end;
    }
    if !between(at, target.len()) {
        return Err("`;`, `(` or `)` outside of quotes".to_owned());
    }
    let generic = entry.tokens[0].is("\\#");
    let names = if generic { &[] } else { name_fields(record_type) };
    join(&separated(record_type, &entry.tokens), names, name)
}

/// Fields apart by one space; those that are names as `name` has them.
fn join(
    fields: &[Token<'_>],
    names: &[usize],
    name: impl Fn(&Token<'_>) -> Result<String, String>,
) -> Result<String, String> {
    let mut joined = String::new();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            joined.push(' ');
        }
        if names.contains(&index) {
            joined.push_str(&name(field)?);
        } else if field.quoted {
            let bytes = unescape(field.text).ok_or(BROKEN_ESCAPE)?;
            joined.push_str(&txt::quote([bytes]));
        } else {
            joined.push_str(&printable(field.text));
        }
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(record_type: &str, text: &str) -> Result<String, String> {
        let mut entry = Entry::default();
        assert!(Lexer::new(text.as_bytes()).next(&mut entry).unwrap());
        target(record_type, &entry.tokens, "example.org")
    }

    #[test]
    fn fields_become_targets_and_back() {
        for (record_type, written, expected, back) in [
            ("A", "192.0.2.1", "192.0.2.1", "192.0.2.1"),
            ("AAAA", "2001:DB8:0::1", "2001:db8::1", "2001:db8::1"),
            ("CNAME", "Web", "web.example.org", "web.example.org."),
            ("CNAME", "@", "example.org", "example.org."),
            ("MX", "010 mail", "10 mail.example.org", "10 mail.example.org."),
            ("MX", "0 .", "0 .", "0 ."),
            ("SRV", "0 5 5060 sip.example.net.", "0 5 5060 sip.example.net", "0 5 5060 sip.example.net."),
            ("NAPTR", "1 2 u x \"!a!b!\" .", "1 2 \"u\" \"x\" \"!a!b!\" .", "1 2 \"u\" \"x\" \"!a!b!\" ."),
            ("TXT", "v=spf1 \"a;b\" \\195", "\"v=spf1\" \"a;b\" \"\\195\"", "\"v=spf1\" \"a;b\" \"\\195\""),
            ("CAA", "0 issue ca.example.net", "0 issue \"ca.example.net\"", "0 issue \"ca.example.net\""),
            (
                "HTTPS",
                "1 web alpn=\"h2,h3\"",
                "1 web.example.org. alpn=h2,h3",
                "1 web.example.org. alpn=h2,h3",
            ),
            ("SVCB", "0 a;x", "0 a.example.org.", "0 a.example.org."),
            ("TLSA", "3 1 1 ( AB\n CD )", "3 1 1 ABCD", "3 1 1 ABCD"),
            (
                "LOC",
                "52 22 23.000 N 4 53 32.000 E -2.00m",
                "52 22 23.000 N 4 53 32.000 E -2.00m",
                "52 22 23.000 N 4 53 32.000 E -2.00m",
            ),
            ("TYPE65280", "\\# 2 ab CD", "\\# 2 abcd", "\\# 2 abcd"),
            ("A", "\\# 4 C0000201", "192.0.2.1", "192.0.2.1"),
            ("URI", "10 1 \"ftp://a/b c\"", "10 1 \"ftp://a/b c\"", "10 1 \"ftp://a/b c\""),
        ] {
            let target = read(record_type, written).unwrap();
            assert_eq!(target, expected, "{record_type} {written}");
            assert_eq!(fields(record_type, &target).unwrap(), back, "{record_type} {written}");
            if !is_known(record_type) {
                assert_eq!(listed(record_type, &target).unwrap(), target);
            }
        }
    }

    #[test]
    fn nothing_leaves_its_line() {
        for (record_type, target) in [
            ("TLSA", "3 1 1 ab\nwww 300 IN A 192.0.2.66"),
            ("TLSA", "3 1 1 ab ; comment"),
            ("TLSA", "3 1 1 ( ab"),
            ("TLSA", "3 1 1 ab )"),
            ("TLSA", ""),
            ("TLSA", "3 1 1 \"ab"),
            ("TLSA", "3 1 1 ab\\"),
            ("SVCB", "1 a..b"),
            ("MX", "10 a\nb"),
            ("CNAME", "a b"),
        ] {
            assert!(fields(record_type, target).is_err(), "{record_type} {target:?}");
        }
        assert_eq!(fields("TXT", "a\nb \"; (").unwrap(), r#""a\010b \"; (""#);
        assert_eq!(fields("CNAME", r"a;(b)$\@.org").unwrap(), r"a\;\(b\)\$\@.org.");
    }

    #[test]
    fn types_that_no_zone_has_are_no_records() {
        let token =
            [Token { text: b"\\#", quoted: false, start: 0 }, Token { text: b"0", quoted: false, start: 3 }];
        for record_type in ["ANY", "TKEY", "TSIG", "OPT", "MAILB", "TYPE200"] {
            let error = target(record_type, &token, ".").unwrap_err();
            assert!(error.contains("no zone has"), "{record_type}: {error}");
        }
        assert!(target("TYPE65280", &token, ".").is_ok());
    }

    #[test]
    fn types_that_are_not_a_clients_are_refused() {
        for record_type in ["", "A B", "a", "1A", "SOA", "RRSIG", "ANY", "IN", "A\n", "TYPE1", "ALIAS"] {
            assert!(check_type(record_type).is_err(), "{record_type:?}");
        }
        for record_type in ["A", "TXT", "HTTPS", "TYPE65280", "DNSKEY"] {
            assert_eq!(check_type(record_type), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn any_target_stays_on_its_line_and_is_read_back(
            record_type in "A|CNAME|MX|SRV|NAPTR|CAA|TXT|TLSA|SVCB|URI|SPF",
            target in "\\PC{0,20}|([0-9]{1,3} ){0,3}[\"a\\\\. ;()$@\n]{0,8}",
        ) {
            if let Ok(written) = fields(&record_type, &target) {
                prop_assert!(written.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{written:?}");
                let line = format!("{written} \n");
                let mut entry = Entry::default();
                let mut lexer = Lexer::new(line.as_bytes());
                prop_assert!(lexer.next(&mut entry).unwrap(), "{written:?}");
                prop_assert_eq!(entry.comment, None);
                let back = super::target(&record_type, &entry.tokens, ".").unwrap();
                prop_assert_eq!(fields(&record_type, &back).unwrap(), written.clone());
                prop_assert!(!lexer.next(&mut entry).unwrap(), "{written:?}");
            }
        }
    }
}
