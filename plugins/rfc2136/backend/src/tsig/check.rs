//! Checks the signatures of answers.

use super::algorithm::Mac;
use super::{Key, Tsig};

/// How many messages of an answer in a row may have no signature (RFC 8945, section 5.3.1).
const UNSIGNED: usize = 99;

/// What a server says of a request's signature, or what is wrong with its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TsigError {
    #[error("it finds the signature wrong (BADSIG)")]
    BadSig,
    #[error("it does not know the key (BADKEY)")]
    BadKey,
    #[error("it finds the time of the signature wrong (BADTIME): its clock is {} seconds {} ours", ours.abs_diff(*server), if server < ours { "behind" } else { "ahead of" })]
    BadTime { server: u64, ours: u64 },
    #[error("it says that the signature was cut too short (BADTRUNC)")]
    BadTrunc,
    #[error("it reports the TSIG error {0}")]
    Other(u16),
    #[error("its answer is not signed")]
    Unsigned,
    #[error("its answer is signed with another key or algorithm")]
    OtherKey,
    #[error("the signature of its answer is wrong")]
    Wrong,
    #[error("the signature of its answer is shorter than the algorithm's")]
    Short,
    #[error("its answer was signed {} seconds {}", ours.abs_diff(*server), if server < ours { "ago" } else { "ahead of our clock" })]
    Time { server: u64, ours: u64 },
    #[error("its answer can't be read")]
    Malformed,
}

/// Checks the answer to a signed request, message by message.
pub(crate) struct Check<'k> {
    key: &'k Key,
    /// Over the last signature, and the messages since.
    mac: Mac,
    is_first: bool,
    unsigned: usize,
}

impl<'k> Check<'k> {
    /// `signature` is the request's.
    pub(super) fn new(key: &'k Key, signature: &[u8]) -> Self {
        Self { key, mac: begin(key, signature), is_first: true, unsigned: 0 }
    }

    /// What the server says of the request's signature, as it stands in its answer: to be asked before the
    /// answer's own signature is checked, since there may be none.
    pub(crate) fn reported(message: &[u8], now: u64) -> Option<TsigError> {
        let (tsig, _) = Tsig::find(message).ok()??;
        Some(match tsig.error {
            0 => return None,
            16 => TsigError::BadSig,
            17 => TsigError::BadKey,
            18 => TsigError::BadTime { server: tsig.server_time(), ours: now },
            22 => TsigError::BadTrunc,
            other => TsigError::Other(other),
        })
    }

    /// Checks the next message of the answer. `now` is in seconds since 1970.
    pub(crate) fn message(&mut self, message: &[u8], now: u64) -> Result<(), TsigError> {
        let Some((tsig, start)) = Tsig::find(message).map_err(|()| TsigError::Malformed)? else {
            self.unsigned += 1;
            if self.is_first || self.unsigned > UNSIGNED {
                return Err(TsigError::Unsigned);
            }
            self.mac.update(message);
            return Ok(());
        };
        if tsig.name != self.key.name || tsig.algorithm != self.key.algorithm.wire() {
            return Err(TsigError::OtherKey);
        }
        if tsig.mac.len() < self.key.algorithm.length() {
            return Err(TsigError::Short);
        }
        // The message as it was before it was signed.
        let additional = u16::from_be_bytes([message[10], message[11]]).saturating_sub(1).to_be_bytes();
        self.mac.update(&tsig.original_id);
        self.mac.update(&message[2..10]);
        self.mac.update(&additional);
        self.mac.update(&message[12..start]);
        let mac = &mut self.mac;
        if self.is_first {
            tsig.variables(&mut |octets| mac.update(octets));
        } else {
            tsig.timers(&mut |octets| mac.update(octets));
        }
        let mac = std::mem::replace(&mut self.mac, begin(self.key, &tsig.mac));
        if !mac.is(&tsig.mac) {
            return Err(TsigError::Wrong);
        }
        if now.abs_diff(tsig.time) > u64::from(tsig.fudge) {
            return Err(TsigError::Time { server: tsig.time, ours: now });
        }
        (self.is_first, self.unsigned) = (false, 0);
        Ok(())
    }

    /// Whether the last message was signed, as that of an answer has to be.
    pub(crate) fn finish(&self) -> Result<(), TsigError> {
        if self.is_first || self.unsigned > 0 { Err(TsigError::Unsigned) } else { Ok(()) }
    }
}

fn begin(key: &Key, signature: &[u8]) -> Mac {
    let mut mac = key.mac.clone();
    mac.update(&u16::try_from(signature.len()).unwrap_or(u16::MAX).to_be_bytes());
    mac.update(signature);
    mac
}
