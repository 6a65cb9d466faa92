//! Times in master files: seconds, or numbers with units.

/// The most seconds of a TTL (RFC 2181, section 8).
pub const MAX: u32 = i32::MAX.unsigned_abs();

/// Reads seconds such as `3600` or `1h30m` (units w, d, h, m, s as BIND has them).
pub fn read(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let (mut total, mut number) = (0_u32, None::<u32>);
    for &byte in text {
        let unit = match byte {
            b'0'..=b'9' => {
                number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u32::from(byte - b'0'))?);
                continue;
            }
            b'w' | b'W' => 604_800,
            b'd' | b'D' => 86_400,
            b'h' | b'H' => 3600,
            b'm' | b'M' => 60,
            b's' | b'S' => 1,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    // Behind units, a number without one is a mistake.
    match number {
        Some(seconds) if total == 0 => Some(seconds),
        Some(_) => None,
        None => Some(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("3600", Some(3600)),
            ("1h", Some(3600)),
            ("1H30M", Some(5400)),
            ("1w2d3h4m5s", Some(788_645)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("1000000w", None),
            ("", None),
            ("h", None),
            ("1x", None),
            ("1h30", None),
            ("A", None),
            ("-1", None),
        ] {
            assert_eq!(read(text.as_bytes()), seconds, "{text}");
        }
    }
}
