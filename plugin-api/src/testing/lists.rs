//! The daemon's side of lists: what lends to a backend, and what takes from it.

use std::sync::{Arc, Mutex, PoisonError};

use zonemux_plugin_abi::{REndpointRef, RFailureRef, RReport, RSink, RSource, RVisitorMut, list};

use crate::changes::{ChangeId, Changes};
use crate::endpoint::{Endpoint, EndpointView};
use crate::error::{Error, ErrorKind};
use crate::glue::lend::{Lender, Lent};
use crate::outcome::Outcome;

/// Lends a batch.
pub(super) struct Batch(pub(super) Changes);

impl RSource for Batch {
    fn len(&self, list: u32) -> u64 {
        let length = match list {
            list::CREATE => self.0.create().len(),
            list::UPDATE_OLD | list::UPDATE_NEW => self.0.update().len(),
            list::DELETE => self.0.delete().len(),
            _ => 0,
        };
        length as u64
    }

    fn text_size(&self) -> u64 {
        0
    }

    fn each(&self, list: u32, visitor: &mut RVisitorMut<'_>) -> bool {
        let mut lender = Lender::default();
        let mut visit = |endpoint: &Endpoint| lender.lend(endpoint, |lent| visitor.visit(lent));
        match list {
            list::CREATE => self.0.create().all(|endpoint| visit(&endpoint.to_endpoint())),
            list::UPDATE_OLD => self.0.update().all(|(old, new)| match old {
                Some(old) => visit(&old.to_endpoint()),
                // As the daemon says that the client named no old record.
                None => visit(&Endpoint { targets: Vec::new(), ..new.to_endpoint() }),
            }),
            list::UPDATE_NEW => self.0.update().all(|(_, new)| visit(&new.to_endpoint())),
            list::DELETE => self.0.delete().all(|endpoint| visit(&endpoint.to_endpoint())),
            _ => true,
        }
    }
}

/// Takes a list.
#[derive(Clone, Default)]
pub(super) struct Taken(Arc<Mutex<(Vec<Endpoint>, bool)>>);

impl Taken {
    /// The list, if it was said to be complete.
    pub(super) fn complete(&self) -> Option<Vec<Endpoint>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (list, complete) = std::mem::take(&mut *taken);
        complete.then_some(list)
    }
}

impl RSink for Taken {
    fn push(&mut self, endpoint: &REndpointRef<'_>) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(Lent(endpoint).to_endpoint());
        true
    }

    fn finish(&mut self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        true
    }
}

/// Takes what happened to single changes.
#[derive(Clone, Default)]
pub(super) struct Report(Arc<Mutex<Outcome>>);

impl Report {
    pub(super) fn outcome(&self) -> Outcome {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RReport for Report {
    fn failed(&mut self, failure: &RFailureRef<'_>) -> bool {
        let Ok(index) = usize::try_from(failure.index) else {
            return false;
        };
        let change = match failure.list {
            list::CREATE => ChangeId::Create(index),
            list::UPDATE_OLD | list::UPDATE_NEW => ChangeId::Update(index),
            _ => ChangeId::Delete(index),
        };
        let error = Error::new(ErrorKind::from_code(failure.kind), failure.reason.as_str());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fail(change, &error);
        true
    }

    fn progress(&mut self, _: u64) -> bool {
        true
    }
}
