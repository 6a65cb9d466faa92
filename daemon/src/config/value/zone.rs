//! DNS zones that a backend serves.

use std::fmt;
use std::str::FromStr;

use zonemux_plugin::dns;

use super::Invalid;

/// The apex of a DNS zone in canonical form: lower case, without the trailing dot, internationalised
/// labels as A-labels (`xn--…`).
///
/// Lengths are those of RFC 1035, 2.3.4: labels of 1 to 63 octets, 253 characters in all. Beside
/// letters, digits and hyphens a label may have `_` (service names) and `/` (the zones of RFC 2317).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(String);

impl Zone {
    /// The canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels, the leftmost first; there is at least one.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }
}

impl FromStr for Zone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        canonical(text)
            .map(Self)
            .map_err(|reason| Invalid::new("a domain name such as \"example.org\"").hint(reason))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Zone {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The canonical spelling of a zone's name; or what is wrong with it.
fn canonical(text: &str) -> Result<String, String> {
    if text.is_empty() || text == "." {
        return Err("the root and an empty name can't be a backend's zone".to_owned());
    }
    let name = dns::canonical(text).map_err(|error| error.to_string())?;
    match name.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_/.".contains(*c))) {
        None => Ok(name.into_owned()),
        Some('*') => Err("a zone covers all names below it, a wildcard is not needed".to_owned()),
        Some(wrong) => Err(format!("the character {wrong:?} can't stand in a zone")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(text: &str) -> String {
        text.parse::<Zone>().unwrap().0
    }

    #[test]
    fn spellings_of_one_name_become_one() {
        assert_eq!(zone("example.org"), "example.org");
        assert_eq!(zone("Example.ORG."), "example.org");
        assert_eq!(zone("bücher.example"), "xn--bcher-kva.example");
        assert_eq!(zone("BÜCHER.example."), "xn--bcher-kva.example");
        assert_eq!(zone("XN--BCHER-KVA.example"), "xn--bcher-kva.example");
        assert_eq!(zone("bücher。example"), "xn--bcher-kva.example");
    }

    #[test]
    fn zones_that_are_not_host_names() {
        assert_eq!(zone("2.0.192.in-addr.arpa"), "2.0.192.in-addr.arpa");
        assert_eq!(zone("0/25.2.0.192.in-addr.arpa"), "0/25.2.0.192.in-addr.arpa");
        assert_eq!(zone("_tcp.example.org"), "_tcp.example.org");
        assert_eq!(zone("org"), "org");
        assert_eq!(zone("xn--a.example"), "xn--a.example", "not Punycode, yet a name that DNS can hold");
    }

    #[test]
    fn what_is_not_a_domain_name() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a.org..",
            "*.example.org",
            "a b.org",
            "a\0.org",
            "\"a\".org",
            "a\\.b",
            "http://a.org",
            "a@b",
            "10.0.0.0:53",
            "\u{202e}a.org",
        ] {
            assert!(text.parse::<Zone>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn lengths_of_rfc_1035() {
        let label = "a".repeat(63);
        assert!(label.parse::<Zone>().is_ok());
        assert!("a".repeat(64).parse::<Zone>().is_err());
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert_eq!(longest.len(), 253);
        assert_eq!(zone(&format!("{longest}.")), longest);
        assert!(format!("{longest}a").parse::<Zone>().is_err());
        // Fits as Unicode, but not as an A-label with its prefix.
        assert!("ü".repeat(60).parse::<Zone>().is_err());
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_stable(text in "\\PC{0,40}") {
            if let Ok(zone) = text.parse::<Zone>() {
                prop_assert_eq!(zone.as_str().parse::<Zone>(), Ok(zone.clone()));
                prop_assert!(zone.as_str().is_ascii() && zone.as_str().len() <= 253);
                prop_assert!(zone.labels().all(|label| (1..=63).contains(&label.len())));
            }
        }
    }
}
