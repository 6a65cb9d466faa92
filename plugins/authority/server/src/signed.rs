//! Signed requests and answers (TSIG, RFC 8945), by the `domain` crate.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use domain::base::message_builder::AdditionalBuilder;
use domain::base::wire::Composer;
use domain::base::{Message, MessageBuilder};
use domain::dep::octseq::{OctetsBuilder, Truncate};
use domain::rdata::tsig::Time48;
use domain::tsig::{Algorithm, ClientTransaction, Key, KeyName, ServerSequence, ServerTransaction};

use crate::message::Rcode;
use crate::settings::ServerSettings;

/// BADSIG as a TSIG error (RFC 8945, section 3).
const BADSIG: u16 = 16;

/// The keys that requests may be signed with.
pub(crate) type Keys = HashMap<(KeyName, Algorithm), Arc<Key>>;

pub(crate) fn keys(settings: &ServerSettings) -> Keys {
    settings.keys().map(|key| ((key.name().clone(), key.algorithm()), Arc::clone(key))).collect()
}

/// The octets of a signature.
pub(crate) fn room_for(key: &Key) -> usize {
    usize::from(key.compose_len())
}

/// Signs the answers to a signed request, one or several.
#[derive(Debug)]
pub(crate) struct Signer(ServerSequence<Arc<Key>>);

/// Checks the signature of a request. `Err` is the message that says what is wrong with it.
pub(crate) fn check(keys: &Keys, request: &[u8]) -> Result<Signer, Vec<u8>> {
    let nothing = Vec::new;
    let mut message = Message::from_octets(request.to_vec()).map_err(|_| nothing())?;
    match ServerTransaction::request(keys, &mut message, Time48::now()) {
        Ok(Some(transaction)) => Ok(Signer(transaction.into())),
        // It was seen to have one.
        Ok(None) => Err(nothing()),
        Err(error) => {
            let original = Message::from_octets(request).map_err(|_| nothing())?;
            let built = error.build_message(&original, MessageBuilder::new_vec());
            Err(built.map(|builder| with_badsig(builder.finish())).unwrap_or_default())
        }
    }
}

/// The library says FORMERR in the signature's own error field where the signature is wrong.
fn with_badsig(mut answer: Vec<u8>) -> Vec<u8> {
    let is_notauth = answer.get(3).is_some_and(|flags| u16::from(flags & 0xf) == Rcode::NOTAUTH.0);
    // Behind the error field stands the length of other data alone, which is none.
    if let Some([.., high, low, 0, 0]) = is_notauth.then_some(&mut answer[..])
        && (*high, *low) == (0, 1)
    {
        [*high, *low] = BADSIG.to_be_bytes();
    }
    answer
}

impl Signer {
    pub(crate) fn key(&self) -> &Key {
        self.0.key()
    }

    /// Signs the next answer, which is whole but for that.
    pub(crate) fn sign(&mut self, message: &mut Vec<u8>) {
        let mut builder = whole(message);
        // A vector takes all, and the count of records is far from its end.
        let _always = self.0.answer(&mut builder, Time48::now());
    }
}

/// Signs a request of ours.
pub(crate) fn request(key: &Arc<Key>, message: &mut Vec<u8>) -> Option<ClientTransaction<Arc<Key>>> {
    ClientTransaction::request(Arc::clone(key), &mut whole(message), Time48::now()).ok()
}

/// A builder that goes on behind a message that others have written.
fn whole(message: &mut Vec<u8>) -> AdditionalBuilder<Whole<'_>> {
    let target = Whole { message, is_begun: false };
    let Ok(builder) = MessageBuilder::from_target(target);
    builder.additional()
}

/// A target that keeps its content when a builder begins on it, and takes the header that the builder
/// begins with for the one that is there.
struct Whole<'m> {
    message: &'m mut Vec<u8>,
    is_begun: bool,
}

impl OctetsBuilder for Whole<'_> {
    type AppendError = Infallible;

    fn append_slice(&mut self, slice: &[u8]) -> Result<(), Infallible> {
        if std::mem::replace(&mut self.is_begun, true) {
            self.message.extend_from_slice(slice);
        }
        Ok(())
    }
}

impl Truncate for Whole<'_> {
    fn truncate(&mut self, length: usize) {
        if self.is_begun {
            self.message.truncate(length);
        }
    }
}

impl AsRef<[u8]> for Whole<'_> {
    fn as_ref(&self) -> &[u8] {
        self.message
    }
}

impl AsMut<[u8]> for Whole<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.message
    }
}

impl Composer for Whole<'_> {}

#[cfg(test)]
mod tests {
    use domain::tsig::ValidationError;

    use super::*;

    fn key(secret: &[u8]) -> Arc<Key> {
        Arc::new(Key::new(Algorithm::Sha256, secret, "k.example".parse().unwrap(), None, None).unwrap())
    }

    fn question() -> Vec<u8> {
        let mut message = vec![0xab, 0xcd, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(b"\x07example\x00\x00\x06\x00\x01");
        message
    }

    fn known(key: &Arc<Key>) -> Keys {
        keys(&ServerSettings { transfer_keys: vec![Arc::clone(key)], ..ServerSettings::default() })
    }

    #[test]
    fn a_signed_request_gets_a_signed_answer() {
        let key = key(b"secret");
        let mut message = question();
        let transaction = request(&key, &mut message).unwrap();
        let mut signer = check(&known(&key), &message).unwrap();
        let mut answer = question();
        answer[2] |= 0x80;
        signer.sign(&mut answer);
        let mut answer = Message::from_octets(answer).unwrap();
        transaction.answer(&mut answer, Time48::now()).unwrap();
    }

    #[test]
    fn what_is_wrong_with_a_signature_is_said() {
        let key = key(b"secret");
        let mut message = question();
        let transaction = request(&key, &mut message).unwrap();
        let wrong = known(&self::key(b"other"));
        let mut answer = Message::from_octets(check(&wrong, &message).unwrap_err()).unwrap();
        let error = transaction.answer(&mut answer, Time48::now()).unwrap_err();
        assert!(matches!(error, ValidationError::ServerBadSig), "{error}");
        let mut answer = Message::from_octets(check(&Keys::new(), &message).unwrap_err()).unwrap();
        let error = transaction.answer(&mut answer, Time48::now()).unwrap_err();
        assert!(matches!(error, ValidationError::ServerBadKey), "{error}");
    }
}
