//! JSON string escaping (RFC 8259, 7).

/// What stands for a byte: 0 for itself, `u` for `\u00XX`, else the letter after the backslash. Bytes
/// above ASCII are parts of UTF-8 sequences, and stand for themselves.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a string in quotes.
pub(crate) fn push_string(buffer: &mut Vec<u8>, text: &str) {
    // Nearly always enough, so that the appends below find room.
    buffer.reserve(text.len() + 2);
    buffer.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_prefix(rest);
        buffer.extend_from_slice(&rest[..plain]);
        let Some((&byte, after)) = rest[plain..].split_first() else { break };
        let escape = ESCAPES[usize::from(byte)];
        buffer.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let digits = [b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]];
            buffer.extend_from_slice(&digits);
        }
        rest = after;
    }
    buffer.push(b'"');
}

/// How many bytes at the start stand for themselves.
fn plain_prefix(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let plain_words = words.iter().take_while(|word| !has_escape(u64::from_ne_bytes(**word))).count();
    let start = plain_words * 8;
    let rest = &bytes[start..];
    start + rest.iter().position(|byte| ESCAPES[usize::from(*byte)] != 0).unwrap_or(rest.len())
}

/// Whether one of eight bytes is a control character, a quote or a backslash. A byte borrows from the
/// next in the subtractions, which may report a plain byte above one that needs an escape, and so
/// never changes the answer.
fn has_escape(word: u64) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let equals = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    below(word, 0x20) | equals(b'"') | equals(b'\\') != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut buffer = Vec::new();
        push_string(&mut buffer, text);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn what_json_forbids_is_escaped() {
        assert_eq!(
            escaped("a\"b\\c\n\u{1}\u{1f}\u{7f}é\u{2028}"),
            "\"a\\\"b\\\\c\\n\\u0001\\u001f\u{7f}é\u{2028}\""
        );
    }

    proptest! {
        #[test]
        fn serde_json_writes_the_same(text in any::<String>()) {
            prop_assert_eq!(escaped(&text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn eight_bytes_are_judged_as_one_by_one(bytes: [u8; 8]) {
            let escape = bytes.iter().any(|byte| ESCAPES[usize::from(*byte)] != 0);
            prop_assert_eq!(has_escape(u64::from_ne_bytes(bytes)), escape);
        }

        #[test]
        fn every_control_character_comes_back(text in "[\\x00-\\x1f\"\\\\/\u{2028}\u{2029}x]{0,40}") {
            prop_assert_eq!(serde_json::from_str::<String>(&escaped(&text)).unwrap(), text);
        }
    }
}
