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

/// High bits where the word has an octet that no plain name has: a capital letter, a backslash, what is
/// not printed or not ASCII. Which octet has it is told only of words that are ASCII, and not asked.
fn not_plain(word: u64) -> u64 {
    // The high bit of each octet that is at least so much.
    let at_least = |octet: u8| word.wrapping_add(everywhere(0x80 - octet));
    let capital = at_least(b'A') & !at_least(b'Z' + 1);
    (word | !at_least(b'!') | at_least(0x7f) | capital | equal(word, b'\\')) & HIGH
}

/// The high bit of each octet that is this one, in a word that is ASCII.
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
        fn any_text_is_judged_as_in_words(name in "[a-c.]{0,66}|[!-~]{0,20}|\\PC{0,20}") {
            prop_assert_eq!(dots(&name), expected(&name), "{:?}", name);
        }
    }
}
