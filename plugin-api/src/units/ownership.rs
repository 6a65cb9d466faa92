//! Which record an ownership TXT of `ExternalDNS`'s registry belongs to.
//!
//! The registry (`registry/txt`, `registry/mapper`) labels such a TXT with the *name* of its record,
//! and writes the record's *type* into the TXT's own name: `a-www`, `x-a.www`, `www-cname`, as the
//! operator's prefix or suffix has it. We don't know that template, so the type is searched for.

use crate::dns::{canonical, suffixes, to_unicode};
use crate::endpoint::EndpointView;
use crate::endpoints::EndpointRef;

/// The label with which the registry names the record that a TXT owns.
const OWNED_RECORD: &str = "ownedRecord";

/// How the text of an ownership record begins, without quotes.
pub const HERITAGE: &[u8] = b"heritage=external-dns";

/// The types that the registry writes into a name, as it writes them.
const TYPES: [(&str, &str); 10] = [
    ("a", "A"),
    ("aaaa", "AAAA"),
    ("cname", "CNAME"),
    ("ns", "NS"),
    ("mx", "MX"),
    ("ptr", "PTR"),
    ("srv", "SRV"),
    ("naptr", "NAPTR"),
    ("txt", "TXT"),
    ("dname", "DNAME"),
];

/// Whether a record is an ownership TXT of `ExternalDNS`'s registry: by its label `ownedRecord`,
/// which a client sends, or by its text, which is all that a list has.
///
/// ```
/// use zonemux_plugin::{Endpoint, is_ownership_txt};
/// assert!(is_ownership_txt(&Endpoint::new("a-www.example.org", "TXT", ["\"heritage=external-dns,…\""])));
/// assert!(!is_ownership_txt(&Endpoint::new("www.example.org", "TXT", ["v=spf1 -all"])));
/// ```
#[inline]
pub fn is_ownership_txt(endpoint: &impl EndpointView) -> bool {
    endpoint.record_type() == "TXT"
        && (endpoint.targets().any(is_heritage) || endpoint.labels().any(|(key, _)| key == OWNED_RECORD))
}

/// Which record an ownership TXT may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The record's name, canonical.
    pub name: String,
    /// Its type, where the TXT's name says it.
    pub record_type: Option<&'static str>,
    /// Whether the client itself named the record; else its name is a guess.
    pub labelled: bool,
}

/// Which records an ownership TXT may belong to, the likeliest first.
pub fn owned_records(txt: &impl EndpointView) -> Vec<Owned> {
    let spelling = |name: &str| canonical(name).map_or_else(|_| name.to_owned(), Into::into);
    let txt_name = spelling(txt.dns_name());
    let Some((_, label)) = txt.labels().find(|(key, _)| *key == OWNED_RECORD) else {
        let guesses = guesses(&txt_name).into_iter();
        return guesses.map(|(name, record_type)| Owned { name, record_type, labelled: false }).collect();
    };
    let name = spelling(label);
    let (txt_text, owned_text) = (to_unicode(&txt_name), to_unicode(&name));
    let owned = |record_type| Owned { name: name.clone(), record_type, labelled: true };
    let mut owned_records: Vec<Owned> =
        types(&txt_text, &owned_text).map(|record_type| owned(Some(record_type))).collect();
    if owned_records.is_empty() {
        owned_records.push(owned(None));
    }
    owned_records
}

#[inline]
fn is_heritage(target: &str) -> bool {
    // Of octets, since each TXT of each list comes here.
    let mut text = target.as_bytes();
    while let Some(behind) = text.strip_prefix(b"\"") {
        text = behind;
    }
    text.starts_with(HERITAGE)
}

/// The name of the record that an ownership TXT was labelled with.
pub(super) fn label(endpoint: EndpointRef<'_>) -> Option<&str> {
    endpoint.label(OWNED_RECORD)
}

/// The types that the name of an ownership TXT may speak of, the likeliest first: next to the
/// record's own first label, before it rather than behind it. Both names in Unicode, since the
/// A-label of `a-bücher` contains neither `a` nor the A-label of `bücher`.
pub(super) fn types<'a>(txt: &'a str, owned: &str) -> impl Iterator<Item = &'static str> + use<'a> {
    let (before, after) = affixes(txt, owned);
    words(before).rev().chain(words(after)).filter_map(record_type)
}

/// What an ownership TXT's name has more than its record's, before and behind the first label.
fn affixes<'a>(txt: &'a str, owned: &str) -> (&'a str, &'a str) {
    // Nearly always a prefix.
    if let Some(before) = txt.strip_suffix(owned).filter(|before| !before.ends_with(char::is_alphanumeric)) {
        return (before, "");
    }
    let above = suffixes(owned).nth(1).unwrap_or_default();
    let label = owned.strip_suffix(above).unwrap_or(owned).trim_end_matches('.');
    let affixed = txt.strip_suffix(above).unwrap_or(txt);
    // A wildcard may have been replaced by another word.
    around(affixed, label).unwrap_or((affixed, ""))
}

