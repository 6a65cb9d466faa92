//! The objects that call across: sinks and sources of the host, plugin and backend of the plugin.

use abi_stable::sabi_trait;
use abi_stable::sabi_types::RMut;
use abi_stable::std_types::{RBox, RResult, RStr};
use async_ffi::FfiFuture;

use crate::values::{RCall, REndpointRef, RError, RFailureRef, ROpened};

/// Takes endpoints one at a time. **Ownership**: the host's, boxed, so that it may move into the
/// plugin's task. **Thread**: any, one at a time. **Lifetime**: a plugin that keeps it after the
/// call pushes into nothing. **Failure**: `false` means that the call is over and the plugin should
/// stop; a list without [`finish`](RSink::finish) is an error, never a short list.
#[sabi_trait]
pub trait RSink: Send {
    /// Takes one endpoint; it is read before this returns.
    fn push(&mut self, endpoint: &REndpointRef<'_>) -> bool;

    /// Says that the list is complete.
    #[sabi(last_prefix_field)]
    fn finish(&mut self) -> bool;
}

/// Receives the endpoints of a source. **Ownership**: lent by the plugin for one
/// [`RSource::each`]. **Thread**: the one that called `each`. **Failure**: `false` stops the source.
#[sabi_trait]
pub trait RVisitor {
    /// Takes one endpoint; the reference ends with this call.
    #[sabi(last_prefix_field)]
    fn visit(&mut self, endpoint: &REndpointRef<'_>) -> bool;
}

/// Gives endpoints. **Ownership**: the host's, boxed. **Thread**: any. **Lifetime**: may be read
/// again, also after the call. **Failure**: `each` returns whether every endpoint was visited.
#[sabi_trait]
pub trait RSource: Send + Sync {
    /// How many endpoints the list ([`crate::list`]) has; 0 for an unknown list.
    fn len(&self, list: u32) -> u64;

    /// An upper estimate of the bytes of text in all lists, so that a reader can allocate once.
    fn text_size(&self) -> u64;

    /// Visits each endpoint of a list in order.
    #[sabi(last_prefix_field)]
    fn each(&self, list: u32, visitor: &mut RVisitorMut<'_>) -> bool;
}

/// Takes what happened to single changes of a batch. **Ownership**: the host's, boxed.
/// **Thread**: any, one at a time. **Failure**: `false` means that the call is over.
#[sabi_trait]
pub trait RReport: Send {
    /// One change was not done; all that are not named count as done when the call returns `Ok`.
    fn failed(&mut self, failure: &RFailureRef<'_>) -> bool;

    /// How many changes are done so far, for long batches.
    #[sabi(last_prefix_field)]
    fn progress(&mut self, done: u64) -> bool;
}

/// A plugin with checked settings, not yet connected to anything. **Ownership**: the host's.
/// **Thread**: any, also several at once. **Failure**: by the returned results.
#[sabi_trait]
pub trait RPlugin: Send + Sync {
    /// Opens the backend. Dropping the future cancels.
    fn open(&self, call: RCall) -> FfiFuture<RResult<ROpened, RError>>;

    /// Whether this backend changes endpoints in [`adjust`](RPlugin::adjust) at all; `false` lets
    /// the host skip the crossing. `capabilities` is the JSON that `open` returned.
    fn adjusts(&self, capabilities: RStr<'_>) -> bool;

    /// Brings endpoints ([`crate::list::CREATE`]) into the form in which they will be listed:
    /// exactly one out for each one in, in order. Does no I/O.
    #[sabi(last_prefix_field)]
    fn adjust(
        &self,
        call: RCall,
        capabilities: RStr<'_>,
        source: RSourceBox,
        sink: RSinkBox,
    ) -> FfiFuture<RResult<(), RError>>;
}

/// An open backend. **Ownership**: the host's. **Thread**: any, also several at once (the host
/// serialises writes). **Failure**: by the returned results; dropping a future cancels.
#[sabi_trait]
pub trait RBackend: Send + Sync {
    /// Pushes the complete list of records, then finishes the sink.
    fn records(&self, call: RCall, sink: RSinkBox) -> FfiFuture<RResult<(), RError>>;

    /// Applies a batch; single changes that were not done go to `report`.
    fn apply_changes(
        &self,
        call: RCall,
        changes: RSourceBox,
        report: RReportBox,
    ) -> FfiFuture<RResult<(), RError>>;

    /// Asks whether the backend works, without changing anything.
    fn check(&self, call: RCall) -> FfiFuture<RResult<(), RError>>;

    /// Finishes what is open; nothing is called afterwards.
    #[sabi(last_prefix_field)]
    fn close(&self, call: RCall) -> FfiFuture<RResult<(), RError>>;
}

/// A boxed [`RSink`].
pub type RSinkBox = RSink_TO<'static, RBox<()>>;
/// A boxed [`RSource`].
pub type RSourceBox = RSource_TO<'static, RBox<()>>;
/// A boxed [`RReport`].
pub type RReportBox = RReport_TO<'static, RBox<()>>;
/// A boxed [`RPlugin`].
pub type RPluginBox = RPlugin_TO<'static, RBox<()>>;
/// A boxed [`RBackend`].
pub type RBackendBox = RBackend_TO<'static, RBox<()>>;
/// A borrowed [`RVisitor`].
pub type RVisitorMut<'a> = RVisitor_TO<'a, RMut<'a, ()>>;
