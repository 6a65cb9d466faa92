//! TXT: the character strings behind a target, and back.
//!
//! `ExternalDNS` sends both forms: a user's text without quotes (`v=spf1 include:example.org -all`
//! is one string, not three), its registry's in quotes. On the wire a TXT is a list of strings of
//! at most 255 bytes (RFC 1035, section 3.3.14).

use std::fmt::Write as _;

use super::label::unescape;

/// The most bytes of one character string.
pub const MAX_STRING: usize = 255;

/// Why a target can't be read as TXT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TxtError {
    /// A quote was opened and never closed.
    #[error("a quoted string does not end: a quote is missing")]
    OpenQuote,
    /// A backslash that nothing meaningful follows.
    #[error("a broken escape: a backslash takes three digits up to 255, or one character")]
    Escape,
    /// The strings take more than a record's 65,535 bytes.
    #[error("the text takes {octets} bytes, at most 65535 fit into a record")]
    TooLong {
        /// What it would take on the wire.
        octets: usize,
    },
}

/// The character strings of a target, each of at most 255 bytes; a longer one is cut into several.
///
/// A target that starts with a quote is read as in a zone file: strings in quotes or without, apart
/// by spaces. Any other is one string as it stands. In both `\"`, `\\`, `\DDD` and `\X` stand for
/// one byte.
///
/// ```
/// use zonemux_plugin::dns::txt;
/// assert_eq!(txt::strings("v=spf1 -all")?, [b"v=spf1 -all"]);
/// assert_eq!(txt::strings(r#""a" "b\"c""#)?, [b"a".as_slice(), b"b\"c"]);
/// assert_eq!(txt::strings(&"x".repeat(300))?.len(), 2);
/// # Ok::<(), txt::TxtError>(())
/// ```
pub fn strings(target: &str) -> Result<Vec<Vec<u8>>, TxtError> {
    let parsed = parse(target)?;
    let mut strings = Vec::with_capacity(parsed.len());
    for string in parsed {
        if string.len() <= MAX_STRING {
            strings.push(string);
        } else {
            strings.extend(string.chunks(MAX_STRING).map(<[u8]>::to_vec));
        }
    }
    let octets = strings.iter().map(|string| 1 + string.len()).sum();
    if octets > usize::from(u16::MAX) {
        return Err(TxtError::TooLong { octets });
    }
    Ok(strings)
}

/// Whether a target can be read as TXT; costs less than reading it.
pub fn check(target: &str) -> Result<(), TxtError> {
    // The registry's form: one pair of quotes and no escapes. Longer texts are counted exactly.
    let inside = target.strip_prefix('"').map_or(Some(target), |rest| rest.strip_suffix('"'));
    let plain = |byte| !matches!(byte, b'"' | b'\\');
    let simple = |inside: &str| inside.len() <= MAX_STRING && inside.bytes().all(plain);
    if inside.is_some_and(simple) { Ok(()) } else { strings(target).map(drop) }
}

/// Whether a target is one string as [`quote`] writes it, without escapes: the registry's form, told
/// without reading it byte by byte into another.
pub(super) fn is_plainly_quoted(target: &str) -> bool {
    let inside = target.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    inside.is_some_and(|inside| inside.len() <= MAX_STRING && inside.bytes().all(plain))
}

/// Writes character strings in quotes, as zone files and most servers take them.
///
/// ```
/// assert_eq!(zonemux_plugin::dns::txt::quote(["a;b", "c\"d"]), r#""a;b" "c\"d""#);
/// ```
pub fn quote<S: AsRef<[u8]>>(strings: impl IntoIterator<Item = S>) -> String {
    let mut target = String::new();
    for string in strings {
        if !target.is_empty() {
            target.push(' ');
        }
        target.push('"');
        for &byte in string.as_ref() {
            match byte {
                b'"' | b'\\' => target.extend(['\\', byte.into()]),
                b' '..=b'~' => target.push(byte.into()),
                _ => {
                    // Writing to a string can't fail.
                    let _written = write!(target, "\\{byte:03}");
                }
            }
        }
        target.push('"');
    }
    target
}