/// What an ownership TXT without label may belong to, the likeliest first: the record's name, and
/// its type where the TXT's name says it.
pub(super) fn guesses(txt: &str) -> Vec<(String, Option<&'static str>)> {
    let above = suffixes(txt).nth(1).unwrap_or_default();
    let label = txt.strip_suffix(above).unwrap_or(txt).trim_end_matches('.');
    let join = |label: &str| {
        if above.is_empty() { label.to_owned() } else { format!("{label}.{above}") }
    };
    let mut guesses = Vec::new();
    for (at, _) in label.match_indices('-') {
        let (left, right) = (&label[..at], &label[at + 1..]);
        if let Some(record_type) = left.rsplit('-').next().and_then(record_type) {
            guesses.push((join(right), Some(record_type)));
        }
        if let Some(record_type) = record_type(right) {
            guesses.push((join(left), Some(record_type)));
        }
    }
    if !above.is_empty() {
        guesses.extend(
            words(label).filter_map(record_type).map(|record_type| (above.to_owned(), Some(record_type))),
        );
    }
    // Before 0.12 the TXT had the record's own name.
    guesses.push((txt.to_owned(), None));
    guesses
}

fn words(affix: &str) -> impl DoubleEndedIterator<Item = &str> {
    affix.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn record_type(word: &str) -> Option<&'static str> {
    TYPES.iter().find(|(written, _)| *written == word).map(|&(_, record_type)| record_type)
}

/// What stands before and behind the last occurrence of a label that is not part of a longer word.
fn around<'a>(text: &'a str, label: &str) -> Option<(&'a str, &'a str)> {
    if label.is_empty() {
        return None;
    }
    text.rmatch_indices(label).map(|(at, _)| (&text[..at], &text[at + label.len()..])).find(
        |(before, after)| {
            !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_found_wherever_the_template_puts_it() {
        for (txt, owned, expected) in [
            ("a-www.example.org", "www.example.org", &["A"][..]),
            ("x-cname.www.example.org", "www.example.org", &["CNAME"]),
            ("x-a.example.org", "example.org", &["A"]),
            ("www-cname.example.org", "www.example.org", &["CNAME"]),
            ("txt-a-www.example.org", "www.example.org", &["A", "TXT"]),
            ("a-www-txt.example.org", "www.example.org", &["A", "TXT"]),
            ("txt.mx-www.example.org", "www.example.org", &["MX", "TXT"]),
            ("a-example.foo.bar.com", "example.com", &["A"]),
            ("a-a.example.org", "a.example.org", &["A"]),
            ("aaaa-my-a-svc.example.org", "my-a-svc.example.org", &["AAAA"]),
            ("x-a.*.wild.example.org", "*.wild.example.org", &["A"]),
            ("x-a.any.wild.example.org", "*.wild.example.org", &["A"]),
            ("srv-_sip._tcp.example.org", "_sip._tcp.example.org", &["SRV"]),
            ("a-bücher.example", "bücher.example", &["A"]),
            ("www.example.org", "www.example.org", &[]),
            ("owner.www.example.org", "www.example.org", &[]),
            ("a-org", "org", &["A"]),
        ] {
            assert_eq!(types(txt, owned).collect::<Vec<_>>(), expected, "{txt} owning {owned}");
        }
    }

    #[test]
    fn without_a_label_the_name_is_guessed() {
        let names = |txt| guesses(txt).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("a-www.example.org"), ["www.example.org", "example.org", "a-www.example.org"]);
        assert_eq!(names("www-cname.example.org")[0], "www.example.org");
        assert_eq!(names("x-mx.www.example.org")[1], "www.example.org");
        assert_eq!(names("www.example.org"), ["www.example.org"]);
        assert_eq!(guesses("a-www.example.org")[0].1, Some("A"));
    }

    #[test]
    fn the_records_that_a_txt_may_own_come_likeliest_first() {
        use crate::Endpoint;
        let owned = |txt: &Endpoint| {
            let owned = owned_records(txt).into_iter();
            owned.map(|owned| (owned.name, owned.record_type, owned.labelled)).collect::<Vec<_>>()
        };
        let mut txt = Endpoint::new("TXT-a-bücher.example", "TXT", ["\"heritage=external-dns\""]);
        txt.labels.insert("ownedRecord".into(), "Bücher.example".into());
        let name = "xn--bcher-kva.example".to_owned();
        assert_eq!(owned(&txt), [(name.clone(), Some("A"), true), (name.clone(), Some("TXT"), true)]);
        txt.dns_name = "owner.bücher.example".into();
        assert_eq!(owned(&txt), [(name, None, true)]);
        txt.labels.clear();
        txt.dns_name = "cname-www.example".into();
        assert_eq!(owned(&txt)[0], ("www.example".to_owned(), Some("CNAME"), false));
        assert_eq!(*owned(&txt).last().unwrap(), ("cname-www.example".to_owned(), None, false));
    }

    #[test]
    fn ownership_is_told_by_text_where_there_is_no_label() {
        use crate::Endpoint;
        let txt = |target: &str| Endpoint::new("a-www.example.org", "TXT", [target]);
        assert!(is_ownership_txt(&txt("\"heritage=external-dns,external-dns/owner=me\"")));
        assert!(is_ownership_txt(&txt("heritage=external-dns")));
        assert!(!is_ownership_txt(&txt("about heritage=external-dns")));
        let mut encrypted = txt("\"kPq0eXAmPlE=\"");
        assert!(!is_ownership_txt(&encrypted));
        encrypted.labels.insert("ownedRecord".into(), "www.example.org".into());
        assert!(is_ownership_txt(&encrypted));
        encrypted.record_type = "A".into();
        assert!(!is_ownership_txt(&encrypted));
    }
}
