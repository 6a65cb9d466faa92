//! Entries of a master file: what stands on one line, or between parentheses on several (RFC 1035,
//! section 5.1).

use std::ops::Range;

/// One field of an entry. Escapes are kept as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Without the quotes around it.
    pub text: &'a [u8],
    /// Whether it stood in quotes.
    pub quoted: bool,
    /// Where `text` begins in the file.
    pub start: usize,
}

impl<'a> Token<'a> {
    /// The fields that it would be if `=` had no meaning before a quote.
    pub(crate) fn separated(&self) -> Vec<Token<'a>> {
        let (mut fields, mut at) = (Vec::new(), 0);
        while at < self.text.len() && !self.quoted {
            let mut end = at;
            while end < self.text.len() && self.text[end] != b'"' {
                end += if self.text[end] == b'\\' { 2 } else { 1 };
            }
            let end = end.min(self.text.len());
            if end > at {
                fields.push(Token { text: &self.text[at..end], quoted: false, start: self.start + at });
            }
            if end == self.text.len() {
                return fields;
            }
            let begin = end + 1;
            let mut end = begin;
            while end < self.text.len() && self.text[end] != b'"' {
                end += if self.text[end] == b'\\' { 2 } else { 1 };
            }
            let end = end.min(self.text.len());
            fields.push(Token { text: &self.text[begin..end], quoted: true, start: self.start + begin });
            at = end + 1;
        }
        if fields.is_empty() {
            fields.push(*self);
        }
        fields
    }

    /// Where the token stands in the file, with its quotes.
    pub fn range(&self) -> Range<usize> {
        let quote = usize::from(self.quoted);
        self.start - quote..self.start + self.text.len() + quote
    }

    /// Whether it is that word, in any case and without quotes.
    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word.as_bytes())
    }
}

/// What the lexer found last; used again for each entry.
#[derive(Debug, Default)]
pub struct Entry<'a> {
    /// Its fields; never none.
    pub tokens: Vec<Token<'a>>,
    /// The line begins with space: the owner is that of the entry before.
    pub indented: bool,
    /// The first line, counted from 1.
    pub line: u32,
    /// Where that line begins.
    pub start: usize,
    /// The last comment, without the semicolon.
    pub comment: Option<&'a [u8]>,
}

/// Why a file can't be cut into entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LexError {
    /// A string has no end.
    #[error("a quoted string does not end on its line")]
    OpenQuote,
    /// Parentheses have no end.
    #[error("`(` without `)` before the end of the file")]
    OpenParenthesis,
    /// Parentheses have no beginning.
    #[error("`)` without `(`")]
    Parenthesis,
    /// A backslash has nothing to escape.
    #[error("a backslash at the end of a line")]
    Escape,
    /// A byte that no text has.
    #[error("a NUL byte: this is no zone file, or it was cut off")]
    Nul,
}

/// Cuts a file into entries.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl<'a> Lexer<'a> {
    /// Begins at the start of a file.
    pub fn new(bytes: &'a [u8]) -> Self {
        // What some editors put in front.
        let at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { bytes, at, line: 1 }
    }

    /// The line that is read next.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Reads the next entry that has a field; `false` at the end of the file.
    pub fn next(&mut self, entry: &mut Entry<'a>) -> Result<bool, LexError> {
        loop {
            if self.at >= self.bytes.len() {
                return Ok(false);
            }
            self.read(entry)?;
            if !entry.tokens.is_empty() {
                return Ok(true);
            }
        }
    }

    fn read(&mut self, entry: &mut Entry<'a>) -> Result<(), LexError> {
        entry.tokens.clear();
        entry.comment = None;
        (entry.line, entry.start) = (self.line, self.at);
        entry.indented = matches!(self.bytes[self.at], b' ' | b'\t');
        let mut depth = 0_u32;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => {
                    let rest = &self.bytes[self.at + 1..];
                    let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
                    entry.comment = Some(&rest[..length]);
                    self.at += 1 + length;
                }
                b'(' => {
                    depth += 1;
                    self.at += 1;
                }
                b')' => {
                    depth = depth.checked_sub(1).ok_or(LexError::Parenthesis)?;
                    self.at += 1;
                }
                b'"' => {
                    let start = self.at + 1;
                    let end = self.closing_quote(start)?;
                    entry.tokens.push(Token { text: &self.bytes[start..end], quoted: true, start });
                    self.at = end + 1;
                }
                _ => {
                    let start = self.at;
                    self.at = self.end_of_word(start)?;
                    entry.tokens.push(Token { text: &self.bytes[start..self.at], quoted: false, start });
                }
            }
        }
        if depth == 0 { Ok(()) } else { Err(LexError::OpenParenthesis) }
    }

    fn closing_quote(&self, start: usize) -> Result<usize, LexError> {
        let mut at = start;
        loop {
            match self.bytes.get(at) {
                Some(b'"') => return Ok(at),
                Some(b'\\') => at += 2,
                Some(0) => return Err(LexError::Nul),
                Some(b'\n') | None => return Err(LexError::OpenQuote),
                Some(_) => at += 1,
            }
        }
    }

    fn end_of_word(&self, start: usize) -> Result<usize, LexError> {
        let mut at = start;
        loop {
            match self.bytes.get(at) {
                // A value of SVCB: `alpn="h2,h3"` is one field (RFC 9460, appendix A).
                Some(b'"') if at > start && self.bytes[at - 1] == b'=' => {
                    at = self.closing_quote(at + 1)? + 1;
                }
                None | Some(b'"' | b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')') => return Ok(at),
                Some(b'\\') if matches!(self.bytes.get(at + 1), None | Some(b'\n')) => {
                    return Err(LexError::Escape);
                }
                Some(b'\\') => at += 2,
                Some(0) => return Err(LexError::Nul),
                Some(_) => at += 1,
            }
        }
    }
}

