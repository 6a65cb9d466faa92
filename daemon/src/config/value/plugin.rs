//! Which plugin a backend uses, and how it is trusted and run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Invalid, keywords};

/// A plugin as a backend names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginReference {
    /// A name to be looked for in `plugins.path`.
    Name(String),
    /// The file itself.
    File(PathBuf),
    /// A program that speaks the frames of a plugin's process itself; written `exec:/path`.
    Program(PathBuf),
}

/// What stands before the path of a [`PluginReference::Program`].
const EXEC: &str = "exec:";

impl PluginReference {
    /// A file's path with `base` before it where it is relative.
    pub(crate) fn resolved(self, base: &Path) -> Self {
        match self {
            Self::Name(_) => self,
            Self::File(path) => Self::File(crate::config::paths::resolve(base, &path)),
            Self::Program(path) => Self::Program(crate::config::paths::resolve(base, &path)),
        }
    }
}

impl FromStr for PluginReference {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid::new("the name of a plugin such as \"rfc2136\", or a path to its file");
        if text.contains('\0') {
            return Err(expected());
        }
        if let Some(path) = text.strip_prefix(EXEC) {
            let missing = || expected().hint("a program is named by its path: \"exec:/path/to/program\"");
            return if path.contains('/') { Ok(Self::Program(PathBuf::from(path))) } else { Err(missing()) };
        }
        if text.contains('/') {
            return Ok(Self::File(PathBuf::from(text)));
        }
        if text.rsplit_once('.').is_some_and(|(_, extension)| extension == "so") {
            return Err(expected().hint(format!("a path has a slash: write \"./{text}\"")));
        }
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        if !text.is_empty() && text.bytes().all(plain) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err(expected().hint("names have lower-case letters, digits, `_` and `-`; a path has a slash"))
    }
}

impl fmt::Display for PluginReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
            Self::Program(path) => write!(f, "{EXEC}{}", path.display()),
        }
    }
}

/// The SHA-256 digest of a plugin's file, written as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            let found = text.chars().count();
            Invalid::new("a SHA-256 digest of 64 hexadecimal digits")
                .hint(format!("the output of `sha256sum FILE`; this has {found} characters"))
        };
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut digest = [0; 32];
        for (index, byte) in digest.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| invalid())?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

keywords! {
    /// Where a plugin's code runs.
    pub enum Isolation {
        /// In a child process of its own.
        Process = "process",
        /// In the daemon itself.
        Inline = "inline",
    }
}

keywords! {
    /// What makes a plugin's file trusted.
    pub enum Trust {
        /// Only root or the daemon's own account can write it.
        Owner = "owner",
        /// Its digest is the one that the backend names.
        Sha256 = "sha256",
        /// It is signed with `plugins.public_key`.
        Signature = "signature",
    }
}

keywords! {
    /// Where the records of ExternalDNS's TXT registry are kept.
    pub enum Ownership {
        /// In the backend where it can hold TXT records, else in zonemux.
        Auto = "auto",
        /// In the backend.
        Native = "native",
        /// In zonemux.
        Virtual = "virtual",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_makes_it_a_path() {
        assert_eq!("rfc2136".parse(), Ok(PluginReference::Name("rfc2136".to_owned())));
        assert_eq!("./x.so".parse(), Ok(PluginReference::File("./x.so".into())));
        let error = "x.so".parse::<PluginReference>().unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("a path has a slash: write \"./x.so\""));
        for text in ["", "RFC2136", "a b", "a\0/b", ".."] {
            assert!(text.parse::<PluginReference>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn digests_in_either_case() {
        let lower = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let digest: Sha256 = lower.to_uppercase().parse().unwrap();
        assert_eq!(digest.to_string(), lower);
        assert_eq!(digest.as_bytes()[..2], [0xe3, 0xb0]);
        for text in ["", &lower[1..], &format!("{lower}0"), &lower.replace('e', "g"), &"é".repeat(32)] {
            assert!(text.parse::<Sha256>().is_err(), "{text:?}");
        }
    }
}
