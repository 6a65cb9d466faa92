//! The keys that check signatures: written in place or as a reference, like a secret, and shown, unlike one.

use config::{Value, ValueKind};
use serde_json::json;

use super::super::effective::Entry;
use super::super::error::Finding;
use super::super::key_path::KeyPath;
use super::super::load::Purpose;
use super::super::origin::Origin;
use super::super::secret_place::reference;
use super::super::value::PublicKeys;
use super::Reader;
use super::secret::Followed;

impl Reader<'_> {
    /// The keys at `path`; none where there is a fault, or where they are not known and need not be.
    pub(super) fn public_keys(&mut self, path: KeyPath, value: &Value) -> Option<PublicKeys> {
        let origin = Origin::of(value);
        let (text, is_elsewhere) = match &value.kind {
            ValueKind::String(text) => (text.clone().into(), false),
            _ if reference(value).is_none() => {
                let expected = "minisign's public key: { file = \"…\" }, { env = \"…\" }, { credential = \"…\" } \
                                or a text";
                self.mismatch(&path, value, expected, None);
                return None;
            }
            _ => match self.follow_public(&path, value) {
                Followed::Text(text) => (text, true),
                Followed::Unknown => {
                    self.entries.push(Entry::secret(path, origin));
                    return None;
                }
                Followed::Faulty => return None,
            },
        };
        match text.parse::<PublicKeys>() {
            Ok(keys) => {
                self.entries.push(Entry::value(path, json!(keys.to_string()), vec![origin]));
                Some(keys)
            }
            // Who only looks for the daemon has no use for what another file holds.
            Err(_) if is_elsewhere && self.purpose == Purpose::Inspect => {
                self.entries.push(Entry::secret(path, origin));
                None
            }
            Err(invalid) => {
                let finding = Finding::at(&path, invalid.to_string()).from_layer(origin);
                self.faults.push(Finding { hint: invalid.hint, ..finding });
                None
            }
        }
    }
}
