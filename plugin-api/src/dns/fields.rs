//! The parts of a target in presentation form.

use std::fmt::Display;
use std::str::FromStr;

use super::txt;

/// Splits at spaces, keeping quoted strings in one piece (without unescaping them).
pub(super) fn split(target: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let mut rest = target.trim_ascii();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(inside) => closing_quote(inside).ok_or_else(|| txt::TxtError::OpenQuote.to_string())? + 2,
            None => rest.find(|character: char| character.is_ascii_whitespace()).unwrap_or(rest.len()),
        };
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after.trim_ascii_start();
    }
    Ok(parts)
}

fn closing_quote(inside: &str) -> Option<usize> {
    let mut bytes = inside.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at),
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

/// Splits into exactly so many parts; `form` shows what a right target looks like.
pub(super) fn exactly<'a, const N: usize>(target: &'a str, form: &str) -> Result<[&'a str; N], String> {
    let parts = split(target)?;
    let found = parts.len();
    <[&str; N]>::try_from(parts).map_err(|_| format!("expected `{form}`, found {found} fields"))
}

/// A number within its type's range.
pub(super) fn number<T: FromStr + Display + Copy>(text: &str, what: &str, max: T) -> Result<T, String> {
    // `+5` parses as a number, and is none in a zone file.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { text.parse().ok() } else { None };
    parsed.ok_or_else(|| format!("{what} must be a number from 0 to {max}, got {text:?}"))
}

/// One character string, in quotes or without, written in quotes.
pub(super) fn string(text: &str, what: &str) -> Result<String, String> {
    let strings = txt::strings(text).map_err(|error| format!("{what}: {error}"))?;
    if strings.len() == 1 { Ok(txt::quote(strings)) } else { Err(format!("{what} takes at most 255 bytes")) }
}
