//! Targets: whether one is right for its type, and whether two are the same.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fields::{exactly, number, string};
use super::name::canonical;
use super::txt;

/// The one spelling of a target, by which two are compared: addresses as RFC 5952 writes them, names
/// [canonical](super::canonical), numbers without leading zeros, strings in quotes.
///
/// The types A, AAAA, CNAME, NS, PTR, DNAME, MX, SRV, NAPTR, CAA and TXT are understood. A target of
/// any other type, or one that [is not right](check_target), stays as it is.
///
/// Targets come in this form already, but for those of ownership TXT and of batches that were not
/// adjusted. List them back as they came or in this form, never in a third: `ExternalDNS` sorts before
/// it compares, and another spelling sorts elsewhere.
///
/// ```
/// use zonemux_plugin::dns::canonical_target;
/// assert_eq!(canonical_target("AAAA", "2001:DB8:0::1"), "2001:db8::1");
/// assert_eq!(canonical_target("MX", "10 Mail.example.org."), "10 mail.example.org");
/// ```
pub fn canonical_target<'a>(record_type: &str, target: &'a str) -> Cow<'a, str> {
    if record_type == "A" {
        // Right or wrong, there is one spelling, and no need to read it.
        return Cow::Borrowed(target);
    }
    match read(record_type, target) {
        Ok(Cow::Owned(spelling)) if spelling == target => Cow::Borrowed(target),
        Ok(spelling) => spelling,
        Err(_) => Cow::Borrowed(target),
    }
}

/// Whether a target is right for its type. The reason is for the operator, and follows the target.
///
/// ```
/// use zonemux_plugin::dns::check_target;
/// assert_eq!(check_target("A", "192.0.2.1"), Ok(()));
/// assert_eq!(check_target("A", "www.example.org").unwrap_err(), "expected an IPv4 address such as `192.0.2.1`");
/// ```
pub fn check_target(record_type: &str, target: &str) -> Result<(), String> {
    match record_type {
        "TXT" => txt::check(target).map_err(|error| error.to_string()),
        _ => read(record_type, target).map(drop),
    }
}

/// Whether two targets of a type are the same record.
///
/// ```
/// assert!(zonemux_plugin::dns::same_target("CNAME", "a.example.org", "A.example.org."));
/// ```
pub fn same_target(record_type: &str, left: &str, right: &str) -> bool {
    left == right || canonical_target(record_type, left) == canonical_target(record_type, right)
}

fn read<'a>(record_type: &str, target: &'a str) -> Result<Cow<'a, str>, String> {
    match record_type {
        "A" => match target.parse::<Ipv4Addr>() {
            // Rust reads one spelling only: without leading zeros.
            Ok(_) => Ok(Cow::Borrowed(target)),
            Err(_) => Err("expected an IPv4 address such as `192.0.2.1`".to_owned()),
        },
        "AAAA" => match target.parse::<Ipv6Addr>() {
            Ok(address) => Ok(Cow::Owned(address.to_string())),
            Err(_) => Err("expected an IPv6 address such as `2001:db8::1`".to_owned()),
        },
        "CNAME" | "NS" | "PTR" | "DNAME" => name(target),
        "MX" => mx(target).map(Cow::Owned),
        "SRV" => srv(target).map(Cow::Owned),
        "NAPTR" => naptr(target).map(Cow::Owned),
        "CAA" => caa(target).map(Cow::Owned),
        "TXT" if txt::is_plainly_quoted(target) => Ok(Cow::Borrowed(target)),
        "TXT" => match txt::strings(target) {
            Ok(strings) => Ok(Cow::Owned(txt::quote(strings))),
            Err(error) => Err(error.to_string()),
        },
        _ => Ok(Cow::Borrowed(target)),
    }
}

fn name(target: &str) -> Result<Cow<'_, str>, String> {
    // Both read as names, but no name ends in a number: an address was meant.
    if target.parse::<IpAddr>().is_ok() {
        return Err("expected a name such as `www.example.org`, got an address".to_owned());
    }
    canonical(target).map_err(|error| error.to_string())
}

/// A name among other fields, where a quote at its start would begin a string.
fn field_name(target: &str) -> Result<Cow<'_, str>, String> {
    let name = name(target)?;
    Ok(if name.starts_with('"') { Cow::Owned(format!("\\{name}")) } else { name })
}

fn mx(target: &str) -> Result<String, String> {
    let [preference, exchange] = exactly(target, "PREFERENCE EXCHANGE")?;
    Ok(format!("{} {}", number(preference, "the preference", u16::MAX)?, field_name(exchange)?))
}

fn srv(target: &str) -> Result<String, String> {
    let [priority, weight, port, host] = exactly(target, "PRIORITY WEIGHT PORT TARGET")?;
    Ok(format!(
        "{} {} {} {}",
        number(priority, "the priority", u16::MAX)?,
        number(weight, "the weight", u16::MAX)?,
        number(port, "the port", u16::MAX)?,
        field_name(host)?,
    ))
}

