//! Gives memory back to the system after large calls.
//!
//! glibc keeps what was freed: after 100,000 endpoints have passed through, 140 MB stay resident that
//! hold 40 MB of records. One trim when it is quiet again returns the rest.
#![expect(unsafe_code, reason = "malloc_trim has no safe wrapper")]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

/// Calls that move more bytes than this leave enough behind to be worth a trim.
pub const LARGE: u64 = 1 << 20;
/// ExternalDNS makes its calls of one loop within a few seconds; one trim serves them all.
const QUIET: Duration = Duration::from_secs(2);

/// Trims once after each burst of large calls.
#[derive(Debug, Clone, Default)]
pub struct Trimmer {
    large_call: Arc<Notify>,
}

impl Trimmer {
    /// Starts the task that trims. Must be called inside a tokio runtime.
    pub fn start() -> Self {
        let trimmer = Self::default();
        let large_call = Arc::clone(&trimmer.large_call);
        tokio::spawn(async move {
            loop {
                large_call.notified().await;
                // Until no other large call came for a while.
                while tokio::time::timeout(QUIET, large_call.notified()).await.is_ok() {}
                // It walks the whole heap: some milliseconds.
                if tokio::task::spawn_blocking(trim).await.is_err() {
                    return;
                }
            }
        });
        trimmer
    }

    /// A call moved so many bytes.
    pub fn moved(&self, bytes: u64) {
        if bytes > LARGE {
            self.large_call.notify_one();
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: takes no pointer, and may be called at any time from any thread (malloc_trim(3)).
    let released = unsafe { libc::malloc_trim(0) };
    tracing::trace!(released = released == 1, "free memory given back");
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
