//! A batch of changes, as ExternalDNS asked for it.

use std::fmt;
use std::ops::Range;

use crate::endpoints::{EndpointRef, Endpoints};

/// The changes of one call, already paired and stripped of what the client sent without meaning.
///
/// Everything in it is to be read as a wish for a state: a create of what is there already, and an
/// update of what is not, are both writes of the new record.
#[derive(Default)]
pub struct Changes {
    endpoints: Endpoints,
    create: Range<usize>,
    updates: Vec<(Option<usize>, usize)>,
    delete: Range<usize>,
}

/// One change of a batch.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// A record that shall be there.
    Create(EndpointRef<'a>),
    /// A record that shall be there instead of another.
    Update {
        /// What the client believes is there; `None` where it did not say.
        old: Option<EndpointRef<'a>>,
        /// What shall be there.
        new: EndpointRef<'a>,
    },
    /// A record that shall not be there.
    Delete(EndpointRef<'a>),
}

impl<'a> Change<'a> {
    /// The endpoint that names the record: the new one of an update.
    pub fn endpoint(&self) -> EndpointRef<'a> {
        match *self {
            Self::Create(endpoint) | Self::Update { new: endpoint, .. } | Self::Delete(endpoint) => endpoint,
        }
    }

    /// What shall be there afterwards; `None` for a delete.
    pub fn desired(&self) -> Option<EndpointRef<'a>> {
        match *self {
            Self::Create(endpoint) | Self::Update { new: endpoint, .. } => Some(endpoint),
            Self::Delete(_) => None,
        }
    }
}

/// Names one change of a batch, for [`Outcome`](crate::Outcome).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeId {
    /// A position among the creates.
    Create(usize),
    /// A position among the updates.
    Update(usize),
    /// A position among the deletes.
    Delete(usize),
}

impl Changes {
    /// A batch out of its three parts. `updates` are pairs of what was and what shall be.
    pub(crate) fn new(
        endpoints: Endpoints,
        create: Range<usize>,
        updates: Vec<(Option<usize>, usize)>,
        delete: Range<usize>,
    ) -> Self {
        Self { endpoints, create, updates, delete }
    }

    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.create.len() + self.updates.len() + self.delete.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records that shall be there.
    pub fn create(&self) -> impl ExactSizeIterator<Item = EndpointRef<'_>> + Clone {
        self.endpoints.range(self.create.clone())
    }

    /// Records that shall be there instead of others: what was (where known), and what shall be.
    pub fn update(
        &self,
    ) -> impl ExactSizeIterator<Item = (Option<EndpointRef<'_>>, EndpointRef<'_>)> + Clone {
        self.updates.iter().map(|&(old, new)| (old.map(|old| self.at(old)), self.at(new)))
    }

    /// Records that shall not be there.
    pub fn delete(&self) -> impl ExactSizeIterator<Item = EndpointRef<'_>> + Clone {
        self.endpoints.range(self.delete.clone())
    }

    /// Every change with its name, deletes first: they make room for what follows.
    pub fn iter(&self) -> impl Iterator<Item = (ChangeId, Change<'_>)> + Clone {
        let delete = self.delete().enumerate();
        let update = self.update().enumerate();
        let create = self.create().enumerate();
        delete
            .map(|(index, endpoint)| (ChangeId::Delete(index), Change::Delete(endpoint)))
            .chain(update.map(|(index, (old, new))| (ChangeId::Update(index), Change::Update { old, new })))
            .chain(create.map(|(index, endpoint)| (ChangeId::Create(index), Change::Create(endpoint))))
    }

    /// The change of that name.
    pub fn get(&self, id: ChangeId) -> Option<Change<'_>> {
        match id {
            ChangeId::Create(index) => {
                (index < self.create.len()).then(|| Change::Create(self.at(self.create.start + index)))
            }
            ChangeId::Update(index) => self
                .updates
                .get(index)
                .map(|&(old, new)| Change::Update { old: old.map(|old| self.at(old)), new: self.at(new) }),
            ChangeId::Delete(index) => {
                (index < self.delete.len()).then(|| Change::Delete(self.at(self.delete.start + index)))
            }
        }
    }

    fn at(&self, index: usize) -> EndpointRef<'_> {
        self.endpoints.get(index).expect("positions were taken from this list")
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
