//! Domain names: one spelling for each.

use std::borrow::Cow;
use std::iter;

use super::{label, plain};

/// The most octets that a name may take on the wire (RFC 1035, section 2.3.4).
const MAX_WIRE: usize = 255;

/// The root, which has no other text.
const ROOT: &str = ".";

/// Why a text is not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no text.
    #[error("the name is empty")]
    Empty,
    /// Two dots in a row, or one at the start.
    #[error("label {position} of {name:?} is empty: two dots in a row, or one at the start")]
    EmptyLabel {
        /// The whole name.
        name: String,
        /// Counted from the left, starting with 1.
        position: usize,
    },
    /// A label beyond 63 octets.
    #[error("label {label:?} takes {octets} octets, at most 63 are allowed")]
    LongLabel {
        /// The label as it was written.
        label: String,
        /// Its length on the wire.
        octets: usize,
    },
    /// A name beyond 255 octets.
    #[error("{name:?} takes {octets} octets on the wire, at most 255 are allowed")]
    LongName {
        /// The whole name.
        name: String,
        /// Its length on the wire.
        octets: usize,
    },
    /// A character that stands in no name.
    #[error("label {label:?} contains {character:?}, which is not allowed in a name unless written as \\DDD")]
    Character {
        /// The label as it was written.
        label: String,
        /// The first such character.
        character: char,
    },
    /// A backslash that no `\DDD` up to 255 or single character follows.
    #[error(
        "label {label:?} has a broken escape: a backslash takes three digits up to 255, or one character"
    )]
    Escape {
        /// The label as it was written.
        label: String,
    },
    /// Not a label of an internationalised name (UTS 46).
    #[error("label {label:?} is not valid in an internationalised domain name")]
    Idna {
        /// The label as it was written.
        label: String,
    },
}

/// The one spelling of a name: lower case, A-labels, no trailing dot; the root is `.`.
///
/// Wildcards, underscores and any other printable ASCII are kept. `\DDD` and `\X` stand for one
/// octet of a label, so `a\.b.org` has two labels, as has `a\046b.org`. A name that is canonical
/// already is borrowed.
///
/// ```
/// use zonemux_plugin::dns::canonical;
/// assert_eq!(canonical("WWW.Example.org.")?, "www.example.org");
/// assert_eq!(canonical("*.Bücher.example")?, "*.xn--bcher-kva.example");
/// assert_eq!(canonical(r"a\046b.org")?, r"a\.b.org");
/// assert_eq!(
///     canonical("www..org").unwrap_err().to_string(),
///     r#"label 2 of "www..org" is empty: two dots in a row, or one at the start"#,
/// );
/// # Ok::<(), zonemux_plugin::dns::NameError>(())
/// ```
pub fn canonical(name: &str) -> Result<Cow<'_, str>, NameError> {
    if is_canonical(name) {
        return Ok(Cow::Borrowed(name));
    }
    match name.strip_suffix('.') {
        Some(relative) if is_canonical(relative) => Ok(Cow::Borrowed(relative)),
        _ if name == ROOT => Ok(Cow::Borrowed(name)),
        _ => rewrite(name).map(Cow::Owned),
    }
}

/// Whether a name is plainly in canonical form; says no to those with escapes.
fn is_canonical(name: &str) -> bool {
    // Of fewer than 64 octets, no label can be too long.
    plain::dots(name).is_some() || (name.len() > label::MAX_OCTETS && is_canonical_long(name.as_bytes()))
}

fn is_canonical_long(bytes: &[u8]) -> bool {
    let mut start = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if label::PLAIN[usize::from(byte)] {
            continue;
        }
        if byte != b'.' || !(1..=label::MAX_OCTETS).contains(&(at - start)) {
            return false;
        }
        start = at + 1;
    }
    // The wire form has a length octet before the first label and the root's at the end.
    (1..=label::MAX_OCTETS).contains(&(bytes.len() - start)) && bytes.len() + 2 <= MAX_WIRE
}

