//! The keys that check the signatures of plugin files, in the format of minisign.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::PublicKey;

use super::Invalid;

/// One key or more, any of which may have made a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys(Vec<Key>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    id: KeyId,
    verifier: PublicKey,
    line: String,
}

/// The name of a key: random, and the same in the key and in each of its signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The name in the line of a key or of a signature: after two bytes for the algorithm.
    pub fn of_line(line: &str) -> Option<Self> {
        let bytes = STANDARD.decode(line).ok()?;
        Some(Self(bytes.get(2..10)?.try_into().ok()?))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As minisign writes it into the comment of a key: without zeros before it.
        write!(f, "{:X}", u64::from_le_bytes(self.0))
    }
}

impl PublicKeys {
    /// The keys of this name; usually one.
    pub fn named(&self, id: KeyId) -> impl Iterator<Item = &PublicKey> {
        self.0.iter().filter(move |key| key.id == id).map(|key| &key.verifier)
    }

    /// The names of all keys.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.0.iter().map(|key| key.id)
    }
}

impl FromStr for PublicKeys {
    type Err = Invalid;

    /// Reads the lines of one or several files `minisign.pub`, with or without their comments.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = || Invalid::new("a public key of minisign, or several, each on a line of its own");
        let mut keys = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with("untrusted comment:") {
                continue;
            }
            let verifier = PublicKey::from_base64(line).map_err(|_| expected().hint(hint(line)))?;
            let id = KeyId::of_line(line).ok_or_else(expected)?;
            keys.push(Key { id, verifier, line: line.to_owned() });
        }
        if keys.is_empty() {
            return Err(expected().hint("`minisign -G` writes one into `minisign.pub`"));
        }
        Ok(Self(keys))
    }
}

/// What else a line may be. The line itself is not shown: it may be a secret.
fn hint(line: &str) -> &'static str {
    match STANDARD.decode(line).map(|bytes| bytes.len()) {
        Ok(158) => "this is a secret key, which belongs to who signs; its public key is in `minisign.pub`",
        Ok(74) => "this is a signature; the key that made it is in `minisign.pub`",
        _ => "`minisign -G` writes one into `minisign.pub`: a line of 56 characters that begins with RW",
    }
}

impl fmt::Display for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { "\n" }, key.line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn with_and_without_comments() {
        let keys: PublicKeys = FIRST.parse().unwrap();
        assert_eq!(keys.ids().map(|id| id.to_string()).collect::<Vec<_>>(), ["E7620F1842B4E81F"]);
        assert_eq!(keys.to_string(), FIRST);

        let second = STANDARD.encode([&b"Ed"[..], &[1; 40]].concat());
        let file = format!("untrusted comment: minisign public key\r\n{FIRST}\r\n\n{second}\n");
        let keys: PublicKeys = file.parse().unwrap();
        let ids: Vec<_> = keys.ids().map(|id| id.to_string()).collect();
        assert_eq!(ids, ["E7620F1842B4E81F", "101010101010101"]);
        assert_eq!(keys.named(KeyId([1; 8])).count(), 1);
        assert_eq!(keys.named(KeyId([2; 8])).count(), 0);
        assert_eq!(keys.to_string().parse(), Ok(keys));
    }

    #[test]
    fn anything_else_is_refused_and_not_repeated() {
        let secret = STANDARD.encode([&b"Ed"[..], &[7; 156]].concat());
        let signature = STANDARD.encode([&b"ED"[..], &[7; 72]].concat());
        let other_algorithm = STANDARD.encode([&b"RS"[..], &[7; 40]].concat());
        for (text, hint) in [
            ("", "minisign -G"),
            ("untrusted comment: minisign public key E7620F1842B4E81F", "minisign -G"),
            (&FIRST[1..], "minisign -G"),
            (&*secret, "a secret key"),
            (&*signature, "a signature"),
            (&*other_algorithm, "minisign -G"),
            (&*format!("{FIRST}\nhunter2"), "minisign -G"),
        ] {
            let error = text.parse::<PublicKeys>().unwrap_err();
            assert!(error.hint.as_ref().unwrap().contains(hint), "{text}: {error:?}");
            assert!(
                text.lines().all(|line| !format!("{error:?}").contains(line) || line.is_empty()),
                "{error:?}"
            );
        }
    }
}
