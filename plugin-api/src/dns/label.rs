//! Single labels of a name: where they end, and how they are written.

use std::fmt::Write as _;

use idna::AsciiDenyList;

use super::name::NameError;

/// The most octets of a label (RFC 1035, section 2.3.4).
pub(super) const MAX_OCTETS: usize = 63;

/// The dots of an internationalised name (UTS 46, section 2.3).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Whether an octet stands for itself in a canonical label.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'A'..=b'Z' | b'.' | b'\\')
}

/// [`is_plain`] by octet: a look-up for each octet of each name is half the cost of comparing.
pub(super) const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        plain[byte as usize] = is_plain(byte);
        byte += 1;
    }
    plain
};

/// The first label as it is written, and what follows its dot. An escaped dot is part of the label.
pub(super) fn split(name: &str) -> (&str, &str) {
    let mut characters = name.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            // Digits of `\DDD` are no dots, so one character is enough.
            characters.next();
        } else if DOTS.contains(&character) {
            return (&name[..at], &name[at + character.len_utf8()..]);
        }
    }
    (name, "")
}

/// Appends a label in canonical form, and says how many octets it has.
pub(super) fn append(written: &str, to: &mut String) -> Result<usize, NameError> {
    let octets = if !written.is_ascii() {
        international(written, to)?
    } else if written.contains('\\') {
        escaped(written, to)?
    } else {
        plain(written, to)?
    };
    if octets > MAX_OCTETS {
        return Err(NameError::LongLabel { label: written.to_owned(), octets });
    }
    Ok(octets)
}

fn plain(written: &str, to: &mut String) -> Result<usize, NameError> {
    for character in written.chars() {
        if !character.is_ascii_graphic() {
            return Err(NameError::Character { label: written.to_owned(), character });
        }
        to.push(character.to_ascii_lowercase());
    }
    Ok(written.len())
}

fn international(written: &str, to: &mut String) -> Result<usize, NameError> {
    let fault = || NameError::Idna { label: written.to_owned() };
    if written.contains('\\') {
        return Err(NameError::Escape { label: written.to_owned() });
    }
    let ascii = idna::domain_to_ascii_cow(written.as_bytes(), AsciiDenyList::EMPTY).map_err(|_| fault())?;
    // Some characters are mapped to dots, spaces or backslashes.
    if ascii.is_empty() || !ascii.bytes().all(is_plain) {
        return Err(fault());
    }
    to.push_str(&ascii);
    Ok(ascii.len())
}

fn escaped(written: &str, to: &mut String) -> Result<usize, NameError> {
    let fault = || NameError::Escape { label: written.to_owned() };
    let mut bytes = written.bytes();
    let mut octets = 0;
    while let Some(byte) = bytes.next() {
        let octet = if byte == b'\\' {
            unescape(&mut bytes).ok_or_else(fault)?
        } else if byte.is_ascii_graphic() {
            byte
        } else {
            return Err(NameError::Character { label: written.to_owned(), character: byte.into() });
        };
        write_octet(octet.to_ascii_lowercase(), to);
        octets += 1;
    }
    Ok(octets)
}

/// Reads what stands behind a backslash: three digits up to 255, or any other character.
pub(super) fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let digits = [first, bytes.next()?, bytes.next()?];
    digits.iter().try_fold(0_u8, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn write_octet(octet: u8, to: &mut String) {
    match octet {
        b'.' | b'\\' => to.extend(['\\', octet.into()]),
        octet if octet.is_ascii_graphic() => to.push(octet.into()),
        octet => {
            // Writing to a string can't fail.
            let _written = write!(to, "\\{octet:03}");
        }
    }
}