fn rewrite(name: &str) -> Result<String, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    let mut canonical = String::with_capacity(name.len());
    let mut octets = 1;
    let mut rest = name;
    let mut position = 0;
    while !rest.is_empty() {
        position += 1;
        let (written, after) = label::split(rest);
        if written.is_empty() {
            return Err(NameError::EmptyLabel { name: name.to_owned(), position });
        }
        if position > 1 {
            canonical.push('.');
        }
        octets += 1 + label::append(written, &mut canonical)?;
        rest = after;
    }
    if octets > MAX_WIRE {
        return Err(NameError::LongName { name: name.to_owned(), octets });
    }
    Ok(canonical)
}

/// Whether a name is a zone's apex or below it. Both canonical.
///
/// ```
/// use zonemux_plugin::dns::is_at_or_below;
/// assert!(is_at_or_below("example.org", "example.org"));
/// assert!(is_at_or_below("www.example.org", "example.org"));
/// assert!(!is_at_or_below("notexample.org", "example.org"));
/// ```
pub fn is_at_or_below(name: &str, zone: &str) -> bool {
    zone == ROOT || name.strip_suffix(zone).is_some_and(|below| below.is_empty() || ends_a_label(below))
}

/// Whether a text ends in a dot that is not part of an escape.
fn ends_a_label(text: &str) -> bool {
    let Some(label) = text.strip_suffix('.') else {
        return false;
    };
    let backslashes = label.bytes().rev().take_while(|&byte| byte == b'\\').count();
    backslashes % 2 == 0
}

/// A canonical name, then each of its ancestors but the root: `a.b.org`, `b.org`, `org`.
///
/// ```
/// let above: Vec<_> = zonemux_plugin::dns::suffixes("a.b.org").collect();
/// assert_eq!(above, ["a.b.org", "b.org", "org"]);
/// ```
pub fn suffixes(name: &str) -> impl Iterator<Item = &str> + Clone {
    let first = (name != ROOT && !name.is_empty()).then_some(name);
    iter::successors(first, |name| {
        let mut from = 0;
        loop {
            let at = from + name.as_bytes()[from..].iter().position(|byte| matches!(byte, b'.' | b'\\'))?;
            if name.as_bytes()[at] == b'.' {
                return Some(&name[at + 1..]).filter(|above| !above.is_empty());
            }
            // Behind the dot of an escape, or its first digit.
            from = (at + 2).min(name.len());
        }
    })
}

