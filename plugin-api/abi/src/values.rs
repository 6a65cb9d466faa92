//! Plain values: endpoints lent across, calls, errors.

use abi_stable::StableAbi;
use abi_stable::std_types::{RSlice, RStr, RString, RVec};

use crate::objects::RBackendBox;

/// The four lists of a batch, as numbered in [`RSource`](crate::RSource) and [`RFailureRef`].
pub mod list {
    /// Endpoints to create; also the only list of a call that is not a batch of changes.
    pub const CREATE: u32 = 0;
    /// What was there before an update. The host pairs it: entry *i* belongs to entry *i* of
    /// [`UPDATE_NEW`]. An entry without targets means that the client named no old record.
    pub const UPDATE_OLD: u32 = 1;
    /// What shall be there after an update.
    pub const UPDATE_NEW: u32 = 2;
    /// Endpoints to delete.
    pub const DELETE: u32 = 3;
}

/// A key and a value, lent for the length of a call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct RPairRef<'a> {
    /// The key.
    pub key: RStr<'a>,
    /// The value.
    pub value: RStr<'a>,
}

/// A key and a value, owned by whoever holds it.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct RPair {
    /// The key.
    pub key: RString,
    /// The value.
    pub value: RString,
}

/// One ExternalDNS endpoint, lent: everything it points to lives until the call that was given it
/// returns, and no longer. Any thread. Frozen from 1.0.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct REndpointRef<'a> {
    /// The owner name, without a trailing dot.
    pub dns_name: RStr<'a>,
    /// `A`, `CNAME`, `TXT`, …; any type is legal here.
    pub record_type: RStr<'a>,
    /// Empty where there is none.
    pub set_identifier: RStr<'a>,
    /// Seconds; 0 means "not set".
    pub record_ttl: i64,
    /// The RDATA in ExternalDNS's presentation.
    pub targets: RSlice<'a, RStr<'a>>,
    /// ExternalDNS's own labels.
    pub labels: RSlice<'a, RPairRef<'a>>,
    /// Provider-specific properties, in the order received.
    pub provider_specific: RSlice<'a, RPairRef<'a>>,
    /// Room for growth; unknown keys are ignored.
    pub ext: RSlice<'a, RPairRef<'a>>,
}

/// What a plugin is told of one call. Owned by the callee.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct RCall {
    /// The daemon's request id, for logs.
    pub id: RString,
    /// Milliseconds until the daemon gives up; `u64::MAX` where there is no limit.
    pub time_left_ms: u64,
    /// Nothing may be written anywhere.
    pub dry_run: bool,
    /// Room for growth; unknown keys are ignored.
    pub ext: RVec<RPair>,
}

/// Why a call failed. Owned by the receiver.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct RError {
    /// An open set of numbers; the SDK's `ErrorKind` names them. Unknown ones count as internal.
    pub kind: u32,
    /// For the operator's log; never a secret.
    pub message: RString,
    /// Milliseconds to wait before the next try; 0 where the plugin doesn't say.
    pub retry_after_ms: u64,
    /// Room for growth; unknown keys are ignored.
    pub ext: RVec<RPair>,
}

/// One fault in a plugin's settings. Owned by the receiver.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct RFault {
    /// Dotted path below `settings`, such as `tsig.secret`; empty for the whole.
    pub path: RString,
    /// What is wrong and what is expected; never the value of a secret.
    pub message: RString,
    /// What to do about it; may be empty.
    pub hint: RString,
}

/// One change that was not done, lent for the length of the call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct RFailureRef<'a> {
    /// Which list of the batch ([`list`]); an update is named by [`list::UPDATE_NEW`].
    pub list: u32,
    /// The position within that list.
    pub index: u64,
    /// The same numbers as [`RError::kind`].
    pub kind: u32,
    /// For the operator's log; never a secret.
    pub reason: RStr<'a>,
    /// Room for growth; unknown keys are ignored.
    pub ext: RSlice<'a, RPairRef<'a>>,
}

/// A backend that was opened. Owned by the host.
#[repr(C)]
#[derive(StableAbi)]
pub struct ROpened {
    /// The backend itself.
    pub backend: RBackendBox,
    /// What it can do, as JSON (the SDK's `Capabilities`).
    pub capabilities: RString,
}
