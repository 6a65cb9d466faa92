//! What is settled before the first write: which ownership TXT go to our own store, and what is about to
//! be done.

use std::collections::HashSet;
use std::sync::Arc;

use zonemux_plugin::{ChangeId, ErrorKind};

use super::decide::Todo;
use super::ownership::is_readable_ownership;
use super::units::Units;
use super::{RecordKey, SafeBackend, blocking};
use crate::backend::{BackendError, List};
use crate::config;

impl SafeBackend {
    /// The ownership TXT that are in our store, or have to go there.
    pub(super) fn kept_changes(
        &self,
        work: &Units,
        units: impl Iterator<Item = usize>,
        list: Option<&Arc<List>>,
    ) -> HashSet<ChangeId> {
        let ownership = self.state.ownership();
        let scope = self.backend.scope();
        let mode = self.policy.ownership;
        let no_txt = self.backend.capabilities().is_some_and(|capabilities| {
            let types = &capabilities.record_types;
            !types.is_empty() && !types.iter().any(|record_type| record_type == "TXT")
        });
        let all = mode == config::Ownership::Virtual || (mode == config::Ownership::Auto && no_txt);
        let mut kept = HashSet::new();
        for unit in units {
            for (id, change) in work.changes(unit) {
                let endpoint = change.endpoint();
                if endpoint.record_type() != "TXT" {
                    continue;
                }
                let ours = !ownership.is_empty() && ownership.get(&RecordKey::of(&endpoint)).is_some();
                // A name that is not the backend's is never sent to it.
                let outside = || scope.place(endpoint.dns_name()).is_none();
                // What the backend has already is written where it is.
                let native = || {
                    let key = RecordKey::of(&endpoint);
                    list.is_some_and(|list| !list.find(&key.name, "TXT", &key.set_identifier).is_empty())
                };
                let to_be_ours = || all && change.desired().is_some_and(|txt| is_readable_ownership(&txt));
                if ours || outside() || (to_be_ours() && !native()) {
                    kept.insert(id);
                }
            }
        }
        kept
    }

    /// Stores what the apply sets out to do, before its first write; gives the units that may be left half
    /// done.
    pub(super) async fn mark(
        self: &Arc<Self>,
        request_id: &str,
        work: &Arc<Units>,
        write: &[Todo],
        kept: &HashSet<ChangeId>,
    ) -> Result<Vec<usize>, BackendError> {
        let atomic = self.is_atomic();
        // In one step only what all goes to the backend, and to one that promises it.
        let halves: Vec<usize> = write
            .iter()
            .filter(|todo| !atomic || todo.changes.iter().any(|id| kept.contains(id)))
            .map(|todo| todo.unit)
            .collect();
        let (safe, work, request_id) = (Arc::clone(self), Arc::clone(work), request_id.to_owned());
        let stored = halves.clone();
        let marked = blocking(true, move || {
            let units = stored.iter().map(|&unit| work.ids(unit));
            safe.state.mark.set(&request_id, &work, units)
        });
        if let Err(error) = marked.await? {
            tracing::error!(
                backend = self.name(), %error, hint = error.hint(),
                "nothing is written: what is about to be done can't be stored first"
            );
            return Err(BackendError::new(ErrorKind::Internal, error.to_string()));
        }
        self.state.set_unconfirmed(true);
        Ok(halves)
    }
}
