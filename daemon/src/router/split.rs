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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zonemux_plugin::Endpoint;

    use super::*;

    const NAMES: [&str; 6] =
        ["example.org", "a.example.org", "b.sub.example.org", "other.test", "x..y", "c.example.net"];

    fn endpoints(names: &[usize]) -> Endpoints {
        let owned: Vec<Endpoint> =
            names.iter().map(|&name| Endpoint::new(NAMES[name], "A", ["192.0.2.1"])).collect();
        owned.iter().collect()
    }

    proptest! {
        #[test]
        fn splitting_loses_nothing(
            create in proptest::collection::vec(0..NAMES.len(), 0..20),
            update in proptest::collection::vec(0..NAMES.len(), 0..20),
            delete in proptest::collection::vec(0..NAMES.len(), 0..20),
        ) {
            let all: Vec<usize> = create.iter().chain(&update).chain(&delete).copied().collect();
            let mut positions = 0_u32..;
            let changes = Arc::new(Changes {
                endpoints: endpoints(&all),
                create: positions.by_ref().take(create.len()).collect(),
                update: positions.by_ref().take(update.len()).map(|position| (None, position)).collect(),
                delete: positions.by_ref().take(delete.len()).collect(),
            });
            let router = Router::new([("example.org", 0), ("sub.example.org", 1), ("example.net", 2)]);
            let split = split(&router, 3, &changes);

            let assigned: usize = split.batches.iter().map(Batch::len).sum();
            prop_assert_eq!(assigned + split.refused.len(), all.len());
            for (backend, batch) in split.batches.iter().enumerate() {
                for endpoint in batch.create().chain(batch.delete()).chain(batch.update().map(|(_, new)| new)) {
                    prop_assert_eq!(router.route(endpoint.dns_name()), Route::Backend(backend));
                }
            }
            let (parts, nowhere) = split_endpoints(&router, 3, &changes.endpoints);
            let mut seen: Vec<u32> = parts.into_iter().flatten().chain(nowhere).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen.len(), all.len());
            prop_assert!((0..).zip(&seen).all(|(expected, &position)| position == expected));
        }
    }
}
