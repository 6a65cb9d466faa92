//! Requests that need backends and views and nothing else of the daemon: the command line answers them by
//! itself where no daemon runs.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;

use super::fault::Fault;
use super::{apply, plan, records, release};
use crate::assemble::Parts;
use crate::http::Answer;

/// The largest changes file: more than a hundred thousand changes.
pub const LARGEST_CHANGES: usize = 64 << 20;
/// What is added to the times of backends for all else.
const SURPLUS: Duration = Duration::from_secs(5);

/// A request without its connection.
#[derive(Debug, Clone)]
pub struct Work {
    /// Which.
    pub route: WorkRoute,
    /// The arguments, as in a URL.
    pub query: String,
    /// The body; empty where there is none.
    pub body: Bytes,
}

/// What [`Work`] can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkRoute {
    /// `GET /records`
    Records,
    /// `POST /plan`
    Plan,
    /// `POST /apply`
    Apply,
    /// `GET /release`
    ReleasePreview,
    /// `POST /release`
    Release,
}

impl WorkRoute {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Records, Self::Plan, Self::Apply, Self::ReleasePreview, Self::Release];

    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::Records => "/records",
            Self::Plan => "/plan",
            Self::Apply => "/apply",
            Self::ReleasePreview | Self::Release => "/release",
        }
    }

    /// Its method.
    pub fn method(self) -> Method {
        match self {
            Self::Records | Self::ReleasePreview => Method::GET,
            Self::Plan | Self::Apply | Self::Release => Method::POST,
        }
    }

    /// Whether backends must be open for it.
    pub fn needs_backends(self) -> bool {
        matches!(self, Self::Records | Self::Plan | Self::Apply)
    }

    /// Whether it has a body.
    pub(super) fn takes_changes(self) -> bool {
        matches!(self, Self::Plan | Self::Apply)
    }
}

impl Work {
    /// Work with these arguments.
    pub fn new<'a>(
        route: WorkRoute,
        arguments: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        body: Bytes,
    ) -> Self {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (key, value) in arguments {
            if let Some(value) = value {
                query.append_pair(key, value);
            }
        }
        Self { route, query: query.finish(), body }
    }

    /// Path and query.
    pub fn uri(&self) -> String {
        let path = self.route.path();
        if self.query.is_empty() { path.to_owned() } else { format!("{path}?{}", self.query) }
    }

    /// Does it.
    pub async fn run(self, parts: &Parts) -> Answer {
        let done = match self.route {
            WorkRoute::Records => records::answer(parts, &self.query).await,
            WorkRoute::Plan => plan::answer(parts, &self.query, self.body).await,
            WorkRoute::Apply => apply::answer(parts, &self.query, self.body).await,
            WorkRoute::ReleasePreview => release::answer(parts, &self.query, false).await,
            WorkRoute::Release => release::answer(parts, &self.query, true).await,
        };
        done.unwrap_or_else(|fault: Fault| fault.answer())
    }
}

/// The longest that work on any of these backends takes: each is opened, listed and written at the same
/// time as the others.
pub fn longest(times: impl IntoIterator<Item = crate::backend::Times>) -> Duration {
    let whole = |times: crate::backend::Times| times.call + times.list + times.apply;
    times.into_iter().map(whole).max().unwrap_or_default() + SURPLUS
}
