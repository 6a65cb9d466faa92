//! Splits a request among the backends of a view.

use std::ops::Range;
use std::sync::Arc;
use std::{panic, thread};

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

/// How many changes are worth a thread.
const SHARE: usize = 16_384;
/// The most threads for one batch: it is not the only request.
const MOST_THREADS: usize = 4;

/// Splits a batch: every change goes to exactly one backend or is refused. A large one is shared among
/// threads, since looking zones up is mostly waiting for memory.
pub fn split(router: &Router, backends: usize, changes: &Arc<Changes>) -> Split {
    let length = changes.create.len() + changes.update.len() + changes.delete.len();
    let threads = match length / SHARE {
        0 | 1 => 1,
        worth => worth.min(MOST_THREADS).min(thread::available_parallelism().map_or(1, Into::into)),
    };
    split_among(threads, router, backends, changes)
}

/// Splits a batch with so many threads, each of which takes as many changes as another.
pub(super) fn split_among(threads: usize, router: &Router, backends: usize, changes: &Arc<Changes>) -> Split {
    let length = changes.create.len() + changes.update.len() + changes.delete.len();
    let share = length.div_ceil(threads);
    let part = |index: usize| {
        let range = (index * share).min(length)..((index + 1) * share).min(length);
        move || split_part(router, backends, changes, &range)
    };
    thread::scope(|scope| {
        let others = (1..threads).map(|index| {
            // Where there may be no more threads, this one does it.
            thread::Builder::new()
                .name("router".to_owned())
                .spawn_scoped(scope, part(index))
                .map_err(|_| index)
        });
        let others: Vec<_> = others.collect();
        let mut split = part(0)();
        for other in others {
            split.append(match other {
                Ok(thread) => thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic)),
                Err(index) => part(index)(),
            });
        }
        split
    })
}

impl Split {
    /// Appends a later part of the same batch.
    fn append(&mut self, later: Self) {
        for (batch, later) in self.batches.iter_mut().zip(later.batches) {
            batch.append(later);
        }
        self.refused.extend(later.refused);
    }
}

/// Splits the changes of a range, counted through creates, updates and deletes.
fn split_part(router: &Router, backends: usize, changes: &Arc<Changes>, range: &Range<usize>) -> Split {
    let mut batches: Vec<Batch> = (0..backends).map(|_| Batch::of(Arc::clone(changes))).collect();
    let mut refused = Vec::new();
    let mut route = |first: usize, positions: &mut dyn Iterator<Item = u32>, name: fn(usize) -> ChangeId| {
        let endpoint = |position| changes.endpoints.get(position as usize);
        let endpoints =
            positions.map(|position| endpoint(position).expect("positions were taken from this list"));
        let mut index = first..;
        router.route_each(endpoints, |endpoint, found| {
            let change = name(index.next().unwrap_or_default());
            let route = match found {
                Ok(Some(&backend)) => Route::Backend(backend.into()),
                not_found => router.or_with_record(endpoint, Route::of(not_found)),
            };
            match (route, change) {
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
    let mut before = 0;
    let mut within = |length: usize| {
        let (start, end) = (before, before + length);
        before = end;
        range.start.clamp(start, end) - start..range.end.clamp(start, end) - start
    };
    let create = within(changes.create.len());
    route(create.start, &mut changes.create[create].iter().copied(), ChangeId::Create);
    // Old and new have one key (that is how they were paired), and so one backend.
    let update = within(changes.update.len());
    route(update.start, &mut changes.update[update].iter().map(|&(_, new)| new), ChangeId::Update);
    let delete = within(changes.delete.len());
    route(delete.start, &mut changes.delete[delete].iter().copied(), ChangeId::Delete);
    Split { batches, refused }
}

/// Splits a list of endpoints: positions for each backend, and those that go nowhere.
pub fn split_endpoints(router: &Router, backends: usize, endpoints: &Endpoints) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut parts = vec![Vec::new(); backends];
    let mut nowhere = Vec::new();
    let mut position = 0..;
    router.route_each(endpoints.iter(), |_, backend| {
        let position = position.next().unwrap_or_default();
        match backend {
            Ok(Some(&backend)) => parts[usize::from(backend)].push(position),
            Ok(None) | Err(_) => nowhere.push(position),
        }
    });
    (parts, nowhere)
}
