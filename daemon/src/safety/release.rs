//! Lets through what the deletion guard holds at this moment. It applies nothing: ExternalDNS may not
//! ask again for a while, and a stored batch could delete what has come back since.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::asked::{DAY, seconds};
use super::guard::HeldEntry;
use super::{RecordKey, SafeBackend, blocking};
use crate::backend::BackendError;
use crate::store::StoreError;

/// What a release grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The backend.
    pub backend: String,
    /// The units that are held at this moment.
    pub units: Vec<HeldEntry>,
    /// The keys of all of them: what is granted, or would be.
    pub keys: Vec<RecordKey>,
    /// When the grant ends, in seconds since 1970; `None` where nothing was granted, only looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_until: Option<u64>,
}

impl SafeBackend {
    /// What [`release`](Self::release) would grant now.
    pub async fn release_preview(self: &Arc<Self>) -> Result<Release, BackendError> {
        let safe = Arc::clone(self);
        // The lock may be held while somebody waits for the disk.
        blocking(true, move || {
            let held = safe.state.held();
            let units = held.entries(SystemTime::now()).collect();
            Release {
                backend: safe.name().to_owned(),
                units,
                keys: held.release_preview(),
                granted_until: None,
            }
        })
        .await
    }

    /// Grants the deletion of what is held at this moment for 24 hours, and says what that is. What is
    /// held later is not granted.
    pub async fn release(self: &Arc<Self>) -> Result<Result<Release, StoreError>, BackendError> {
        let safe = Arc::clone(self);
        blocking(true, move || {
            let now = SystemTime::now();
            let mut held = safe.state.held();
            let keys = held.release(now)?;
            let units = held.entries(now).collect();
            let granted_until = (!keys.is_empty()).then(|| seconds(now) + DAY);
            Ok(Release { backend: safe.name().to_owned(), units, keys, granted_until })
        })
        .await
    }
}
