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
    let mut route = |positions: &mut dyn Iterator<Item = u32>, name: fn(usize) -> ChangeId| {
        let endpoint = |position| changes.endpoints.get(position as usize);
        let endpoints =
            positions.map(|position| endpoint(position).expect("positions were taken from this list"));
        let mut index = 0..;
        router.route_each(endpoints, |endpoint, route| {
            let change = name(index.next().unwrap_or_default());
            match (router.or_with_record(endpoint, route), change) {
                (Route::Backend(backend), ChangeId::Create(index)) => batches[backend].push_create(index),
                (Route::Backend(backend), ChangeId::Update(index)) => batches[backend].push_update(index),
                (Route::Backend(backend), ChangeId::Delete(index)) => batches[backend].push_delete(index),
                (Route::Nowhere(reason), change) => refused.push(Refused {
                    change,
                    dns_name: endpoint.dns_name().to_owned(),
                    record_type: endpoint.record_type().to_owned(),
                    reason,
                }),
            }
        });
    };
    route(&mut changes.create.iter().copied(), ChangeId::Create);
    // Old and new have one key (that is how they were paired), and so one backend.
    route(&mut changes.update.iter().map(|&(_, new)| new), ChangeId::Update);
    route(&mut changes.delete.iter().copied(), ChangeId::Delete);
    Split { batches, refused }
}

/// Splits a list of endpoints: positions for each backend, and those that go nowhere.
pub fn split_endpoints(router: &Router, backends: usize, endpoints: &Endpoints) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut parts = vec![Vec::new(); backends];
    let mut nowhere = Vec::new();
    let mut position = 0..;
    router.route_each(endpoints.iter(), |_, route| {
        let position = position.next().unwrap_or_default();
        match route {
            Route::Backend(backend) => parts[backend].push(position),
            Route::Nowhere(_) => nowhere.push(position),
        }
    });
    (parts, nowhere)
}
