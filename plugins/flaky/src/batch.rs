//! Parts of a batch, whose changes keep their names.

use zonemux_plugin::testing::ChangesBuilder;
use zonemux_plugin::{Change, ChangeId, Changes, Endpoint, EndpointView as _, Error, Failure, Outcome};

/// Some changes of a batch, as a batch of their own.
#[derive(Default)]
pub(crate) struct Part {
    batch: ChangesBuilder,
    create: Vec<ChangeId>,
    update: Vec<ChangeId>,
    delete: Vec<ChangeId>,
}

impl Part {
    /// The changes of which `wanted` says so, their records as `stored` makes them.
    pub(crate) fn of(
        changes: &Changes,
        wanted: impl Fn(ChangeId) -> bool,
        stored: impl Fn(Endpoint) -> Endpoint,
    ) -> Self {
        let mut part = Self::default();
        for (id, change) in changes.iter().filter(|(id, _)| wanted(*id)) {
            match change {
                Change::Create(new) => {
                    part.batch = part.batch.create(stored(new.to_endpoint()));
                    part.create.push(id);
                }
                Change::Update { old, new } => {
                    part.batch = match old {
                        Some(old) => part.batch.update(old.to_endpoint(), stored(new.to_endpoint())),
                        None => part.batch.upsert(stored(new.to_endpoint())),
                    };
                    part.update.push(id);
                }
                Change::Delete(gone) => {
                    part.batch = part.batch.delete(gone.to_endpoint());
                    part.delete.push(id);
                }
            }
        }
        part
    }

    pub(crate) fn changes(&self) -> Changes {
        self.batch.build()
    }

    /// Adds what became of this part to what became of the whole.
    pub(crate) fn report(&self, of_part: &Outcome, to: &mut Outcome) {
        for Failure { change, kind, reason } in of_part.failures() {
            let (list, index) = match *change {
                ChangeId::Create(index) => (&self.create, index),
                ChangeId::Update(index) => (&self.update, index),
                ChangeId::Delete(index) => (&self.delete, index),
            };
            if let Some(&id) = list.get(index) {
                to.fail(id, &Error::new(*kind, reason));
            }
        }
    }
}
