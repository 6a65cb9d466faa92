//! Lines of JSON with a checksum, readable with `less`:
//!
//! ```text
//! 5f1c9d2e {"table":1}
//! 08b7a3c4 {"put":{"www.example.org A":{…}},"remove":["old.example.org A"]}
//! ```
//!
//! Before each stands the CRC-32 of its JSON, which has no raw line break: a line ends where it seems
//! to, and one that is damaged hides no other.

use std::io::Write as _;

/// The length of a checksum and the space after it.
const PREFIX: usize = 9;

/// A line as it was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// The JSON of a line that is as it was written. `ended`: with its line break.
    Whole { json: &'a [u8], ended: bool },
    /// The end, whose writing did not come to its end.
    Torn,
    /// It is not what was written.
    Damaged,
}

/// Appends a line to a buffer; `json` writes its JSON.
pub(crate) fn push<E>(
    buffer: &mut Vec<u8>,
    json: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = buffer.len();
    buffer.extend_from_slice(b"00000000 ");
    json(buffer)?;
    let checksum = crc32fast::hash(&buffer[start + PREFIX..]);
    let mut prefix = &mut buffer[start..start + PREFIX];
    // The prefix is exactly as long as the number.
    let _fits = write!(prefix, "{checksum:08x}");
    buffer.push(b'\n');
    Ok(())
}

/// The lines of a text.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    text.split_inclusive(|byte| *byte == b'\n').map(|line| match line.strip_suffix(b"\n") {
        Some(line) => checked(line).map_or(Line::Damaged, |json| Line::Whole { json, ended: true }),
        // Only the last one can lack its line break. Where all the rest is there, nothing is lost.
        None => checked(line).map_or(Line::Torn, |json| Line::Whole { json, ended: false }),
    })
}

/// The JSON of the first line, and all that follows it; `None` where the line is damaged or torn.
pub(crate) fn first(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = content.iter().position(|byte| *byte == b'\n')?;
    Some((checked(&content[..end])?, &content[end + 1..]))
}

fn checked(line: &[u8]) -> Option<&[u8]> {
    let (prefix, json) = line.split_at_checked(PREFIX)?;
    let digits = std::str::from_utf8(prefix.strip_suffix(b" ")?).ok()?;
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let checksum = u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(lower))?;
    (checksum == crc32fast::hash(json)).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> Vec<u8> {
        let mut buffer = Vec::new();
        push(&mut buffer, |buffer| buffer.write_all(json.as_bytes())).unwrap();
        buffer
    }

    #[test]
    fn a_line_is_text() {
        assert_eq!(String::from_utf8(line("{\"table\":1}")).unwrap(), "b5c1e25a {\"table\":1}\n");
    }

    #[test]
    fn a_changed_byte_is_noticed_and_hides_no_other_line() {
        let whole = line("{\"put\":{\"a\":1}}");
        for place in 0..whole.len() - 1 {
            let mut log = whole.clone();
            log[place] ^= 1;
            log.extend_from_slice(&whole);
            let found: Vec<_> = lines(&log).collect();
            assert_eq!(found.last(), Some(&Line::Whole { json: b"{\"put\":{\"a\":1}}", ended: true }));
            assert!(found[..found.len() - 1].iter().all(|line| *line == Line::Damaged), "{place}: {found:?}");
        }
    }

    #[test]
    fn a_line_that_breaks_off_is_torn_unless_all_of_it_is_there() {
        let whole = line("{\"a\":1}");
        for end in 1..whole.len() - 1 {
            assert_eq!(lines(&whole[..end]).collect::<Vec<_>>(), [Line::Torn]);
        }
        let without_break = &whole[..whole.len() - 1];
        let expected = Line::Whole { json: b"{\"a\":1}".as_slice(), ended: false };
        assert_eq!(lines(without_break).collect::<Vec<_>>(), [expected]);
    }
}
