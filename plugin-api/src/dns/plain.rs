//! The names that nearly all names are, told eight octets at a time: canonical, fewer than 64 octets, no
//! escape. Every name of every batch comes here more than once.

/// An octet in each place of a word.
const fn everywhere(octet: u8) -> u64 {
    u64::from_le_bytes([octet; 8])
}

const HIGH: u64 = everywhere(0x80);
const LOW: u64 = everywhere(0x7f);

/// Where the dots of a plain name stand, by bit, the first octet's lowest; `None` where the name is not
/// [plain](self). No label of a plain name is empty, and every dot ends one.
#[inline]
pub(super) fn dots(name: &str) -> Option<u64> {
    let octets = name.as_bytes();
    let length = octets.len();
    if length > 63 {
        return None;
    }
    let (mut dots, mut wrong) = (0, 0);
    if let Some(last) = octets.last_chunk::<8>() {
        for (index, eight) in octets.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*eight);
            wrong |= not_plain(word);
            dots |= packed(equal(word, b'.')) << (8 * index);
        }
        // What is left over, with some octets that were seen already.
        let word = u64::from_le_bytes(*last);
        wrong |= not_plain(word);
        dots |= packed(equal(word, b'.')) << (length - 8);
    } else {
        let mut eight = [b'a'; 8];
        eight[..length].copy_from_slice(octets);
        let word = u64::from_le_bytes(eight);
        wrong = not_plain(word);
        dots = packed(equal(word, b'.'));
    }
    // A dot at the start, at the end, or behind another.
    let ends = 1 | 1_u64.checked_shl(u32::try_from(length).ok()?.wrapping_sub(1))?;
    (wrong == 0 && dots & ends == 0 && dots & (dots << 1) == 0).then_some(dots)
}

/// Whether a zone is one that [`is_plainly_below`] may be asked about: plain and no shorter than a word.
pub fn is_plain_zone(zone: &str) -> bool {
    zone.len() >= 8 && dots(zone).is_some()
}

/// Whether a name is plain and below a zone, told from their texts alone; for [such zones](is_plain_zone).
/// `false` says nothing.
#[inline]
pub fn is_plainly_below(name: &str, zone: &str) -> bool {
    let octets = name.as_bytes();
    let Some(dot) = octets.len().checked_sub(zone.len() + 1).filter(|_| octets.len() < 64) else {
        return false;
    };
    let Some(last) = octets.last_chunk::<8>() else { return false };
    if octets[dot] != b'.' || !is_same(&octets[dot + 1..], zone.as_bytes()) {
        return false;
    }
    // Up to the dot, and what comes with it. A dot at the start stands behind another, as it were.
    let (mut wrong, mut before, mut rest) = (0, 0x80, octets);
    while rest.len() + dot >= octets.len() {
        let (eight, behind) = rest.split_first_chunk::<8>().unwrap_or((last, &[]));
        let word = u64::from_le_bytes(*eight);
        let dots = equal(word, b'.');
        wrong |= not_plain(word) | dots & (dots << 8 | before);
        // The last eight octets begin among those that were seen.
        before = if behind.len() < 8 { 0 } else { dots >> 56 };
        rest = behind;
    }
    wrong == 0
}

/// Whether two texts of at least eight octets are the same, without a call for so few.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (ones, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    one.len() == other.len()
        && one.last_chunk::<8>() == other.last_chunk::<8>()
        && ones.iter().zip(others).all(|(one, other)| one == other)
}

/// High bits where the word has an octet that no plain name has: a capital letter, a backslash, what is
/// not printed or not ASCII. Which octet has it is told only of words that are ASCII, and not asked.
#[inline]
fn not_plain(word: u64) -> u64 {
    // The high bit of each octet that is at least so much.
    let at_least = |octet: u8| word.wrapping_add(everywhere(0x80 - octet));
    let capital = at_least(b'A') & !at_least(b'Z' + 1);
    (word | !at_least(b'!') | at_least(0x7f) | capital | equal(word, b'\\')) & HIGH
}

/// The high bit of each octet that is this one, in a word that is ASCII.
#[inline]
fn equal(word: u64, octet: u8) -> u64 {
    !(word ^ everywhere(octet)).wrapping_add(LOW) & HIGH
}

/// The high bit of each octet, side by side.
fn packed(high_bits: u64) -> u64 {
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same in words.
    fn expected(name: &str) -> Option<u64> {
        let labels = |name: &str| name.split('.').all(|label| !label.is_empty());
        let plain = |byte: u8| matches!(byte, b'!'..=b'~') && !byte.is_ascii_uppercase() && byte != b'\\';
        let is_plain = name.len() < 64 && name.bytes().all(plain) && labels(name);
        let dots = (0..).zip(name.bytes()).filter(|(_, byte)| *byte == b'.');
        is_plain.then(|| dots.fold(0, |dots, (at, _)| dots | 1 << at))
    }

    #[test]
    fn every_octet_is_judged_in_every_place_before_a_zone() {
        for zone in ["example.org", "test.org"] {
            for length in 0..=63 - zone.len() {
                for place in 0..length {
                    for octet in 0..=127_u8 {
                        for fill in [b'a', b'.'] {
                            let mut name = vec![fill; length];
                            name[place] = octet;
                            if place > 0 && fill == b'.' {
                                name[place - 1] = b'a';
                            }
                            let mut name = String::from_utf8(name).unwrap();
                            name.push_str(zone);
                            let below =
                                name.len() > zone.len() && name[..name.len() - zone.len()].ends_with('.');
                            let expected = below && expected(&name).is_some();
                            assert_eq!(is_plainly_below(&name, zone), expected, "{name:?} {zone:?}");
                        }
                    }
                }
            }
        }
        for other in ["example.org", "org", "a.example.orf", "a.fxample.org", "a.exampme.org", "aexample.org"]
        {
            assert!(!is_plainly_below(other, "example.org"), "{other}");
        }
    }

    #[test]
    fn every_octet_is_judged_in_every_place() {
        for length in 1..=64 {
            for place in 0..length {
                for octet in 0..=127_u8 {
                    let mut name = vec![b'a'; length];
                    name[place] = octet;
                    let name = String::from_utf8(name).unwrap();
                    assert_eq!(dots(&name), expected(&name), "{name:?}");
                }
            }
        }
        assert_eq!(dots(""), None);
    }

    proptest! {
        #[test]
        fn any_text_before_a_zone_is_judged_as_in_words(
            before in "[a-c.]{0,52}|[!-~]{0,20}|\\PC{0,20}",
            zone in "test\\.org|example\\.org|a\\.long\\.zone\\.example\\.org",
        ) {
            let name = format!("{before}.{zone}");
            prop_assert_eq!(is_plainly_below(&name, &zone), expected(&name).is_some(), "{:?}", name);
        }

        #[test]
        fn any_text_is_judged_as_in_words(name in "[a-c.]{0,66}|[!-~]{0,20}|\\PC{0,20}") {
            prop_assert_eq!(dots(&name), expected(&name), "{:?}", name);
        }
    }
}
