//! Our ends of what crosses: sinks that a plugin fills, sources that it reads, reports it writes.
//!
//! All of this runs on a plugin's thread. No runtime of ours is there, and a panic would end the
//! process: every entry is contained, and answers `false` instead.

use std::sync::{Arc, Mutex, PoisonError};

use zonemux_plugin::__private::{Lender, Lent};
use zonemux_plugin::{ChangeId, EndpointView, ErrorKind};
use zonemux_plugin_abi::{REndpointRef, RFailureRef, RReport, RSink, RSource, RVisitorMut, list};

use super::contain::contain;
use crate::backend::{Batch, Failure, Lease, ListSink, Selection};

/// A list that a plugin fills.
pub(super) struct Sink(pub(super) ListSink);

impl RSink for Sink {
    fn push(&mut self, endpoint: &REndpointRef<'_>) -> bool {
        contain(|| self.0.push(&Lent(endpoint)))
    }

    fn finish(&mut self) -> bool {
        contain(|| self.0.finish())
    }
}

/// A batch that a plugin reads.
pub(super) struct BatchSource(pub(super) Arc<Batch>);

impl RSource for BatchSource {
    fn len(&self, list: u32) -> u64 {
        let length = match list {
            list::CREATE => self.0.create().len(),
            list::UPDATE_OLD | list::UPDATE_NEW => self.0.update().len(),
            list::DELETE => self.0.delete().len(),
            _ => 0,
        };
        length as u64
    }

    fn text_size(&self) -> u64 {
        self.0.text_size() as u64
    }

    fn each(&self, list: u32, visitor: &mut RVisitorMut<'_>) -> bool {
        contain(|| match list {
            list::CREATE => visit(self.0.create(), visitor),
            list::UPDATE_OLD => visit_old(&self.0, visitor),
            list::UPDATE_NEW => visit(self.0.update().map(|(_, new)| new), visitor),
            list::DELETE => visit(self.0.delete(), visitor),
            _ => true,
        })
    }
}

/// Endpoints that a plugin reads.
pub(super) struct SelectionSource(pub(super) Selection);

impl RSource for SelectionSource {
    fn len(&self, list: u32) -> u64 {
        if list == list::CREATE { self.0.len() as u64 } else { 0 }
    }

    fn text_size(&self) -> u64 {
        self.0.text_size() as u64
    }

    fn each(&self, list: u32, visitor: &mut RVisitorMut<'_>) -> bool {
        contain(|| list != list::CREATE || visit(self.0.iter(), visitor))
    }
}

fn visit<E: EndpointView>(endpoints: impl Iterator<Item = E>, visitor: &mut RVisitorMut<'_>) -> bool {
    let mut lender = Lender::default();
    let mut endpoints = endpoints;
    endpoints.all(|endpoint| lender.lend(&endpoint, |lent| visitor.visit(lent)))
}

/// The old side of updates; one that the client did not name has the new one's key and no targets.
fn visit_old(batch: &Batch, visitor: &mut RVisitorMut<'_>) -> bool {
    let mut lender = Lender::default();
    batch.update().all(|(old, new)| {
        if let Some(old) = old {
            return lender.lend(&old, |lent| visitor.visit(lent));
        }
        let unknown = super::process::unknown_old(&new);
        lender.lend(&unknown, |lent| visitor.visit(lent))
    })
}

/// What became of single changes; read by the caller once the call has ended.
#[derive(Clone, Default)]
pub(super) struct Report(Arc<Mutex<Option<Vec<Failure>>>>);

impl Report {
    /// One that takes failures until it is [taken](Self::take).
    pub(super) fn open() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// The plugin's end of it. The glue keeps that until the author's code has ended or was dropped, and so
    /// the lease.
    pub(super) fn to_plugin(&self, lease: Lease) -> ReportEnd {
        ReportEnd { report: self.clone(), _lease: lease }
    }

    /// Ends the report.
    pub(super) fn take(&self) -> Vec<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

/// What a plugin writes a [`Report`] with.
pub(super) struct ReportEnd {
    report: Report,
    _lease: Lease,
}

impl RReport for ReportEnd {
    fn failed(&mut self, failure: &RFailureRef<'_>) -> bool {
        contain(|| {
            let Ok(index) = usize::try_from(failure.index) else { return false };
            let change = match failure.list {
                list::CREATE => ChangeId::Create(index),
                list::UPDATE_NEW => ChangeId::Update(index),
                list::DELETE => ChangeId::Delete(index),
                _ => return false,
            };
            let mut failures = self.report.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(failures) = failures.as_mut() else { return false };
            failures.push(Failure {
                change,
                kind: ErrorKind::from_code(failure.kind),
                reason: failure.reason.as_str().to_owned(),
            });
            true
        })
    }

    fn progress(&mut self, _: u64) -> bool {
        contain(|| self.report.0.lock().unwrap_or_else(PoisonError::into_inner).is_some())
    }
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::Endpoint;

    use super::*;
    use crate::backend::list;

    #[test]
    fn a_sink_that_outlives_its_call_takes_nothing() {
        let (sink, source) = list(None);
        let mut sink = Sink(sink);
        let endpoint = Endpoint::new("a.example.org", "A", ["192.0.2.1"]);
        let mut lender = Lender::default();
        assert!(lender.lend(&endpoint, |lent| sink.push(lent)));
        drop(source);
        assert!(!lender.lend(&endpoint, |lent| sink.push(lent)));
        assert!(!sink.finish());
    }

    #[test]
    fn a_list_that_was_not_finished_is_an_error() {
        let (mut sink, source) = list(None);
        assert!(sink.push(&Endpoint::new("a.example.org", "A", ["192.0.2.1"])));
        drop(sink);
        assert!(source.take(0, tokio::time::Instant::now()).is_err());
    }

    #[test]
    fn a_list_that_goes_on_after_its_end_is_an_error() {
        let (mut sink, source) = list(None);
        assert!(sink.finish());
        assert!(!sink.push(&Endpoint::new("a.example.org", "A", ["192.0.2.1"])));
        assert!(source.take(0, tokio::time::Instant::now()).is_err());
    }
}
