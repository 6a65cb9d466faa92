//! Domain names between their canonical text and the wire.

use std::fmt::Write as _;

/// The root on the wire.
const ROOT: &[u8] = &[0];

/// Appends the wire form of a name in the form of [`zonemux_plugin::dns::canonical`]. Any other text is
/// to be made canonical first.
pub fn write_name(canonical: &str, to: &mut Vec<u8>) {
    if canonical == "." {
        to.extend_from_slice(ROOT);
        return;
    }
    let mut start = to.len();
    to.push(0);
    let mut bytes = canonical.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'.' => {
                start = to.len();
                to.push(0);
                continue;
            }
            b'\\' => {
                let first = bytes.next().unwrap_or_default();
                if first.is_ascii_digit() {
                    let mut digit = || bytes.next().unwrap_or_default().wrapping_sub(b'0');
                    let (second, third) = (digit(), digit());
                    let hundreds = (first - b'0').wrapping_mul(100);
                    to.push(hundreds.wrapping_add(second.wrapping_mul(10)).wrapping_add(third));
                } else {
                    to.push(first);
                }
            }
            byte => to.push(byte),
        }
        to[start] += 1;
    }
    to.push(0);
}

/// The wire form of a canonical name.
pub fn name_to_wire(canonical: &str) -> Vec<u8> {
    let mut wire = Vec::with_capacity(canonical.len() + 2);
    write_name(canonical, &mut wire);
    wire
}

/// The length of the uncompressed name that a wire text starts with, its root label included; `None`
/// where none does.
pub fn name_length(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *wire.get(at)? {
            0 => return (at < 255).then_some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

/// Appends the canonical text of an uncompressed name: lower case, no trailing dot, the root as `.`,
/// and what does not stand for itself as `\DDD`. It must be whole, as [`name_length`] says.
pub fn write_name_text(wire: &[u8], to: &mut String) {
    if wire.first().is_none_or(|&length| length == 0) {
        to.push('.');
        return;
    }
    let mut rest = wire;
    let mut first = true;
    while let Some((&length, after)) = rest.split_first() {
        let Some((label, after)) = after.split_at_checked(usize::from(length)) else { return };
        if length == 0 {
            return;
        }
        if !std::mem::take(&mut first) {
            to.push('.');
        }
        for &octet in label {
            match octet {
                b'.' | b'\\' => to.extend(['\\', octet.into()]),
                octet if octet.is_ascii_graphic() => to.push(octet.to_ascii_lowercase().into()),
                octet => {
                    // Writing to a string can't fail.
                    let _written = write!(to, "\\{octet:03}");
                }
            }
        }
        rest = after;
    }
}

/// The canonical text of an uncompressed name.
///
/// ```
/// assert_eq!(zonemux_rdata::name_to_text(b"\x03a.b\x03ORG\0"), r"a\.b.org");
/// ```
pub fn name_to_text(wire: &[u8]) -> String {
    let mut text = String::with_capacity(wire.len());
    write_name_text(wire, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zonemux_plugin::dns::canonical;

    use super::*;

    #[test]
    fn names_are_written_label_by_label() {
        assert_eq!(name_to_wire("www.example.org"), b"\x03www\x07example\x03org\0");
        assert_eq!(name_to_wire("."), b"\0");
        assert_eq!(name_to_wire(r"a\.b\\\000\255.org"), b"\x06a.b\\\x00\xff\x03org\0");
        assert_eq!(name_to_text(b"\0"), ".");
    }

    #[test]
    fn lengths_are_told() {
        assert_eq!(name_length(b"\x03www\0and more"), Some(5));
        assert_eq!(name_length(b"\0"), Some(1));
        assert_eq!(name_length(b"\x03ww"), None);
        assert_eq!(name_length(b"\xc0\x0c"), None);
        assert_eq!(name_length(b""), None);
        assert_eq!(name_length(&[[1, b'a'].repeat(127), vec![0]].concat()), Some(255));
        assert_eq!(name_length(&[[1, b'a'].repeat(126), vec![2, b'a', b'b', 0]].concat()), None);
    }

    proptest! {
        #[test]
        fn text_and_wire_mean_the_same(
            labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..=63), 0..4)
        ) {
            let mut wire = Vec::new();
            for label in &labels {
                wire.push(u8::try_from(label.len()).unwrap());
                wire.extend(label.iter().map(u8::to_ascii_lowercase));
            }
            wire.push(0);
            prop_assert_eq!(name_length(&wire), Some(wire.len()).filter(|&length| length <= 255));
            let text = name_to_text(&wire);
            prop_assert_eq!(name_to_wire(&text), wire.clone());
            if wire.len() <= 255 {
                prop_assert_eq!(&*canonical(&text).unwrap(), &text, "it has its one spelling");
            }
        }
    }
}
