//! Names in messages, with the pointers that compress them (RFC 1035, section 4.1.4).

/// Appends the name at a position, uncompressed and in lower case, and says where the message goes on.
/// `None` where there is no name.
pub(crate) fn expand(message: &[u8], at: usize, to: &mut Vec<u8>) -> Option<usize> {
    let start = to.len();
    let (mut at, mut next) = (at, None);
    loop {
        match *message.get(at)? {
            0 => {
                to.push(0);
                return (to.len() - start <= 255).then(|| next.unwrap_or(at + 1));
            }
            length @ 1..=63 => {
                let end = at + 1 + usize::from(length);
                to.extend(message.get(at..end)?.iter().map(u8::to_ascii_lowercase));
                // Lengths are below `A`, so lower case leaves them alone.
                if to.len() - start > 254 {
                    return None;
                }
                at = end;
            }
            high if high >= 0xc0 => {
                let low = *message.get(at + 1)?;
                let target = usize::from(high & 0x3f) << 8 | usize::from(low);
                // Backwards only, so that there is an end.
                if target >= at {
                    return None;
                }
                next = next.or(Some(at + 2));
                at = target;
            }
            _ => return None,
        }
    }
}

/// Where a message goes on behind a name.
pub(crate) fn skip(message: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            high if high >= 0xc0 => return (at + 1 < message.len()).then_some(at + 2),
            _ => return None,
        }
    }
}

/// Whether an uncompressed name is at or below another, both in lower case.
pub(crate) fn is_below(name: &[u8], zone: &[u8]) -> bool {
    let mut rest = name;
    loop {
        if rest.len() <= zone.len() {
            return rest == zone;
        }
        match rest.split_first() {
            Some((&length, after)) if length > 0 && after.len() > usize::from(length) => {
                rest = &after[usize::from(length)..];
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_followed_backwards_only() {
        let message = b"\x03ORG\0\x07Example\xc0\x00\x01a\xc0\x05\xc0\x13\xc0\x40";
        let mut name = Vec::new();
        assert_eq!(expand(message, 15, &mut name), Some(19));
        assert_eq!(name, b"\x01a\x07example\x03org\0");
        assert_eq!(skip(message, 15), Some(19));
        for wrong in [19, 21, 40] {
            assert_eq!(expand(message, wrong, &mut Vec::new()), None, "{wrong}");
        }
        assert_eq!(expand(b"\x03ab", 0, &mut Vec::new()), None);
        assert_eq!(expand(b"\x40", 0, &mut Vec::new()), None);
        let long = [[63_u8].as_slice(), &[b'a'; 63]].concat().repeat(4);
        assert_eq!(expand(&[long.as_slice(), &[0]].concat(), 0, &mut Vec::new()), None, "257 octets");
    }

    #[test]
    fn names_are_below_on_label_boundaries() {
        let zone = b"\x07example\x03org\0";
        assert!(is_below(zone, zone));
        assert!(is_below(b"\x03www\x07example\x03org\0", zone));
        assert!(!is_below(b"\x0anotexample\x03org\0", zone));
        assert!(!is_below(b"\x03org\0", zone));
        assert!(is_below(zone, b"\0"));
    }
}
