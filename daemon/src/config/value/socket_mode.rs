//! Who may connect to a unix socket.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// The mode of a unix socket's path, written in octal: `"0660"`. Connecting needs the right to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketMode(u32);

impl SocketMode {
    /// The permission bits.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl FromStr for SocketMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        let bits = octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
        bits.filter(|bits| *bits <= 0o777)
            .map(Self)
            .ok_or_else(|| Invalid::new("a file mode in octal digits such as \"0660\", up to \"0777\""))
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_digits_up_to_0777() {
        for (text, bits) in [("0660", 0o660), ("660", 0o660), ("0777", 0o777), ("0000", 0)] {
            let mode: SocketMode = text.parse().unwrap();
            assert_eq!(mode.bits(), bits);
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for text in ["", "0", "66", "0680", "rw-rw----", "1777", "00660", "0o660", "+660", " 660"] {
            let error = text.parse::<SocketMode>().unwrap_err();
            assert!(error.expected.contains("\"0660\""), "{text:?}: {error}");
        }
    }
}
