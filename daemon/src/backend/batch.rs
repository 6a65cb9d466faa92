//! The part of a request that concerns one backend, without copying it.

use std::sync::Arc;

use zonemux_plugin::{EndpointRef, Endpoints};

use super::driver::BatchChange;
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

    /// The endpoint that names a change; `None` where the backend made up a position.
    pub fn get(&self, change: BatchChange) -> Option<EndpointRef<'_>> {
        let index = match change {
            BatchChange::Create(index) => *self.create.get(index)?,
            BatchChange::Update(index) => self.update.get(index)?.1,
            BatchChange::Delete(index) => *self.delete.get(index)?,
        };
        self.changes.endpoints.get(index as usize)
    }

    /// An upper estimate of the bytes of text.
    pub fn text_size(&self) -> usize {
        self.changes.endpoints.text_size()
    }

    fn endpoint(&self, index: u32) -> EndpointRef<'_> {
        self.changes.endpoints.get(index as usize).expect("positions were taken from this list")
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

    fn get(&self, index: usize) -> Option<EndpointRef<'_>> {
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
