//! Algorithms of signatures (RFC 8945, section 6).

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 6] =
        [Self::Md5, Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// As servers write it in their configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "hmac-md5",
            Self::Sha1 => "hmac-sha1",
            Self::Sha224 => "hmac-sha224",
            Self::Sha256 => "hmac-sha256",
            Self::Sha384 => "hmac-sha384",
            Self::Sha512 => "hmac-sha512",
        }
    }

    /// The name that stands in messages.
    pub(super) fn wire(self) -> &'static [u8] {
        match self {
            Self::Md5 => b"\x08hmac-md5\x07sig-alg\x03reg\x03int\0",
            Self::Sha1 => b"\x09hmac-sha1\0",
            Self::Sha224 => b"\x0bhmac-sha224\0",
            Self::Sha256 => b"\x0bhmac-sha256\0",
            Self::Sha384 => b"\x0bhmac-sha384\0",
            Self::Sha512 => b"\x0bhmac-sha512\0",
        }
    }

    /// The octets of a signature.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Whether it can no longer be relied on.
    pub(crate) fn is_weak(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1)
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let known = Self::ALL.into_iter().find(|known| known.name() == name);
        if name == "hmac-md5.sig-alg.reg.int" {
            return Ok(Self::Md5);
        }
        known.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().rev().map(|known| known.name()).collect();
            format!("`{text}` is not among {}", names.join(", "))
        })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A signature in the making.
#[derive(Clone)]
pub(super) enum Mac {
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha224(Hmac<Sha224>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

macro_rules! each {
    ($mac:expr, $inner:ident => $then:expr) => {
        match $mac {
            Mac::Md5($inner) => $then,
            Mac::Sha1($inner) => $then,
            Mac::Sha224($inner) => $then,
            Mac::Sha256($inner) => $then,
            Mac::Sha384($inner) => $then,
            Mac::Sha512($inner) => $then,
        }
    };
}

impl Mac {
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        let any_length = "HMAC takes secrets of any length (RFC 2104)";
        match algorithm {
            Algorithm::Md5 => Self::Md5(Hmac::new_from_slice(secret).expect(any_length)),
            Algorithm::Sha1 => Self::Sha1(Hmac::new_from_slice(secret).expect(any_length)),
            Algorithm::Sha224 => Self::Sha224(Hmac::new_from_slice(secret).expect(any_length)),
            Algorithm::Sha256 => Self::Sha256(Hmac::new_from_slice(secret).expect(any_length)),
            Algorithm::Sha384 => Self::Sha384(Hmac::new_from_slice(secret).expect(any_length)),
            Algorithm::Sha512 => Self::Sha512(Hmac::new_from_slice(secret).expect(any_length)),
        }
    }

    pub(super) fn update(&mut self, octets: &[u8]) {
        each!(self, mac => mac.update(octets));
    }

    pub(super) fn finish(self) -> Vec<u8> {
        each!(self, mac => mac.finalize().into_bytes().to_vec())
    }

    /// Whether it is that signature, whole; compared in constant time.
    pub(super) fn is(self, signature: &[u8]) -> bool {
        each!(self, mac => mac.verify_slice(signature).is_ok())
    }
}
