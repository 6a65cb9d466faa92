//! Splits a request among the backends of a view.

use std::sync::Arc;

use zonemux_plugin::{ChangeId, Endpoints};

use super::{Route, Router};
use crate::backend::Batch;
use crate::wire::Changes;

/// A batch, split.
#[derive(Debug)]
pub struct Split {
    /// One part for each backend of the view, by position; most are empty.
    pub batches: Vec<Batch>,
    /// Changes that go nowhere, by their positions in the request.
    pub refused: Vec<Refused>,
}

/// A change that is refused for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its position in the request's lists.
    pub change: ChangeId,
    /// Its owner name as it was sent.
    pub dns_name: String,
    /// Its record type.
    pub record_type: String,
    /// Why.
    pub reason: String,
}

/// Splits a batch: every change goes to exactly one backend or is refused.
pub fn split(router: &Router, backends: usize, changes: &Arc<Changes>) -> Split {
    let mut batches: Vec<Batch> = (0..backends).map(|_| Batch::of(Arc::clone(changes))).collect();
    let mut refused = Vec::new();
    let mut assign = |change: ChangeId, position: u32| {
        let Some(endpoint) = changes.endpoints.get(position as usize) else { return };
        match router.route_record(endpoint) {
            Route::Backend(backend) => match change {
                ChangeId::Create(index) => batches[backend].push_create(index),
                ChangeId::Update(index) => batches[backend].push_update(index),
                ChangeId::Delete(index) => batches[backend].push_delete(index),
            },
            Route::Nowhere(reason) => refused.push(Refused {
                change,
                dns_name: endpoint.dns_name().to_owned(),
                record_type: endpoint.record_type().to_owned(),
                reason,
            }),
        }
    };
    for (index, &position) in changes.create.iter().enumerate() {
        assign(ChangeId::Create(index), position);
    }
    // Old and new have one key (that is how they were paired), and so one backend.
    for (index, &(_, new)) in changes.update.iter().enumerate() {
        assign(ChangeId::Update(index), new);
    }
    for (index, &position) in changes.delete.iter().enumerate() {
        assign(ChangeId::Delete(index), position);
    }
    Split { batches, refused }
}

/// Splits a list of endpoints: positions for each backend, and those that go nowhere.
pub fn split_endpoints(router: &Router, backends: usize, endpoints: &Endpoints) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut parts = vec![Vec::new(); backends];
    let mut nowhere = Vec::new();
    for (position, endpoint) in (0..).zip(endpoints.iter()) {
        match router.route(endpoint.dns_name()) {
            Route::Backend(backend) => parts[backend].push(position),
            Route::Nowhere(_) => nowhere.push(position),
        }
    }
    (parts, nowhere)
}
