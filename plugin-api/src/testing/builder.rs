//! Builds batches of changes.

use crate::changes::Changes;
use crate::endpoint::Endpoint;

/// Builds a batch as the daemon would hand it over.
///
/// ```
/// use zonemux_plugin::{Endpoint, testing::ChangesBuilder};
/// let www = Endpoint::new("www.example.org", "A", ["192.0.2.1"]);
/// let batch = ChangesBuilder::new().create(www.clone()).update(www.clone(), www.with_ttl(60)).build();
/// assert_eq!((batch.create().len(), batch.update().len(), batch.delete().len()), (1, 1, 0));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ChangesBuilder {
    create: Vec<Endpoint>,
    update: Vec<(Option<Endpoint>, Endpoint)>,
    delete: Vec<Endpoint>,
}

impl ChangesBuilder {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record that shall be there.
    #[must_use]
    pub fn create(mut self, endpoint: Endpoint) -> Self {
        self.create.push(endpoint);
        self
    }

    /// Adds a record that shall be there instead of another.
    #[must_use]
    pub fn update(mut self, old: Endpoint, new: Endpoint) -> Self {
        self.update.push((Some(old), new));
        self
    }

    /// Adds a record that shall be there instead of one that the client did not name.
    #[must_use]
    pub fn upsert(mut self, new: Endpoint) -> Self {
        self.update.push((None, new));
        self
    }

    /// Adds a record that shall not be there.
    #[must_use]
    pub fn delete(mut self, endpoint: Endpoint) -> Self {
        self.delete.push(endpoint);
        self
    }

    /// The batch.
    pub fn build(&self) -> Changes {
        let old = self.update.iter().filter_map(|(old, _)| old.as_ref());
        let new = self.update.iter().map(|(_, new)| new);
        let endpoints = self.create.iter().chain(old).chain(new).chain(&self.delete).collect();
        let create = 0..self.create.len();
        let mut olds = create.end..;
        let first_new = create.end + self.update.iter().filter(|(old, _)| old.is_some()).count();
        let updates: Vec<_> = self
            .update
            .iter()
            .zip(first_new..)
            .map(|((old, _), new)| (old.as_ref().and_then(|_| olds.next()), new))
            .collect();
        let first_delete = first_new + self.update.len();
        Changes::new(endpoints, create, updates, first_delete..first_delete + self.delete.len())
    }
}
