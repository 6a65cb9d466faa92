//! BIND's `$GENERATE`: one line for each number of a range.

use std::fmt::Write as _;

use crate::lexer::{Token, printable};

/// The most lines of one directive: a /16 has as many addresses.
const MAX_LINES: u64 = 1 << 16;

/// A directive that was read.
#[derive(Debug)]
pub(crate) struct Generate {
    start: u64,
    stop: u64,
    step: u64,
    owner: String,
    /// TTL, class and type.
    middle: String,
    data: String,
}

impl Generate {
    /// Reads `RANGE LHS [TTL] [CLASS] TYPE RHS`.
    pub(crate) fn read(fields: &[Token<'_>]) -> Result<Self, String> {
        let form = || "expected `$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA`".to_owned();
        let [range, owner, middle @ .., data] = fields else {
            return Err(form());
        };
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse::<u64>().ok().filter(|&number| number <= 0x7fff_ffff) } else { None }
        };
        let range = printable(range.text);
        let (range, every) = range.split_once('/').unwrap_or((&range, "1"));
        let numbers = range.split_once('-').and_then(|(start, stop)| number(start).zip(number(stop)));
        let Some(((start, stop), every)) = numbers.zip(number(every)) else {
            return Err(form());
        };
        if every == 0 || stop < start {
            return Err("the range of `$GENERATE` is empty or has no end".to_owned());
        }
        if (stop - start) / every >= MAX_LINES {
            return Err(format!("`$GENERATE` makes more than {MAX_LINES} records"));
        }
        // The data is one field, in quotes where it has spaces; so the type is the one before it.
        let Some((_, before)) = middle.split_last() else {
            return Err(form());
        };
        let is_ttl_or_class = |field: &Token<'_>| {
            field.is("IN") || field.is("CLASS1") || field.text.first().is_some_and(u8::is_ascii_digit)
        };
        if before.len() > 2 || !before.iter().all(is_ttl_or_class) {
            return Err(format!("{}; data of several fields stands in quotes", form()));
        }
        let middle = middle.iter().map(|field| printable(field.text)).collect::<Vec<_>>().join(" ");
        Ok(Self {
            start,
            stop,
            step: every,
            owner: printable(owner.text),
            middle,
            data: printable(data.text),
        })
    }

    /// The lines, or why one can't be made.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Result<String, String>> {
        let step = usize::try_from(self.step).unwrap_or(usize::MAX);
        (self.start..=self.stop).step_by(step).map(|number| {
            let (owner, data) = (fill(&self.owner, number)?, fill(&self.data, number)?);
            Ok(format!("{owner} {} {data}", self.middle))
        })
    }
}

/// Puts a number in the place of `$` and `${OFFSET[,WIDTH[,BASE]]}`.
fn fill(template: &str, number: u64) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len() + 8);
    let mut rest = template;
    while let Some(at) = rest.find(['$', '\\']) {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(behind) = rest.strip_prefix("\\$").or_else(|| rest.strip_prefix("$$")) {
            filled.push('$');
            rest = behind;
        } else if rest.starts_with('\\') {
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
            filled.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(inside) = rest.strip_prefix("${") {
            let Some((modifier, behind)) = inside.split_once('}') else {
                return Err("`${` without `}`".to_owned());
            };
            modified(modifier, number, &mut filled)
                .ok_or_else(|| format!("`${{{modifier}}}` is not `${{OFFSET,WIDTH,BASE}}`"))?;
            rest = behind;
        } else {
            // Writing to a string can't fail.
            let _written = write!(filled, "{number}");
            rest = &rest[1..];
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn modified(modifier: &str, number: u64, to: &mut String) -> Option<()> {
    let mut parts = modifier.split(',');
    let offset: i64 = parts.next()?.parse().ok()?;
    let width: usize = parts.next().map_or(Some(0), |width| width.parse().ok())?;
    let base = parts.next().unwrap_or("d");
    if parts.next().is_some() || width > 255 {
        return None;
    }
    let value = i64::from(i32::try_from(i64::try_from(number).ok()?.checked_add(offset)?).ok()?);
    if base == "d" {
        // The width counts the sign.
        return write!(to, "{value:0width$}").ok();
    }
    // Other bases have no sign: it is the number's 32 bits that are written.
    let value = u64::from(u32::try_from(value & 0xffff_ffff).ok()?);
    let written = match base {
        "o" => write!(to, "{value:0width$o}"),
        "x" => write!(to, "{value:0width$x}"),
        "X" => write!(to, "{value:0width$X}"),
        "n" | "N" => {
            nibbles(value, width, base == "N", to);
            Ok(())
        }
        _ => return None,
    };
    written.ok()
}

/// Hexadecimal digits from the lowest on, apart by dots; the width counts digits and dots.
fn nibbles(mut value: u64, width: usize, upper: bool, to: &mut String) {
    let mut written = 0;
    loop {
        let digit = char::from_digit((value & 15) as u32, 16).unwrap_or('0');
        to.push(if upper { digit.to_ascii_uppercase() } else { digit });
        written += 1;
        value >>= 4;
        if value == 0 && written >= width {
            return;
        }
        to.push('.');
        written += 1;
        if value == 0 && written >= width {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexer::{Entry, Lexer};

    fn lines(text: &str) -> Result<Vec<String>, String> {
        let mut entry = Entry::default();
        assert!(Lexer::new(text.as_bytes()).next(&mut entry).unwrap());
        Generate::read(&entry.tokens[1..])?.lines().collect()
    }

    #[test]
    fn numbers_are_filled_in() {
        for (text, expected) in [
            ("$GENERATE 1-2 host-$ A 192.0.2.$", &["host-1 A 192.0.2.1", "host-2 A 192.0.2.2"][..]),
            (
                "$GENERATE 0-4/4 h${-0,3} 60 IN A 10.0.0.${9}",
                &["h000 60 IN A 10.0.0.9", "h004 60 IN A 10.0.0.13"],
            ),
            ("$GENERATE 10-10 a${0,4,x} MX \"${5,0,o} m$\"", &["a000a MX 17 m10"]),
            ("$GENERATE 171-171 ${0,0,X}$$\\$\\. TXT x", &["AB$$\\. TXT x"]),
            ("$GENERATE 18-18 ${0,7,n} PTR a", &["2.1.0.0 PTR a"]),
            ("$GENERATE 1-2 a${-5} A b${-1,3}", &["a-4 A b000", "a-3 A b001"]),
            ("$GENERATE 1-1 a${-5,3} A ${-5,0,x}", &["a-04 A fffffffc"]),
            ("$GENERATE 1-1 ${-5,3,n} PTR ${-5,12,o}", &["c.f.f.f.f.f.f.f PTR 037777777774"]),
        ] {
            assert_eq!(lines(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_is_told() {
        for (text, words) in [
            ("$GENERATE 1-2 a A", "expected"),
            ("$GENERATE 1 a A x", "expected"),
            ("$GENERATE 2-1 a A x", "empty"),
            ("$GENERATE 1-2/0 a A x", "empty"),
            ("$GENERATE 0-99999999 a A x", "more than 65536"),
            ("$GENERATE 1-2 a${ A x", "without"),
            ("$GENERATE 1-2 a${x} A x", "is not"),
            ("$GENERATE 1-2 a${2147483647} A x", "is not"),
            ("$GENERATE 1-2 a MX 10 mail$", "in quotes"),
            ("$GENERATE 1-2 a${0,0,q} A x", "is not"),
        ] {
            let reason = lines(text).expect_err(text);
            assert!(reason.contains(words), "{text}: {reason}");
        }
    }
}
