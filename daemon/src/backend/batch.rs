//! The part of a request that concerns one backend, without copying it.

use std::sync::Arc;

use zonemux_plugin::{Change, ChangeId, EndpointRef, Endpoints};

use crate::wire::Changes;

/// The changes of one request that go to one backend: positions in the request's own lists.
#[derive(Debug, Clone)]
pub struct Batch {
    changes: Arc<Changes>,
    create: Vec<u32>,
    update: Vec<(Option<u32>, u32)>,
    delete: Vec<u32>,
}

impl Batch {
    /// An empty part of a request.
    pub fn of(changes: Arc<Changes>) -> Self {
        Self { changes, create: Vec::new(), update: Vec::new(), delete: Vec::new() }
    }

    /// The whole of a request.
    pub fn all(changes: Arc<Changes>) -> Self {
        let (create, update, delete) =
            (changes.create.clone(), changes.update.clone(), changes.delete.clone());
        Self { changes, create, update, delete }
    }

    /// Adds a create, by its position in [`Changes::create`].
    pub fn push_create(&mut self, index: usize) {
        self.create.push(self.changes.create[index]);
    }

    /// Adds an update, by its position in [`Changes::update`].
    pub fn push_update(&mut self, index: usize) {
        self.update.push(self.changes.update[index]);
    }

    /// Adds a delete, by its position in [`Changes::delete`].
    pub fn push_delete(&mut self, index: usize) {
        self.delete.push(self.changes.delete[index]);
    }

    /// Adds all that is in another part of the same request, behind what is there.
    pub fn append(&mut self, mut other: Self) {
        self.create.append(&mut other.create);
        self.update.append(&mut other.update);
        self.delete.append(&mut other.delete);
    }

    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.create.len() + self.update.len() + self.delete.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records to create.
    pub fn create(&self) -> impl ExactSizeIterator<Item = EndpointRef<'_>> {
        self.create.iter().map(|&index| self.endpoint(index))
    }

    /// What was, where the client said so, and what shall be.
    pub fn update(&self) -> impl ExactSizeIterator<Item = (Option<EndpointRef<'_>>, EndpointRef<'_>)> {
        self.update.iter().map(|&(old, new)| (old.map(|old| self.endpoint(old)), self.endpoint(new)))
    }

    /// The records to delete.
    pub fn delete(&self) -> impl ExactSizeIterator<Item = EndpointRef<'_>> {
        self.delete.iter().map(|&index| self.endpoint(index))
    }

    /// A change by its position; `None` where the backend made it up.
    pub fn get(&self, change: ChangeId) -> Option<Change<'_>> {
        Some(match change {
            ChangeId::Create(index) => Change::Create(self.endpoint(*self.create.get(index)?)),
            ChangeId::Update(index) => {
                let &(old, new) = self.update.get(index)?;
                Change::Update { old: old.map(|old| self.endpoint(old)), new: self.endpoint(new) }
            }
            ChangeId::Delete(index) => Change::Delete(self.endpoint(*self.delete.get(index)?)),
        })
    }

    /// Every change, deletes first: they make room for what follows.
    pub fn iter(&self) -> impl Iterator<Item = (ChangeId, Change<'_>)> {
        let delete = self.delete().enumerate();
        let update = self.update().enumerate();
        let create = self.create().enumerate();
        delete
            .map(|(index, old)| (ChangeId::Delete(index), Change::Delete(old)))
            .chain(update.map(|(index, (old, new))| (ChangeId::Update(index), Change::Update { old, new })))
            .chain(create.map(|(index, new)| (ChangeId::Create(index), Change::Create(new))))
    }

    /// Some of the changes, in their order, each once.
    pub fn part(&self, changes: impl IntoIterator<Item = ChangeId>) -> Part {
        let mut batch = Self::of(Arc::clone(&self.changes));
        let [mut create, mut update, mut delete] = <[Vec<ChangeId>; 3]>::default();
        for change in changes {
            match change {
                ChangeId::Create(index) => {
                    batch.create.push(self.create[index]);
                    create.push(change);
                }
                ChangeId::Update(index) => {
                    batch.update.push(self.update[index]);
                    update.push(change);
                }
                ChangeId::Delete(index) => {
                    batch.delete.push(self.delete[index]);
                    delete.push(change);
                }
            }
        }
        Part { batch: Arc::new(batch), whole: [create, update, delete] }
    }

    /// An upper estimate of the bytes of text.
    pub fn text_size(&self) -> usize {
        self.changes.endpoints.text_size()
    }

    fn endpoint(&self, index: u32) -> EndpointRef<'_> {
        self.changes.endpoints.get(index as usize).expect("positions were taken from this list")
    }
}

/// Some changes of a [`Batch`], as a batch of their own.
#[derive(Debug)]
pub struct Part {
    /// The changes.
    pub batch: Arc<Batch>,
    /// What each is in the whole: creates, updates, deletes.
    whole: [Vec<ChangeId>; 3],
}

impl Part {
    /// What a change of the part is in the whole; `None` where the backend made it up.
    pub fn in_whole(&self, change: ChangeId) -> Option<ChangeId> {
        let [create, update, delete] = &self.whole;
        match change {
            ChangeId::Create(index) => create.get(index),
            ChangeId::Update(index) => update.get(index),
            ChangeId::Delete(index) => delete.get(index),
        }
        .copied()
    }
}

/// Endpoints of one request that go to one backend.
#[derive(Debug, Clone)]
pub struct Selection {
    endpoints: Arc<Endpoints>,
    /// `None`: all of them.
    positions: Option<Arc<[u32]>>,
}

impl Selection {
    /// Every endpoint of a list.
    pub fn all(endpoints: Arc<Endpoints>) -> Self {
        Self { endpoints, positions: None }
    }

    /// Some endpoints of a list, in the order of the positions.
    pub fn some(endpoints: Arc<Endpoints>, positions: impl Into<Arc<[u32]>>) -> Self {
        Self { endpoints, positions: Some(positions.into()) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.positions.as_ref().map_or(self.endpoints.len(), |positions| positions.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one at a position.
    pub fn get(&self, index: usize) -> Option<EndpointRef<'_>> {
        match &self.positions {
            None => self.endpoints.get(index),
            Some(positions) => self.endpoints.get(*positions.get(index)? as usize),
        }
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = EndpointRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// An upper estimate of the bytes of text.
    pub fn text_size(&self) -> usize {
        self.endpoints.text_size()
    }
}
