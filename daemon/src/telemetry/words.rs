//! Words of others, which are kept and shown up to a length.

/// The beginning of a text: no more than so many bytes of it, and no half of a character.
pub fn beginning(words: &str, most: usize) -> &str {
    let end = (0..=most.min(words.len())).rev().find(|&end| words.is_char_boundary(end));
    &words[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_between_two_characters() {
        assert_eq!(beginning("short", 5), "short");
        assert_eq!(beginning("longer", 5), "longe");
        // Two bytes, three, four.
        assert_eq!(beginning("aü", 2), "a");
        assert_eq!(beginning("a€", 3), "a");
        assert_eq!(beginning("a🦀b", 5), "a🦀");
        assert_eq!(beginning("🦀", 3), "");
        assert_eq!(beginning("", 0), "");
    }
}
