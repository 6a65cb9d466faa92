//! Names that the operator gives: of backends and of views.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// They become metric labels, file names and parts of environment variables, so they are short, and
/// have no two underscores in a row (which separate the levels in `ZONEMUX__BACKENDS__LAN__TIMEOUT`).
const EXPECTED: &str = "a name of 1 to 63 lower-case letters, digits, `-` and single `_`, \
                        with a letter or digit at both ends";

fn valid(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|&byte| plain(byte) || matches!(byte, b'-' | b'_'))
        && bytes.first().copied().is_some_and(plain)
        && bytes.last().copied().is_some_and(plain)
        && !text.contains("__")
}

macro_rules! name {
    ($(#[$outer:meta])* $name:ident) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                if valid(text) {
                    return Ok(Self(text.to_owned()));
                }
                let lower = text.to_lowercase();
                let invalid = Invalid::new(EXPECTED);
                Err(if valid(&lower) { invalid.hint(format!("write `{lower}`")) } else { invalid })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name of a backend: the `lan` of `[backends.lan]`.
    BackendName
}

name! {
    /// The name of a view: the `internal` of `[views.internal]`.
    ViewName
}

impl ViewName {
    /// The one view of a configuration without `[views]`.
    pub(crate) const DEFAULT: &str = "default";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_labels_files_and_variables() {
        for text in ["lan", "a", "lan-internal", "lan_2", "0", &"x".repeat(63)] {
            assert_eq!(text.parse::<BackendName>().unwrap().as_str(), text);
        }
        for text in ["", "-lan", "lan-", "_lan", "a__b", "a.b", "a/b", "ä", "a b", &"x".repeat(64)] {
            assert!(text.parse::<BackendName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_upper_case_name_is_told_its_lower_case_form() {
        assert_eq!("LAN".parse::<ViewName>().unwrap_err().hint.as_deref(), Some("write `lan`"));
        assert_eq!("LAN!".parse::<ViewName>().unwrap_err().hint, None);
    }
}
