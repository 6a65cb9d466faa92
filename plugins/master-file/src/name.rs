//! Names in master files: made absolute when they are read, escaped when they are written.

use std::borrow::Cow;

use zonemux_plugin::dns::canonical;

use crate::lexer::{Token, printable};

/// The [canonical] form of a name as it stands in a file: relative to
/// an origin, which is canonical, unless a dot ends it.
pub fn absolute(token: &Token<'_>, origin: &str) -> Result<String, String> {
    if token.quoted {
        return Err(format!("{:?} is in quotes, where a name is expected", printable(token.text)));
    }
    if token.text == b"@" {
        return Ok(origin.to_owned());
    }
    // The server takes octets beyond ASCII as they are, and does not read them as IDNA.
    let text = match str::from_utf8(token.text) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(printable(token.text)),
    };
    let whole = if text == "." || ends_in_dot(&text) || origin == "." {
        text
    } else {
        Cow::Owned(format!("{text}.{origin}"))
    };
    canonical(&whole).map(Cow::into_owned).map_err(|error| error.to_string())
}

/// The owner of a record, which may stand in quotes; they keep nothing but spaces and signs together.
pub(crate) fn owner(token: &Token<'_>, origin: &str) -> Result<String, String> {
    if !token.quoted {
        return absolute(token, origin);
    }
    let mut escaped = Vec::with_capacity(token.text.len());
    for &byte in token.text {
        match byte {
            b' ' | b'\t' => escaped.extend(format!("\\{byte:03}").into_bytes()),
            _ => escaped.push(byte),
        }
    }
    absolute(&Token { text: &escaped, quoted: false, start: token.start }, origin)
}

/// Whether a name is absolute: its last dot is no part of an escape.
fn ends_in_dot(name: &str) -> bool {
    let Some(before) = name.strip_suffix('.') else {
        return false;
    };
    // `\\.` is a backslash and a dot, `\.` is a dot of a label.
    before.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 0
}

/// Appends a canonical name as an absolute one of a master file.
pub fn write(name: &str, to: &mut String) {
    if name == "." {
        to.push('.');
        return;
    }
    // What has a meaning in a file and none in a name.
    let special = |byte: u8| matches!(byte, b';' | b'(' | b')' | b'"' | b'@' | b'$');
    if name.bytes().any(special) {
        let mut escaped = false;
        for character in name.chars() {
            if !escaped && u8::try_from(character).is_ok_and(special) {
                to.push('\\');
            }
            escaped = !escaped && character == '\\';
            to.push(character);
        }
    } else {
        to.push_str(name);
    }
    to.push('.');
}

/// Octets that sort as the name does in the canonical order of RFC 4034, section 6.1. Of names of one
/// zone, those of a name and what is below it are neighbours.
pub fn sort_key(name: &str, key: &mut Vec<u8>) {
    if name == "." {
        return;
    }
    let mut end = name.len();
    loop {
        let start = label_start(name.as_bytes(), end);
        let mut bytes = name.as_bytes()[start..end].iter();
        while let Some(&byte) = bytes.next() {
            let octet = if byte == b'\\' { escaped(&mut bytes) } else { byte };
            // The lowest octets are written as two, so that 0 ends a label.
            if octet < 2 {
                key.extend([1, octet + 1]);
            } else {
                key.push(octet);
            }
        }
        key.push(0);
        if start == 0 {
            return;
        }
        end = start - 1;
    }
}

/// Where the label begins that ends before `end`.
fn label_start(name: &[u8], end: usize) -> usize {
    let mut at = end;
    while at > 0 {
        if name[at - 1] == b'.' {
            let backslashes = name[..at - 1].iter().rev().take_while(|&&byte| byte == b'\\').count();
            if backslashes % 2 == 0 {
                return at;
            }
        }
        at -= 1;
    }
    0
}

/// The octet of an escape of a canonical name, which is never broken.
fn escaped<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> u8 {
    let mut next = || bytes.next().copied().unwrap_or_default();
    let first = next();
    if !first.is_ascii_digit() {
        return first;
    }
    [next(), next()]
        .iter()
        .fold(first - b'0', |value, digit| value.wrapping_mul(10).wrapping_add(digit.wrapping_sub(b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lexer::{Entry, Lexer};

    fn read(text: &str, origin: &str) -> Result<String, String> {
        let mut entry = Entry::default();
        assert!(Lexer::new(text.as_bytes()).next(&mut entry).unwrap());
        assert_eq!(entry.tokens.len(), 1, "{text:?}");
        absolute(&entry.tokens[0], origin)
    }

    #[test]
    fn names_are_made_absolute() {
        for (written, origin, expected) in [
            ("@", "example.org", "example.org"),
            ("WWW", "example.org", "www.example.org"),
            ("www.", "example.org", "www"),
            (r"a\.", "example.org", r"a\..example.org"),
            (r"a\\.", "example.org", r"a\\"),
            (r"office\ printer", "example.org", r"office\032printer.example.org"),
            (".", "example.org", "."),
            ("org", ".", "org"),
            (r"\@", "example.org", "@.example.org"),
            ("bücher", "example.org", r"b\195\188cher.example.org"),
        ] {
            assert_eq!(read(written, origin).unwrap(), expected, "{written}");
        }
        assert!(read("a..b", "example.org").is_err());
        assert!(read("\"a\"", "example.org").unwrap_err().contains("in quotes"));
    }

    #[test]
    fn names_sort_as_rfc_4034_shows() {
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "z.a.example",
            "zabc.a.example",
            "z.example",
            r"\001.z.example",
            "*.z.example",
            r"\200.z.example",
        ];
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for name in sorted {
            let mut key = Vec::new();
            sort_key(name, &mut key);
            keys.push(key);
        }
        assert!(keys.is_sorted(), "{keys:?}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(name in "([a-c*_@;()$\"]|\\\\[.\\\\\"]|\\\\000|\\\\200){1,6}(\\.[a-c]{1,3}){0,2}") {
            if let Ok(name) = canonical(&name) {
                let mut text = String::new();
                write(&name, &mut text);
                prop_assert_eq!(read(&text, "example.org").unwrap(), name.into_owned());
            }
        }
    }
}