/// The bytes that a field stands for; `None` where an escape is broken.
pub fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = text.iter().copied();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let first = bytes.next()?;
        if !first.is_ascii_digit() {
            plain.push(first);
            continue;
        }
        let mut value = u16::from(first - b'0');
        for _ in 0..2 {
            let digit = bytes.next().filter(u8::is_ascii_digit)?;
            value = value * 10 + u16::from(digit - b'0');
        }
        plain.push(u8::try_from(value).ok()?);
    }
    Some(plain)
}

/// Text of a field that may hold any byte: what is not printable ASCII as `\DDD`.
pub fn printable(text: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut printed = String::with_capacity(text.len());
    for &byte in text {
        if matches!(byte, b' '..=b'~') {
            printed.push(byte.into());
        } else {
            // Writing to a string can't fail.
            let _written = write!(printed, "\\{byte:03}");
        }
    }
    printed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(text: &str) -> Result<Vec<(u32, bool, Vec<String>)>, LexError> {
        let (mut lexer, mut entry, mut entries) = (Lexer::new(text.as_bytes()), Entry::default(), Vec::new());
        while lexer.next(&mut entry)? {
            let words = entry.tokens.iter().map(|token| {
                let text = String::from_utf8_lossy(token.text);
                assert_eq!(text.as_bytes(), token.text);
                if token.quoted { format!("<{text}>") } else { text.into_owned() }
            });
            entries.push((entry.line, entry.indented, words.collect()));
        }
        Ok(entries)
    }

    #[test]
    fn entries_are_lines_or_what_parentheses_hold() {
        let text = "\u{feff}; only a comment\n\
                    $ORIGIN example.org. ; why\r\n\
                    @ IN SOA ns1 hostmaster ( 1 ; serial\n 3600 600\n\t86400 ) 60\n\
                    \n\twww(A)192.0.2.1\n\
                    t TXT \"a ; b \\\" ( c\"d \"e\"\"f\" g\\;h\\ i\n\
                    s SVCB 1 . alpn=\"h2,h3\" port=1";
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let soa = ["@", "IN", "SOA", "ns1", "hostmaster", "1", "3600", "600", "86400", "60"];
        assert_eq!(
            entries(text).unwrap(),
            [
                (2, false, words(&["$ORIGIN", "example.org."])),
                (3, false, words(&soa)),
                (7, true, words(&["www", "A", "192.0.2.1"])),
                (8, false, words(&["t", "TXT", "<a ; b \\\" ( c>", "d", "<e>", "<f>", "g\\;h\\ i"])),
                (9, false, words(&["s", "SVCB", "1", ".", "alpn=\"h2,h3\"", "port=1"])),
            ]
        );
    }

    #[test]
    fn quotes_behind_a_sign_are_fields_of_their_own() {
        for (text, fields) in [
            (r#"k="v w""#, &[("k=", false), ("v w", true)][..]),
            (
                r#"a=""b="c\"d"e"#,
                &[("a=", false), ("", true), ("b=", false), (r#"c\"d"#, true), ("e", false)],
            ),
            (r#"\"="x""#, &[(r#"\"="#, false), ("x", true)]),
            ("plain", &[("plain", false)]),
        ] {
            let (mut lexer, mut entry) = (Lexer::new(text.as_bytes()), Entry::default());
            assert!(lexer.next(&mut entry).unwrap());
            let separated: Vec<Token<'_>> = entry.tokens.iter().flat_map(Token::separated).collect();
            let found: Vec<(&[u8], bool)> = separated.iter().map(|it| (it.text, it.quoted)).collect();
            let fields: Vec<(&[u8], bool)> =
                fields.iter().map(|(text, quoted)| (text.as_bytes(), *quoted)).collect();
            assert_eq!(found, fields, "{text}");
            for token in separated {
                assert_eq!(&text.as_bytes()[token.start..][..token.text.len()], token.text);
            }
        }
    }

    #[test]
    fn broken_files_are_told() {
        for (text, error) in [
            ("a TXT \"open\nb", LexError::OpenQuote),
            ("a TXT \"open", LexError::OpenQuote),
            ("a TXT \"open\\", LexError::OpenQuote),
            ("a ( b\nc", LexError::OpenParenthesis),
            ("a ) b", LexError::Parenthesis),
            ("a\\\nb", LexError::Escape),
            ("a\0b", LexError::Nul),
        ] {
            assert_eq!(entries(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn escapes_stand_for_bytes() {
        assert_eq!(unescape(br"a\.b\065\255\\"), Some(b"a.bA\xff\\".to_vec()));
        for broken in [&br"\"[..], br"\25", br"\256", br"\2x5"] {
            assert_eq!(unescape(broken), None);
        }
        assert_eq!(printable(b"a\xc3\n~"), r"a\195\010~");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}|[ab\"\\\\();\n \t=]{0,40}") {
            let mut lexer = Lexer::new(text.as_bytes());
            let mut entry = Entry::default();
            while let Ok(true) = lexer.next(&mut entry) {
                for token in &entry.tokens {
                    let range = token.range();
                    let inside = usize::from(token.quoted);
                    prop_assert_eq!(&text.as_bytes()[range.start + inside..range.end - inside], token.text);
                }
            }
        }
    }
}
