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
pub(super) fn push_string(buffer: &mut Vec<u8>, text: &str) {
    buffer.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(*byte)];
        if escape == 0 {
            continue;
        }
        buffer.extend_from_slice(&bytes[written..index]);
        buffer.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            let digits = [b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]];
            buffer.extend_from_slice(&digits);
        }
        written = index + 1;
    }
    buffer.extend_from_slice(&bytes[written..]);
    buffer.push(b'"');
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
        fn every_control_character_comes_back(text in "[\\x00-\\x1f\"\\\\/\u{2028}\u{2029}x]{0,40}") {
            prop_assert_eq!(serde_json::from_str::<String>(&escaped(&text)).unwrap(), text);
        }
    }
}