/// Whether two targets are the same record: same bytes, cut at the same places.
///
/// ```
/// use zonemux_plugin::dns::txt::same;
/// assert!(same("heritage=external-dns", "\"heritage=external-dns\""));
/// assert!(!same(r#""ab""#, r#""a" "b""#));
/// ```
pub fn same(left: &str, right: &str) -> bool {
    left == right || matches!((strings(left), strings(right)), (Ok(left), Ok(right)) if left == right)
}

fn parse(target: &str) -> Result<Vec<Vec<u8>>, TxtError> {
    let trimmed = target.trim_ascii();
    if !trimmed.starts_with('"') {
        return Ok(vec![one(target)?]);
    }
    let mut bytes = trimmed.bytes().peekable();
    let mut strings = Vec::new();
    while let Some(&first) = bytes.peek() {
        if first.is_ascii_whitespace() {
            bytes.next();
            continue;
        }
        let mut string = Vec::new();
        let quoted = bytes.next_if_eq(&b'"').is_some();
        loop {
            let ends = |byte: u8| byte == b'"' || (!quoted && byte.is_ascii_whitespace());
            match bytes.next_if(|&byte| !ends(byte)) {
                Some(b'\\') => string.push(unescape(&mut bytes).ok_or(TxtError::Escape)?),
                Some(byte) => string.push(byte),
                None if quoted && bytes.next().is_none() => return Err(TxtError::OpenQuote),
                None => break,
            }
        }
        strings.push(string);
    }
    Ok(strings)
}

/// A text without quotes around it.
fn one(text: &str) -> Result<Vec<u8>, TxtError> {
    let mut string = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        string.push(if byte == b'\\' { unescape(&mut bytes).ok_or(TxtError::Escape)? } else { byte });
    }
    Ok(string)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(target: &str) -> Vec<String> {
        let strings = strings(target).expect(target);
        strings.into_iter().map(|string| String::from_utf8_lossy(&string).into_owned()).collect()
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read("v=spf1 include:example.org -all"), ["v=spf1 include:example.org -all"]);
        assert_eq!(
            read(r#""heritage=external-dns,external-dns/owner=me""#),
            ["heritage=external-dns,external-dns/owner=me"]
        );
        assert_eq!(read(r#""a" "b"  "c d""#), ["a", "b", "c d"]);
        assert_eq!(read(r#""a""b""#), ["a", "b"]);
        assert_eq!(read(r#" "a" b"#), ["a", "b"]);
        assert_eq!(read(r#"say "hi""#), [r#"say "hi""#]);
        assert_eq!(read(r"v=DKIM1\; k=rsa"), ["v=DKIM1; k=rsa"]);
        assert_eq!(read(r#""a\"b\\c\065""#), [r#"a"b\cA"#]);
        assert_eq!(read(""), [""]);
        assert_eq!(read(r#""""#), [""]);
        assert_eq!(read("grüße"), ["grüße"]);
    }

    #[test]
    fn faults_are_told() {
        assert_eq!(strings(r#""a"#), Err(TxtError::OpenQuote));
        assert_eq!(strings(r#""a" ""#), Err(TxtError::OpenQuote));
        assert_eq!(strings(r#""a\"#), Err(TxtError::Escape));
        assert_eq!(strings(r"a\300"), Err(TxtError::Escape));
        assert_eq!(strings(&"x".repeat(65_535)), Err(TxtError::TooLong { octets: 65_535 + 257 }));
    }

    #[test]
    fn a_long_string_is_cut_as_a_server_would_store_it() {
        let long = "x".repeat(600);
        let lengths: Vec<_> = strings(&long).unwrap().iter().map(Vec::len).collect();
        assert_eq!(lengths, [255, 255, 90]);
        assert!(same(&long, &quote(strings(&long).unwrap())));
        assert_eq!(strings(&"x".repeat(255)).unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(
            strings in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=255), 1..4)
        ) {
            let target = quote(&strings);
            prop_assert!(target.is_ascii());
            prop_assert_eq!(super::strings(&target), Ok(strings));
        }

        #[test]
        fn no_text_panics(target in "\\PC{0,20}|[\"\\\\ 0-9a]{0,12}", other in "[\"a ]{0,4}") {
            prop_assert_eq!(check(&target), strings(&target).map(drop));
            prop_assert!(!is_plainly_quoted(&target) || quote(strings(&target).unwrap()) == target);
            let _any = same(&target, &other);
        }
    }
}
