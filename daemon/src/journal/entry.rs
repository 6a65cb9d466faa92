//! One change and what became of it.

use std::fmt;
use std::time::{Duration, SystemTime};

use zonemux_plugin::EndpointView;

/// One change and what became of it; everything is borrowed until it is encoded.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// When its outcome was known.
    pub time: SystemTime,
    /// The view that it was asked for in.
    pub view: &'a str,
    /// The backend that it belongs to; empty where none does.
    pub backend: &'a str,
    /// The request, as in the log.
    pub request_id: &'a str,
    /// `create`, `update` or `delete`.
    pub action: &'a str,
    /// The owner name.
    pub name: &'a str,
    /// `A`, `TXT`, …
    pub record_type: &'a str,
    /// Mostly empty.
    pub set_identifier: &'a str,
    /// What was there, as far as is known.
    pub before: Option<Rdata<'a>>,
    /// What shall be there.
    pub after: Option<Rdata<'a>>,
    /// One of [`OUTCOMES`](super::OUTCOMES).
    pub outcome: &'a str,
    /// Why it is not `applied`.
    pub reason: Option<&'a str>,
    /// How long it took, or the batch that it was applied in.
    pub duration: Duration,
}

/// What a record says: its targets and its TTL.
#[derive(Clone, Copy)]
pub struct Rdata<'a>(&'a dyn Source);

impl<'a> Rdata<'a> {
    /// What an endpoint says.
    pub fn of(endpoint: &'a impl EndpointView) -> Self {
        Self(endpoint)
    }

    /// Seconds; 0 means "not set".
    pub(super) fn ttl(self) -> u32 {
        self.0.ttl()
    }

    /// Calls `take` with each target in order.
    pub(super) fn each_target(self, mut take: impl FnMut(&str)) {
        self.0.each_target(&mut take);
    }
}

impl fmt::Debug for Rdata<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        self.each_target(|target| {
            list.entry(&target);
        });
        list.finish()
    }
}

/// An endpoint of any kind, so that an entry needs no type parameter for each of its two.
trait Source {
    fn ttl(&self) -> u32;
    fn each_target(&self, take: &mut dyn FnMut(&str));
}

impl<E: EndpointView> Source for E {
    fn ttl(&self) -> u32 {
        self.record_ttl()
    }

    fn each_target(&self, take: &mut dyn FnMut(&str)) {
        self.targets().for_each(take);
    }
}
