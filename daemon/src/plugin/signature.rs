//! Signatures of plugin files: `FILE.minisig` beside the file, as `minisign -Sm FILE` writes it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use minisign_verify::{Error, Signature};

use super::error::{PluginError, Refusal};
use super::image;
use crate::config::{KeyId, PublicKeys};

/// A signature has four lines, two of which are comments of a few hundred bytes.
const LARGEST: u64 = 16 << 10;

/// A signature that was read.
pub(super) struct Read {
    key: KeyId,
    signature: Signature,
}

/// Who signed a file, and the signed comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub key: KeyId,
    /// What the signer wrote; by default the time and the file's name. In one line.
    pub comment: String,
}

/// What is wrong with a file's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureFault {
    /// There is none.
    Missing(PathBuf),
    /// It can't be read.
    Unreadable(PathBuf, String),
    /// It is no signature of minisign's.
    Damaged(PathBuf),
    /// It covers the bytes themselves and not their hash, as old versions of minisign made it.
    Legacy(KeyId),
    /// It was made by a key that the configuration does not have.
    OtherKey {
        /// The key that it names.
        found: KeyId,
        /// Those of the configuration.
        expected: Vec<KeyId>,
    },
    /// It is not the key's signature of these bytes and of the comment in it.
    Wrong(KeyId),
    /// The configuration's keys are not known here.
    KeyNotKnown,
}

impl SignatureFault {
    /// What to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) => {
                "`minisign -Sm FILE` signs a file; install the signature beside it, as `FILE.minisig`"
            }
            Self::Unreadable(..) => "it must be a file that the account of zonemux can read",
            Self::Damaged(_) => "copy the signature once more, or sign the file again: `minisign -Sm FILE`",
            Self::Legacy(_) => "sign the file again, without `-l`: `minisign -Sm FILE`",
            Self::OtherKey { .. } => {
                "if whoever has that key is to be trusted, add a line with it to `plugins.public_key`"
            }
            Self::Wrong(_) => {
                "the file or its signature was changed since it was signed, or is from another version: install both together from where they were made"
            }
            Self::KeyNotKnown => {
                "run it where the daemon runs, or name the key's file in `plugins.public_key`"
            }
        }
    }
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "not signed: there is no `{}`", path.display()),
            Self::Unreadable(path, why) => {
                write!(f, "its signature `{}` can't be read: {why}", path.display())
            }
            Self::Damaged(path) => write!(f, "its signature `{}` is damaged", path.display()),
            Self::Legacy(key) => write!(f, "its signature by key {key} is of minisign's old form"),
            Self::OtherKey { found, expected } => {
                write!(f, "signed by key {found}, and `plugins.public_key` has ")?;
                for (index, key) in expected.iter().enumerate() {
                    write!(f, "{}{key}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Wrong(key) => write!(f, "its signature by key {key} does not fit it"),
            Self::KeyNotKnown => f.write_str("not verified: `plugins.public_key` is not known here"),
        }
    }
}

/// Where the signature of a file is.
pub fn signature_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".minisig");
    name.into()
}

/// Reads the signature beside a file.
pub(super) fn read(path: &Path) -> Result<Read, SignatureFault> {
    let path = signature_of(path);
    let damaged = |path: &Path| SignatureFault::Damaged(path.to_owned());
    let bytes = image::read_small(&path, LARGEST).map_err(|error| match error.reason {
        Refusal::NotFound { .. } => SignatureFault::Missing(path.clone()),
        Refusal::Unreadable(why) | Refusal::NotAnObject(why) => SignatureFault::Unreadable(path.clone(), why),
        _ => damaged(&path),
    })?;
    let text = String::from_utf8(bytes).map_err(|_| damaged(&path))?;
    let signature = Signature::decode(&text).map_err(|_| damaged(&path))?;
    let key = text.lines().nth(1).and_then(KeyId::of_line).ok_or_else(|| damaged(&path))?;
    Ok(Read { key, signature })
}

impl Read {
    /// Who says to have signed: worth nothing before it is [verified](Self::verify).
    pub(super) fn claimed(&self) -> Signed {
        // The comment goes to a terminal, whatever is in it: the default has a tab between time and name.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        Signed { key: self.key, comment: self.signature.trusted_comment().chars().map(plain).collect() }
    }

    /// Who signed these bytes, if one of the keys did.
    pub(super) fn verify(&self, bytes: &[u8], keys: &PublicKeys) -> Result<Signed, SignatureFault> {
        let found = self.key;
        let mut fault = SignatureFault::OtherKey { found, expected: keys.ids().collect() };
        for key in keys.named(found) {
            fault = match key.verify(bytes, &self.signature, false) {
                Ok(()) => return Ok(self.claimed()),
                Err(Error::UnexpectedAlgorithm | Error::UnsupportedLegacyMode) => {
                    SignatureFault::Legacy(found)
                }
                Err(_) => SignatureFault::Wrong(found),
            };
        }
        Err(fault)
    }
}

/// Who signed a file of these bytes.
pub(super) fn verify(path: &Path, bytes: &[u8], keys: &PublicKeys) -> Result<Signed, PluginError> {
    let signed = read(path).and_then(|signature| signature.verify(bytes, keys));
    signed.map_err(|fault| PluginError::new(path, Refusal::Signature(fault)))
}