/// A canonical name with its A-labels as people read them; what can't be decoded stays.
///
/// Careful with lists of records: `ExternalDNS` names the ownership TXT of `bücher.example`
/// `a-bücher.example`, whose A-label no longer starts with `a-`. A backend that lists A-labels
/// there loses the ownership, so list each name in the form in which it was asked for.
///
/// ```
/// assert_eq!(zonemux_plugin::dns::to_unicode("xn--bcher-kva.example"), "bücher.example");
/// ```
pub fn to_unicode(name: &str) -> Cow<'_, str> {
    if !name.contains("xn--") {
        return Cow::Borrowed(name);
    }
    match idna::domain_to_unicode(name) {
        (unicode, Ok(())) => Cow::Owned(unicode),
        (_, Err(_)) => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_name_has_one_spelling() {
        let pairs = [
            ("example.org", "example.org"),
            ("EXAMPLE.org.", "example.org"),
            (".", "."),
            ("*.Example.org", "*.example.org"),
            ("_443._TCP.example.org", "_443._tcp.example.org"),
            ("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("bücher。example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            // Non-transitional: the sharp s is a letter of its own.
            ("straße.example", "xn--strae-oqa.example"),
            ("a-*.bücher.example", "a-*.xn--bcher-kva.example"),
            (r"a\.b.org", r"a\.b.org"),
            (r"a\046b.org", r"a\.b.org"),
            (r"\065.org", "a.org"),
            (r"a\\.org", r"a\\.org"),
            (r"office\032printer.org", r"office\032printer.org"),
            (r"\*.org", "*.org"),
        ];
        for (written, expected) in pairs {
            let name = canonical(written).unwrap();
            assert_eq!(name, expected, "{written}");
            assert_eq!(canonical(&name).unwrap(), name, "{written}: not stable");
        }
    }

    #[test]
    fn canonical_names_are_borrowed() {
        for name in ["a.example.org", "*.example.org", "xn--bcher-kva.example", "example.org."] {
            assert!(matches!(canonical(name), Ok(Cow::Borrowed(_))), "{name}");
        }
    }

    #[test]
    fn faults_name_the_label() {
        let long = "l".repeat(64);
        let pairs = [
            (String::new(), "the name is empty"),
            (".org".to_owned(), "label 1 of \".org\" is empty"),
            ("a.org..".to_owned(), "label 3 of \"a.org..\" is empty"),
            ("..".to_owned(), "label 1"),
            (format!("{long}.org"), "takes 64 octets"),
            (format!("A.{}.org", "ü".repeat(80)), "octets, at most 63"),
            ("a b.org".to_owned(), "label \"a b\" contains ' '"),
            ("a\tb.org".to_owned(), r"contains '\t'"),
            ("a\u{7f}.org".to_owned(), "contains '\\u{7f}'"),
            ("a\u{a0}b.org".to_owned(), "internationalised"),
            ("a\u{2024}b.org".to_owned(), "internationalised"),
            ("a\u{ff3c}b.org".to_owned(), "internationalised"),
            (r"a\256.org".to_owned(), "broken escape"),
            (r"a\25.org".to_owned(), "broken escape"),
            ("a\\".to_owned(), "broken escape"),
            (r"ü\046.org".to_owned(), "broken escape"),
        ];
        for (name, words) in pairs {
            let error = canonical(&name).expect_err(&name).to_string();
            assert!(error.contains(words), "{name}: {error}");
        }
    }

    #[test]
    fn a_name_takes_255_octets_on_the_wire() {
        let labels = ["l".repeat(63), "l".repeat(63), "l".repeat(63)].join(".");
        for written in [String::new(), "A".to_owned()] {
            let longest = format!("{written}{}.{labels}", "l".repeat(61 - written.len()));
            assert_eq!(canonical(&longest).unwrap().len(), 253);
            let error = canonical(&format!("l{longest}")).unwrap_err().to_string();
            assert!(error.contains("takes 256 octets"), "{error}");
        }
    }

    #[test]
    fn zones_end_at_label_boundaries() {
        for (name, zone, expected) in [
            ("example.org", "example.org", true),
            ("a.b.example.org", "example.org", true),
            ("notexample.org", "example.org", false),
            (r"not\.example.org", "example.org", false),
            (r"not\\.example.org", "example.org", true),
            ("org", "example.org", false),
            ("example.org", ".", true),
            (".", ".", true),
            (".", "org", false),
        ] {
            assert_eq!(is_at_or_below(name, zone), expected, "{name} in {zone}");
        }
    }

    #[test]
    fn what_can_not_be_decoded_stays() {
        assert_eq!(to_unicode("xn--bcher-kva.example"), "bücher.example");
        assert_eq!(to_unicode("xn--999999999.example"), "xn--999999999.example");
        assert_eq!(to_unicode("www.example"), "www.example");
    }

    proptest! {
        #[test]
        fn what_is_canonical_stays_so(name in "[A-Za-zäß*_\\\\0-9.-]{0,40}") {
            if let Ok(once) = canonical(&name) {
                prop_assert_eq!(canonical(&once).unwrap(), once.as_ref());
                prop_assert!(suffixes(&once).all(|above| is_at_or_below(&once, above)));
            }
        }

        #[test]
        fn both_ways_to_see_a_canonical_name_agree(name in "[!-~]{0,8}|[a-c.A \\\\]{0,12}|[ab]{0,70}|\\PC{0,10}") {
            prop_assert_eq!(is_canonical(&name), is_canonical_long(name.as_bytes()), "{:?}", name);
        }

        #[test]
        fn no_text_panics(name in "\\PC{0,30}", zone in "\\PC{0,10}") {
            let _any = canonical(&name);
            let _any = (is_at_or_below(&name, &zone), suffixes(&name).count(), to_unicode(&name).len());
        }
    }
}