/// RFC 3403, section 4.1.
fn naptr(target: &str) -> Result<String, String> {
    let [order, preference, flags, services, regexp, replacement] =
        exactly(target, "ORDER PREFERENCE \"FLAGS\" \"SERVICES\" \"REGEXP\" REPLACEMENT")?;
    Ok(format!(
        "{} {} {} {} {} {}",
        number(order, "the order", u16::MAX)?,
        number(preference, "the preference", u16::MAX)?,
        string(flags, "the flags")?,
        string(services, "the services")?,
        string(regexp, "the regular expression")?,
        field_name(replacement)?,
    ))
}

/// RFC 8659, section 4.
fn caa(target: &str) -> Result<String, String> {
    let [flags, tag, value] = exactly(target, "FLAGS TAG \"VALUE\"")?;
    if tag.is_empty() || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("the tag consists of letters and digits, got {tag:?}"));
    }
    let value = txt::strings(value).map_err(|error| format!("the value: {error}"))?.concat();
    let flags = number(flags, "the flags", u8::MAX)?;
    Ok(format!("{flags} {} {}", tag.to_ascii_lowercase(), txt::quote([value])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn right_targets_have_one_spelling() {
        for (record_type, target, spelling) in [
            ("A", "192.0.2.1", "192.0.2.1"),
            ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
            ("AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("CNAME", "WWW.example.org.", "www.example.org"),
            ("NS", "ns1.Bücher.example", "ns1.xn--bcher-kva.example"),
            ("PTR", "_svc._tcp.example.org", "_svc._tcp.example.org"),
            ("MX", "010  MAIL.example.org.", "10 mail.example.org"),
            ("MX", "0 .", "0 ."),
            ("MX", r#"0 \".example.org"#, r#"0 \".example.org"#),
            ("SRV", "1 2 443 Host.example.org.", "1 2 443 host.example.org"),
            ("SRV", "0 0 0 .", "0 0 0 ."),
            (
                "NAPTR",
                r#"100 10 u "E2U+sip" "!^.*$!sip:i@example.org!" ."#,
                r#"100 10 "u" "E2U+sip" "!^.*$!sip:i@example.org!" ."#,
            ),
            ("NAPTR", r#"1 2 "s" "" "a \" b" Next.org."#, r#"1 2 "s" "" "a \" b" next.org"#),
            ("CAA", "0 Issue letsencrypt.org", r#"0 issue "letsencrypt.org""#),
            ("TXT", "v=spf1 -all", r#""v=spf1 -all""#),
            ("SSHFP", "1 1 ABC", "1 1 ABC"),
        ] {
            assert_eq!(check_target(record_type, target), Ok(()), "{record_type} {target}");
            assert_eq!(canonical_target(record_type, target), spelling);
            assert_eq!(canonical_target(record_type, spelling), spelling);
            assert!(same_target(record_type, target, spelling));
        }
    }

    #[test]
    fn wrong_targets_say_what_is_expected() {
        for (record_type, target, words) in [
            ("A", "2001:db8::1", "IPv4 address"),
            ("A", "192.0.2.01", "IPv4 address"),
            ("A", "", "IPv4 address"),
            ("AAAA", "192.0.2.1", "IPv6 address"),
            ("AAAA", "fe80::1%eth0", "IPv6 address"),
            ("CNAME", "192.0.2.1", "got an address"),
            ("CNAME", "a..org", "label 2"),
            ("CNAME", "", "the name is empty"),
            ("NS", "a b.org", "' '"),
            ("MX", "mail.example.org", "expected `PREFERENCE EXCHANGE`, found 1 fields"),
            ("MX", "70000 mail.example.org", "from 0 to 65535, got \"70000\""),
            ("MX", "+5 mail.example.org", "must be a number"),
            ("MX", "10 192.0.2.1", "got an address"),
            ("SRV", "1 2 example.org", "found 3 fields"),
            ("SRV", "1 2 -3 example.org", "the port must be"),
            ("NAPTR", r#"1 2 "s" "" ."#, "expected `ORDER"),
            ("NAPTR", r#"1 2 "s" "" "x ."#, "a quote is missing"),
            ("CAA", "256 issue \"x\"", "from 0 to 255"),
            ("CAA", "0 is-sue \"x\"", "letters and digits"),
            ("TXT", "\"open", "a quote is missing"),
        ] {
            let reason = check_target(record_type, target).expect_err(target);
            assert!(reason.contains(words), "{record_type} {target}: {reason}");
            assert_eq!(canonical_target(record_type, target), target);
        }
    }

    proptest! {
        #[test]
        fn no_target_panics_and_spellings_are_stable(
            record_type in "A|AAAA|CNAME|MX|SRV|NAPTR|CAA|TXT",
            target in "\\PC{0,20}|([0-9]{1,3} ){0,5}[\"a\\\\. ]{0,8}",
        ) {
            let spelling = canonical_target(&record_type, &target);
            prop_assert_eq!(canonical_target(&record_type, &spelling), spelling.clone());
            prop_assert_eq!(check_target(&record_type, &spelling), check_target(&record_type, &target));
        }
    }
}
