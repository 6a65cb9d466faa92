//! The changes that take changes back.

use std::sync::Arc;

use zonemux_plugin::{Change, EndpointView, Endpoints};

use crate::backend::Batch;
use crate::wire::Changes;

/// What takes changes back; `None` where it is not known what was there before one of them.
pub(super) fn batch(changes: &[Change<'_>]) -> Option<Batch> {
    let mut undo = Builder::default();
    for change in changes {
        match *change {
            Change::Create(new) => undo.delete(&new),
            Change::Delete(old) => undo.create(&old),
            Change::Update { old: Some(old), new } => undo.update(Some(&new), &old),
            Change::Update { old: None, .. } => return None,
        }?;
    }
    Some(undo.finish())
}

/// Builds a batch that nobody sent.
#[derive(Default)]
pub(super) struct Builder {
    changes: Changes,
}

impl Builder {
    pub(super) fn create(&mut self, new: &impl EndpointView) -> Option<()> {
        let new = push(&mut self.changes.endpoints, new)?;
        self.changes.create.push(new);
        Some(())
    }

    pub(super) fn update<V: EndpointView>(&mut self, old: Option<&V>, new: &impl EndpointView) -> Option<()> {
        let old = match old {
            Some(old) => Some(push(&mut self.changes.endpoints, old)?),
            None => None,
        };
        let new = push(&mut self.changes.endpoints, new)?;
        self.changes.update.push((old, new));
        Some(())
    }

    pub(super) fn delete(&mut self, old: &impl EndpointView) -> Option<()> {
        let old = push(&mut self.changes.endpoints, old)?;
        self.changes.delete.push(old);
        Some(())
    }

    pub(super) fn finish(self) -> Batch {
        Batch::all(Arc::new(self.changes))
    }
}

/// Appends, and gives the position; `None` beyond 4 GiB of text.
fn push(endpoints: &mut Endpoints, endpoint: &impl EndpointView) -> Option<u32> {
    endpoints.push(endpoint).ok()?;
    u32::try_from(endpoints.len() - 1).ok()
}
