//! Copies what the daemon lends into lists of the plugin's own.

use zonemux_plugin_abi::stable::{RMut, TD_Opaque};
use zonemux_plugin_abi::{REndpointRef, RSourceBox, RVisitor, RVisitor_TO, list};

use super::lend::Lent;
use crate::changes::Changes;
use crate::endpoints::Endpoints;
use crate::error::{Error, Result};

/// Reads a batch of changes.
pub(crate) fn changes(source: &RSourceBox) -> Result<Changes> {
    let total = [list::CREATE, list::UPDATE_OLD, list::UPDATE_NEW, list::DELETE]
        .into_iter()
        .fold(0, |sum, list| sum + length(source, list));
    let mut endpoints = Endpoints::with_capacity(total, text_size(source));
    let create = append(source, list::CREATE, &mut endpoints)?;
    let old = append(source, list::UPDATE_OLD, &mut endpoints)?;
    let new = append(source, list::UPDATE_NEW, &mut endpoints)?;
    let delete = append(source, list::DELETE, &mut endpoints)?;
    if old.len() != new.len() {
        return Err(Error::new(crate::ErrorKind::Internal, "the daemon sent updates that are not paired"));
    }
    let known = |old: usize| endpoints.get(old).is_some_and(|endpoint| endpoint.targets().len() > 0);
    let updates = old.zip(new).map(|(old, new)| (known(old).then_some(old), new)).collect();
    Ok(Changes::new(endpoints, create, updates, delete))
}

/// Reads the list of a call that is not a batch.
pub(crate) fn endpoints(source: &RSourceBox) -> Result<Endpoints> {
    let mut endpoints = Endpoints::with_capacity(length(source, list::CREATE), text_size(source));
    append(source, list::CREATE, &mut endpoints)?;
    Ok(endpoints)
}

/// A capacity that is only a hint: bounded, so that a wrong one can't exhaust memory.
fn length(source: &RSourceBox, list: u32) -> usize {
    usize::try_from(source.len(list)).unwrap_or(usize::MAX).min(1 << 20)
}

fn text_size(source: &RSourceBox) -> usize {
    usize::try_from(source.text_size()).unwrap_or(usize::MAX).min(64 << 20)
}

fn append(source: &RSourceBox, list: u32, to: &mut Endpoints) -> Result<std::ops::Range<usize>> {
    let start = to.len();
    let mut collector = Collector { to, failed: false };
    let complete = source.each(list, &mut RVisitor_TO::from_ptr(RMut::new(&mut collector), TD_Opaque));
    if collector.failed || !complete {
        return Err(Error::new(crate::ErrorKind::Internal, "the daemon's batch could not be read whole"));
    }
    Ok(start..to.len())
}

struct Collector<'a> {
    to: &'a mut Endpoints,
    failed: bool,
}

impl RVisitor for Collector<'_> {
    fn visit(&mut self, endpoint: &REndpointRef<'_>) -> bool {
        // Nothing in `push` panics; what could (allocation) ends the process in any case.
        self.failed |= self.to.push(&Lent(endpoint)).is_err();
        !self.failed
    }
}
