//! Units: the changes of a batch that must be done together or not at all.

mod grouping;
mod ownership;
#[cfg(test)]
mod tests;

use crate::changes::{ChangeId, Changes};
use crate::endpoints::EndpointRef;

pub use ownership::{HERITAGE, Owned, is_ownership_txt, owned_records};

/// Changes that are applied or refused as a whole: a record with its ownership TXT, and what
/// replaces what at one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// In the order in which they are to be done one by one: deletes, updates, creates; an
    /// ownership TXT before its record is written, and after it was deleted.
    pub changes: Vec<ChangeId>,
}

impl Changes {
    /// The batch as units, each change in exactly one; those that delete come first.
    ///
    /// A unit is one (name, type, set identifier) with its ownership TXT. One unit are also
    /// - changes at one name whose types [can't stand together](crate::dns::may_stand_together);
    /// - a delete and a create of different types at one name and set identifier;
    /// - a DNAME that comes or goes, and the records below it that go or come.
    ///
    /// ```
    /// use zonemux_plugin::{ChangeId, Endpoint, testing::ChangesBuilder};
    /// let batch = ChangesBuilder::new()
    ///     .delete(Endpoint::new("www.example.org", "A", ["192.0.2.1"]))
    ///     .create(Endpoint::new("www.example.org", "CNAME", ["web.example.org"]))
    ///     .create(Endpoint::new("mail.example.org", "A", ["192.0.2.2"]))
    ///     .build();
    /// let units = batch.units();
    /// assert_eq!(units[0].changes, [ChangeId::Delete(0), ChangeId::Create(0)]);
    /// assert_eq!(units[1].changes, [ChangeId::Create(1)]);
    /// ```
    pub fn units(&self) -> Vec<Unit> {
        group(self.iter().map(|(id, change)| (id, change.endpoint())))
    }
}

/// Groups any changes as [`Changes::units`] does its own; deletes have to come first, then updates.
pub fn group<'a>(changes: impl Iterator<Item = (ChangeId, EndpointRef<'a>)>) -> Vec<Unit> {
    grouping::units(changes)
}
