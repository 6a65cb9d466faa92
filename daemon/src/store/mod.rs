//! State that must outlive the process, behind one small trait.
//!
//! ```text
//! Table<V>, snapshots ──▶ Store ──▶ Files      (later: etcd, Kubernetes Leases)
//! ```
//!
//! Nothing above [`Store`] may assume a local file: a value is bytes under a [`StoreKey`], and is
//! replaced as a whole or appended to. Values are small (tables) or read rarely (snapshots). Every call
//! blocks until what it wrote is durable, so it is made where blocking is allowed.

mod error;
mod files;
mod folder;
mod key;
pub(crate) mod line;
mod lock;
mod log;
#[cfg(test)]
pub(crate) mod memory;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

pub use error::{StoreError, StoreErrorKind};
pub use files::Files;
pub use key::StoreKey;
pub use lock::{Lock, LockError};
pub use table::Table;

pub(crate) use folder::{create_folder, give_to_owner, sync_folder};

/// Where durable state lives. Calls block.
///
/// One key is written by one owner at a time; calls for different keys run at the same time.
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The value of a key; `None` where there is none.
    fn read(&self, key: &StoreKey) -> Result<Option<Vec<u8>>, StoreError>;

    /// Sets a value, given in parts that are written one after the other. Atomic and durable: after a
    /// crash or an error the value is the old one or the new one.
    fn replace(&self, key: &StoreKey, parts: &[&[u8]]) -> Result<(), StoreError>;

    /// Adds to the end of a value, which is empty where there is none. Durable; an append that fails
    /// leaves what was there. After a crash a part of `entry` may be there.
    fn append(&self, key: &StoreKey, entry: &[u8]) -> Result<(), StoreError>;

    /// Removes a value. It is no error when there is none.
    fn remove(&self, key: &StoreKey) -> Result<(), StoreError>;

    /// Keeps a damaged value for a person to look at, out of the way of the next
    /// [`replace`](Self::replace), and says where. The value itself stays until then.
    fn set_aside(&self, key: &StoreKey) -> Result<String, StoreError>;
}
