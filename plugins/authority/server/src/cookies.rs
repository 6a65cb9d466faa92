//! DNS cookies (RFC 7873) in the form that servers share (RFC 9018).

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use domain::base::Serial;
use domain::base::iana::OptionCode;
use domain::base::opt::ParseOptData as _;
use domain::base::opt::{ComposeOptData as _, Cookie, OptData as _};
use domain::dep::octseq::{Array, Parser};

/// For how long a cookie is good, in seconds, and by how much a clock may be ahead (RFC 9018, section 4.3).
const GOOD_FOR: u32 = 3600;
const AHEAD: u32 = 300;

/// Gives clients cookies, and knows them again.
#[derive(Clone)]
pub(crate) struct Cookies {
    secret: [u8; 16],
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies")
    }
}

/// What a client's cookie says, and what it gets.
#[derive(Debug)]
pub(crate) struct Checked {
    /// It is one that we gave to this address: nobody else asks in its name.
    pub(crate) is_known: bool,
    /// For the answer.
    pub(crate) answer: Answer,
}

/// The client's part of a cookie and ours, 24 octets (RFC 9018, section 4).
pub(crate) type Answer = Array<24>;

impl Cookies {
    /// With a secret of this process.
    pub(crate) fn new() -> Self {
        // Each state has keys of its own, of the system's random numbers.
        let half = || RandomState::new().hash_one(0_u8).to_be_bytes();
        let mut secret = [0; 16];
        secret[..8].copy_from_slice(&half());
        secret[8..].copy_from_slice(&half());
        Self { secret }
    }

    /// Looks at the cookie of a client; `None` where it has no form.
    pub(crate) fn check(&self, cookie: &[u8], client: IpAddr) -> Option<Checked> {
        let cookie = Cookie::parse_option(OptionCode::COOKIE, &mut Parser::from_ref(cookie)).ok()??;
        debug_assert_eq!(cookie.code(), OptionCode::COOKIE);
        let client = client.to_canonical();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // Serial arithmetic: the clock of cookies goes round (RFC 9018, section 4.3).
        #[expect(clippy::cast_possible_truncation, reason = "a clock that goes round")]
        let now = now as u32;
        let is_good = |given: Serial| {
            let age = now.wrapping_sub(given.into_int());
            age <= GOOD_FOR || age.wrapping_neg() <= AHEAD
        };
        let is_known = cookie.check_server_hash(client, &self.secret, is_good);
        let answer = cookie.create_response(Serial(now), client, &self.secret);
        let mut octets = Answer::default();
        answer.compose_option(&mut octets).ok()?;
        Some(Checked { is_known, answer: octets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_known_again_from_its_own_address() {
        let cookies = Cookies::new();
        let client = "192.0.2.7".parse().unwrap();
        let first = cookies.check(b"12345678", client).unwrap();
        assert!(!first.is_known && first.answer.as_ref().len() == 24);
        assert!(cookies.check(first.answer.as_ref(), client).unwrap().is_known);
        assert!(!cookies.check(first.answer.as_ref(), "192.0.2.8".parse().unwrap()).unwrap().is_known);
        assert!(!Cookies::new().check(first.answer.as_ref(), client).unwrap().is_known);
        assert!(cookies.check(b"1234567", client).is_none());
    }
}
