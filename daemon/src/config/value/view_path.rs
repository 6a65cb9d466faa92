//! The path prefix of a view.

use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// Where a view answers: `/`, or segments of unreserved characters (RFC 3986, 2.3) such as
/// `/internal`, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewPath(String);

/// The last segments of the protocol's own paths; a view may not have them as segments.
const RESERVED: [&str; 3] = ["records", "adjustendpoints", "healthz"];

impl ViewPath {
    /// `/`, or the prefix without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ViewPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid::new("a path such as \"/\" or \"/internal\"");
        let Some(relative) = text.strip_prefix('/') else {
            return Err(expected().hint(format!("begin with a slash: \"/{text}\"")));
        };
        if relative.is_empty() {
            return Ok(Self(text.to_owned()));
        }
        let trimmed = text.trim_end_matches('/');
        if trimmed.len() < text.len() {
            let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
            return Err(expected().hint(format!("write \"{trimmed}\", without the slash at the end")));
        }
        for segment in relative.split('/') {
            let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            if matches!(segment, "" | "." | "..") || !segment.bytes().all(unreserved) {
                return Err(expected().hint("segments have letters, digits, `-`, `.`, `_` and `~`"));
            }
            if RESERVED.contains(&segment) {
                return Err(Invalid::new("a path that leaves the protocol's own paths free")
                    .hint(format!("`/{segment}` is a path of the webhook protocol, choose another word")));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ViewPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        for text in ["/", "/internal", "/a/b-c_d.e~f", "/recordsets", "/Records"] {
            assert_eq!(text.parse::<ViewPath>().unwrap().as_str(), text);
        }
        for text in
            ["", "internal", "//", "/internal/", "/a//b", "/./a", "/..", "/a b", "/a%20b", "/ä", "/a?b"]
        {
            assert!(text.parse::<ViewPath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn protocol_paths_stay_free() {
        for text in ["/records", "/adjustendpoints", "/healthz", "/records/a", "/a/records"] {
            assert!(
                text.parse::<ViewPath>().unwrap_err().hint.unwrap().contains("webhook protocol"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn hints_give_the_right_spelling() {
        let hint = |text: &str| text.parse::<ViewPath>().unwrap_err().hint.unwrap();
        assert_eq!(hint("internal"), "begin with a slash: \"/internal\"");
        assert_eq!(hint("/internal//"), "write \"/internal\", without the slash at the end");
        assert_eq!(hint("//"), "write \"/\", without the slash at the end");
    }
}
