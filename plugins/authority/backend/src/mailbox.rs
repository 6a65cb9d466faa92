//! The mailbox of who is responsible for a zone, as a name.

use zonemux_plugin::dns::canonical;
use zonemux_rdata::name_to_wire;

/// A mailbox such as `dns.admin@example.org` as a name in wire form, of which the part before the `@` is
/// one label (RFC 1035, section 8); a text without `@` is such a name already.
pub(crate) fn mailbox(text: &str) -> Result<Vec<u8>, String> {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return canonical(text).map(|name| name_to_wire(&name)).map_err(|error| error.to_string());
    };
    let label = local.replace('\\', "\\\\").replace('.', "\\.");
    let name = format!("{label}.{domain}");
    let plain = !local.is_empty() && !domain.is_empty() && local.bytes().all(|byte| byte.is_ascii_graphic());
    let name = canonical(&name).ok().filter(|_| plain);
    name.map(|name| name_to_wire(&name)).ok_or_else(|| format!("`{text}` is no mailbox"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_becomes_a_name() {
        assert_eq!(mailbox("hostmaster@example.org").unwrap(), name_to_wire("hostmaster.example.org"));
        assert_eq!(mailbox("dns.admin@Example.org").unwrap(), b"\x09dns.admin\x07example\x03org\0");
        assert_eq!(mailbox("hostmaster.example.org.").unwrap(), name_to_wire("hostmaster.example.org"));
        for wrong in ["", "@example.org", "a b@example.org", "a@", "a@..", "grüße@example.org"] {
            assert!(mailbox(wrong).is_err(), "{wrong}");
        }
    }
}
