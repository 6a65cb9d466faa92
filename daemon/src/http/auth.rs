//! HTTP Basic authentication (RFC 7617): what a view wants, and whether a request has it.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::error::printable;

/// A digest has one length whatever it was made from, so that comparing two takes one time.
type Hashed = [u8; 32];

/// The user and the passwords of one view. Neither is kept in clear.
pub struct Credentials {
    user: Hashed,
    /// Always two, so that one password takes as long to check as two.
    passwords: [Hashed; 2],
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has no `Authorization`.
    Missing,
    /// Its `Authorization` is not one set of Basic credentials.
    Unreadable,
    /// User or password are others.
    Wrong {
        /// The user's name as it was sent, safe to be logged.
        user: String,
    },
}

impl Refused {
    /// In a word or two, for the log.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "no credentials",
            Self::Unreadable => "unreadable credentials",
            Self::Wrong { .. } => "wrong credentials",
        }
    }

    /// The user's name that was sent, where there was one.
    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::Wrong { user } => Some(user),
            Self::Missing | Self::Unreadable => None,
        }
    }
}

impl Credentials {
    /// A user with a password, and with a second one that is as good while the first is replaced.
    pub fn new(user: &str, password: &str, second: Option<&str>) -> Self {
        let password = hashed(password.as_bytes());
        let second = second.map_or(password, |second| hashed(second.as_bytes()));
        Self { user: hashed(user.as_bytes()), passwords: [password, second] }
    }

    /// Looks into a request's headers.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(Refused::Missing)?;
        if values.next().is_some() {
            return Err(Refused::Unreadable);
        }
        let pair = decoded(value.as_bytes()).ok_or(Refused::Unreadable)?;
        // The first colon: a password may have more.
        let colon = pair.iter().position(|byte| *byte == b':').ok_or(Refused::Unreadable)?;
        let (user, password) = (&pair[..colon], &pair[colon + 1..]);
        if bool::from(self.matches(user, password)) {
            return Ok(());
        }
        Err(Refused::Wrong { user: self.shown(user) })
    }

    /// Whether they are ours. Every digest is compared, and to its end, whatever the others say: the
    /// time taken tells nothing of what is right.
    fn matches(&self, user: &[u8], password: &[u8]) -> Choice {
        let (user, password) = (hashed(user), hashed(password));
        let [first, second] = &self.passwords;
        user.ct_eq(&self.user) & (password.ct_eq(first) | password.ct_eq(second))
    }

    /// A user's name for the log. Somebody may have put the password in its place.
    fn shown(&self, user: &[u8]) -> String {
        let digest = hashed(user);
        let [first, second] = &self.passwords;
        if bool::from(digest.ct_eq(first) | digest.ct_eq(second)) {
            return "<redacted>".to_owned();
        }
        printable(&String::from_utf8_lossy(user))
    }
}

fn hashed(bytes: &[u8]) -> Hashed {
    Sha256::digest(bytes).into()
}

/// `user:password` out of a header's value.
fn decoded(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, encoded) = value.split_at(space);
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    BASE64.decode(encoded.trim_ascii()).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn basic(user: &str, password: &str) -> HeaderMap {
        headers(&[&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))])
    }

    fn wrong(user: &str) -> Result<(), Refused> {
        Err(Refused::Wrong { user: user.to_owned() })
    }

    #[test]
    fn the_right_pair_is_let_in_and_no_other() {
        let credentials = Credentials::new("externaldns", "hunter2", None);
        assert_eq!(credentials.check(&basic("externaldns", "hunter2")), Ok(()));
        for (user, password) in [
            ("externaldns", "hunter3"),
            ("externaldns", ""),
            ("externaldns", "hunter2 "),
            ("externaldns", "hunter22"),
            ("ExternalDNS", "hunter2"),
            ("", "hunter2"),
            ("externaldn", "s:hunter2"),
        ] {
            assert_eq!(credentials.check(&basic(user, password)), wrong(user), "{user}:{password}");
        }
    }

    #[test]
    fn while_rotating_both_passwords_are_right() {
        let credentials = Credentials::new("externaldns", "old", Some("new"));
        for password in ["old", "new"] {
            assert_eq!(credentials.check(&basic("externaldns", password)), Ok(()));
        }
        assert_eq!(credentials.check(&basic("externaldns", "")), wrong("externaldns"));
        let one = Credentials::new("externaldns", "new", None);
        assert_eq!(one.check(&basic("externaldns", "old")), wrong("externaldns"));
    }

    /// By construction, not by timing: what is compared has one length, and `subtle` compares it.
    #[test]
    fn what_is_compared_has_one_length_whatever_was_sent() {
        let credentials = Credentials::new("u", "p", None);
        let lengths = |credentials: &Credentials| {
            [credentials.user, credentials.passwords[0], credentials.passwords[1]].map(|hash| hash.len())
        };
        assert_eq!(lengths(&credentials), lengths(&Credentials::new(&"u".repeat(999), "", Some("q"))));
        let answers: [Choice; 3] = [(b"u", b"p"), (b"u", b"x"), (b"x", b"p")]
            .map(|(user, password)| credentials.matches(user, password));
        assert_eq!(answers.map(bool::from), [true, false, false]);
    }

    #[test]
    fn colons_unicode_and_any_case_of_the_scheme_are_fine() {
        let credentials = Credentials::new("jürgen", "a:b::ü", None);
        assert_eq!(credentials.check(&basic("jürgen", "a:b::ü")), Ok(()));
        let encoded = BASE64_STANDARD.encode("jürgen:a:b::ü");
        for value in [
            format!("basic {encoded}"),
            format!("BASIC   {encoded} "),
            format!("bAsIc {}", encoded.trim_end_matches('=')),
        ] {
            assert_eq!(credentials.check(&headers(&[&value])), Ok(()), "{value}");
        }
    }

    #[test]
    fn what_is_no_basic_authorization_is_told_apart() {
        let credentials = Credentials::new("u", "p", None);
        assert_eq!(credentials.check(&HeaderMap::new()), Err(Refused::Missing));
        for values in [
            &["Basic"][..],
            &["Basic %%%"],
            &["Bearer dTpw"],
            &["dTpw"],
            &["Basic dQ=="],
            // `u:p` twice: which of them a proxy has looked at can't be known.
            &["Basic dTpw", "Basic dTpw"],
        ] {
            assert_eq!(credentials.check(&headers(values)), Err(Refused::Unreadable), "{values:?}");
        }
    }

    #[test]
    fn what_is_logged_of_a_user_is_short_clean_and_never_the_password() {
        let credentials = Credentials::new("u", "hunter2", Some("hunter3"));
        for password in ["hunter2", "hunter3"] {
            assert_eq!(credentials.check(&basic(password, "")), wrong("<redacted>"));
        }
        assert_eq!(credentials.check(&basic("a\nb\u{1b}[31m", "x")), wrong(r"a\nb\u{1b}[31m"));
        let Err(Refused::Wrong { user }) = credentials.check(&basic(&"x".repeat(9_000), "x")) else {
            panic!("a wrong user")
        };
        assert!(user.chars().count() <= 101, "{user}");
        assert_eq!(format!("{credentials:?}"), "Credentials");
    }
}
