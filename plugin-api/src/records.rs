//! Where a backend puts its list of records.

use std::fmt;

use zonemux_plugin_abi::RSinkBox;

use crate::endpoint::EndpointView;
use crate::endpoints::Endpoints;
use crate::error::{Error, ErrorKind, Result};
use crate::glue::lend::Lender;

/// Takes a backend's records one at a time, so that neither side ever holds a second list.
pub struct Records {
    to: To,
    lender: Lender,
    count: usize,
}

enum To {
    Daemon(RSinkBox),
    List(Endpoints),
}

impl Records {
    pub(crate) fn to_daemon(sink: RSinkBox) -> Self {
        Self { to: To::Daemon(sink), lender: Lender::default(), count: 0 }
    }

    /// Collects into a list, for tests without a daemon.
    pub fn collecting() -> Self {
        Self { to: To::List(Endpoints::new()), lender: Lender::default(), count: 0 }
    }

    /// Hands over one record: an [`Endpoint`](crate::Endpoint), or anything that can be read as one.
    ///
    /// # Errors
    ///
    /// When the daemon has given up on the call: return it with `?`, there is nothing left to do.
    pub fn push(&mut self, endpoint: &impl EndpointView) -> Result<()> {
        let taken = match &mut self.to {
            To::Daemon(sink) => self.lender.lend(endpoint, |lent| sink.push(lent)),
            To::List(list) => list.push(endpoint).is_ok(),
        };
        if !taken {
            return Err(Error::new(ErrorKind::Cancelled, "the daemon no longer waits for this list"));
        }
        self.count += 1;
        Ok(())
    }

    /// Hands over many records.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn extend<'a, E: EndpointView + 'a>(
        &mut self,
        endpoints: impl IntoIterator<Item = &'a E>,
    ) -> Result<()> {
        endpoints.into_iter().try_for_each(|endpoint| self.push(endpoint))
    }

    /// How many records were handed over so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What was collected by [`collecting`](Self::collecting); empty otherwise.
    pub fn into_collected(self) -> Endpoints {
        match self.to {
            To::Daemon(_) => Endpoints::new(),
            To::List(list) => list,
        }
    }

    /// Says that the list is complete. Called by the glue, after the backend returned `Ok`.
    pub(crate) fn finish(&mut self) -> bool {
        match &mut self.to {
            To::Daemon(sink) => sink.finish(),
            To::List(_) => true,
        }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("count", &self.count).finish_non_exhaustive()
    }
}
