//! Endpoints that a process asks for, a piece at a time.

use std::sync::Arc;

use zonemux_plugin::{Change, ChangeId, Endpoint, EndpointView};
use zonemux_plugin_abi::list;

use crate::backend::{Batch, Selection};
use crate::plugin::frames::{CHUNK, FrameError, Kind, Piece, Wanted, columns, frame};

/// What a call brings with it.
pub(super) enum Feed {
    /// Changes.
    Batch(Arc<Batch>),
    /// Endpoints to adjust.
    Selection(Selection),
}

impl Feed {
    /// How many endpoints a list has.
    pub(super) fn length(&self, list: u32) -> usize {
        match self {
            Self::Batch(batch) => match list {
                list::CREATE => batch.create().len(),
                list::UPDATE_OLD | list::UPDATE_NEW => batch.update().len(),
                list::DELETE => batch.delete().len(),
                _ => 0,
            },
            Self::Selection(endpoints) => {
                if list == list::CREATE {
                    endpoints.len()
                } else {
                    0
                }
            }
        }
    }

    /// The frame that answers a process: as many endpoints as make a good piece.
    pub(super) fn piece(&self, call: u32, wanted: Wanted) -> Result<Vec<u8>, FrameError> {
        let length = self.length(wanted.list);
        let from = usize::try_from(wanted.from).unwrap_or(usize::MAX).min(length);
        let mut endpoints = columns::Writer::default();
        let mut next = from;
        while next < length && endpoints.size() < CHUNK {
            self.write(wanted.list, next, &mut endpoints);
            next += 1;
        }
        let piece = Piece { wanted, count: endpoints.count(), last: next == length };
        let (numbers_length, numbers, text) = endpoints.parts();
        frame(Kind::Piece, call, &[&piece.encode(), &numbers_length, numbers, text])
    }

    fn write(&self, list: u32, index: usize, to: &mut columns::Writer) {
        let change = match (self, list) {
            (Self::Selection(endpoints), _) => {
                if let Some(endpoint) = endpoints.get(index) {
                    to.push(&endpoint);
                }
                return;
            }
            (Self::Batch(batch), list::CREATE) => batch.get(ChangeId::Create(index)),
            (Self::Batch(batch), list::DELETE) => batch.get(ChangeId::Delete(index)),
            (Self::Batch(batch), _) => batch.get(ChangeId::Update(index)),
        };
        match change {
            Some(Change::Create(endpoint) | Change::Delete(endpoint)) => to.push(&endpoint),
            Some(Change::Update { new, .. }) if list == list::UPDATE_NEW => to.push(&new),
            Some(Change::Update { old: Some(old), .. }) => to.push(&old),
            Some(Change::Update { old: None, new }) => to.push(&unknown_old(&new)),
            None => {}
        }
    }
}

/// The old side of an update that the client did not name: the new one's key, and no targets.
pub(in crate::plugin) fn unknown_old(new: &impl EndpointView) -> Endpoint {
    Endpoint {
        set_identifier: new.set_identifier().to_owned(),
        ..Endpoint::new(new.dns_name(), new.record_type(), [] as [&str; 0])
    }
}
