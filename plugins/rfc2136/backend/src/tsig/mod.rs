//! Signed messages (TSIG, RFC 8945): keys, signing, and checking answers of one message or many.

mod algorithm;
mod check;
mod record;

use std::fmt;

pub(crate) use algorithm::Algorithm;
use algorithm::Mac;
pub(crate) use check::{Check, TsigError};
pub(crate) use record::Tsig;

use crate::message::Class;

/// How far two clocks may be apart, in seconds: what RFC 8945, section 10 recommends.
const FUDGE: u16 = 300;

/// A key.
#[derive(Clone)]
pub(crate) struct Key {
    /// Its name as messages have it, uncompressed and in lower case.
    name: Vec<u8>,
    algorithm: Algorithm,
    /// The beginning of each signature: it holds the secret.
    mac: Mac,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.shown_name())
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// A key of that canonical name.
    pub(crate) fn new(name: &str, algorithm: Algorithm, secret: &[u8]) -> Self {
        Self { name: zonemux_rdata::name_to_wire(name), algorithm, mac: Mac::new(algorithm, secret) }
    }

    pub(crate) fn shown_name(&self) -> String {
        zonemux_rdata::name_to_text(&self.name)
    }

    /// The octets that a signature adds to a message.
    pub(crate) fn room(&self) -> usize {
        self.name.len() + 10 + self.algorithm.wire().len() + 16 + self.algorithm.length()
    }

    /// Signs a message that is whole but for that, and gives what its answer is checked with. `now` is in
    /// seconds since 1970.
    pub(crate) fn sign(&self, message: &mut Vec<u8>, now: u64) -> Check<'_> {
        let id = [message[0], message[1]];
        let mut tsig = Tsig {
            name: self.name.clone(),
            algorithm: self.algorithm.wire().to_vec(),
            time: now,
            fudge: FUDGE,
            mac: Vec::new(),
            original_id: id,
            error: 0,
            other: Vec::new(),
        };
        let mut mac = self.mac.clone();
        mac.update(message);
        tsig.variables(&mut |octets| mac.update(octets));
        tsig.mac = mac.finish();
        tsig.write(message, Class::Any);
        Check::new(self, &tsig.mac)
    }
}
