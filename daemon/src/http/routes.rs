//! From a request's path to a view and a call.
//!
//! Paths are compared segment by segment as they were sent, without decoding `%`; empty segments
//! (`//records`, `/records/`) do not count, because a redirect to the right spelling would turn a POST
//! into a GET, and lose its changes.

use std::fmt;
use std::sync::Arc;

use hyper::Method;

use super::auth::Credentials;
use crate::view::Calls;

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/` of a view.
    Negotiate,
    /// `/records` of a view.
    Records,
    /// `/adjustendpoints` of a view.
    Adjust,
    /// `/healthz`.
    Healthz,
    /// Nothing.
    Unknown,
}

impl Route {
    /// The path below the view, for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negotiate => "/",
            Self::Records => "/records",
            Self::Adjust => "/adjustendpoints",
            Self::Healthz => "/healthz",
            Self::Unknown => "unknown",
        }
    }

    /// The methods that it takes.
    pub(super) fn allow(self) -> &'static str {
        match self {
            Self::Records => "GET, HEAD, POST, OPTIONS",
            Self::Adjust => "POST, OPTIONS",
            Self::Negotiate | Self::Healthz | Self::Unknown => "GET, HEAD, OPTIONS",
        }
    }

    pub(super) fn takes(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// The views by their path prefixes.
#[derive(Clone, Default)]
pub struct ViewTable {
    /// The longest prefix first.
    entries: Vec<Arc<Entry>>,
}

/// A view, where it is, and who may call it.
pub(super) struct Entry {
    path: String,
    pub(super) view: Arc<dyn Calls>,
    /// Anyone may where there are none.
    pub(super) credentials: Option<Credentials>,
    /// It only stands in the place of a view.
    is_removed: bool,
}

impl ViewTable {
    /// A table of paths (`/`, `/internal`) and what answers anyone below them.
    pub fn new(views: impl IntoIterator<Item = (String, Arc<dyn Calls>)>) -> Self {
        Self::guarded(views.into_iter().map(|(path, view)| (path, view, None)))
    }

    /// The same with the credentials that a view's callers must have.
    pub fn guarded(views: impl IntoIterator<Item = (String, Arc<dyn Calls>, Option<Credentials>)>) -> Self {
        let entry =
            |(path, view, credentials)| Arc::new(Entry { path, view, credentials, is_removed: false });
        Self::of(views.into_iter().map(entry).collect())
    }

    /// The same with what answers in the place of views that are there no more.
    #[must_use]
    pub fn with_removed(self, views: impl IntoIterator<Item = (String, Arc<dyn Calls>)>) -> Self {
        let entry = |(path, view)| Arc::new(Entry { path, view, credentials: None, is_removed: true });
        Self::of(self.entries.into_iter().chain(views.into_iter().map(entry)).collect())
    }

    fn of(mut entries: Vec<Arc<Entry>>) -> Self {
        entries.sort_by_key(|entry| std::cmp::Reverse(segments(&entry.path).count()));
        Self { entries }
    }

    /// The paths of the views that anyone may call, the shortest first: what is behind a password is
    /// not told of.
    pub fn open_paths(&self) -> Vec<&str> {
        let is_open = |entry: &&Arc<Entry>| entry.credentials.is_none() && !entry.is_removed;
        let open = self.entries.iter().rev().filter(is_open);
        open.map(|entry| entry.path.as_str()).collect()
    }

    /// What is at a path, and whose it is.
    pub(super) fn route(&self, path: &str) -> (Route, Option<&Arc<Entry>>) {
        if segments(path).eq(["healthz"]) {
            return (Route::Healthz, None);
        }
        for entry in &self.entries {
            let mut rest = segments(path);
            if !segments(&entry.path).all(|segment| rest.next() == Some(segment)) {
                continue;
            }
            let route = match (rest.next(), rest.next()) {
                (None, _) => Route::Negotiate,
                (Some("records"), None) => Route::Records,
                (Some("adjustendpoints"), None) => Route::Adjust,
                _ => continue,
            };
            return (route, Some(entry));
        }
        (Route::Unknown, None)
    }
}

impl fmt::Debug for ViewTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|entry| (&entry.path, entry.view.name()))).finish()
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use zonemux_plugin::Endpoints;

    use super::*;
    use crate::view::{CallContext, CallError, CallFuture, Chunks};
    use crate::wire::Changes;

    struct Named(&'static str);

    impl Calls for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn zones(&self) -> Result<Vec<String>, CallError> {
            unreachable!()
        }

        fn records(self: Arc<Self>, _: CallContext) -> CallFuture<Chunks> {
            unreachable!()
        }

        fn adjust(self: Arc<Self>, _: CallContext, _: Endpoints) -> CallFuture<Chunks> {
            unreachable!()
        }

        fn apply(self: Arc<Self>, _: CallContext, _: Changes) -> CallFuture<()> {
            unreachable!()
        }
    }

    fn table(views: &[(&str, &'static str)]) -> ViewTable {
        ViewTable::new(
            views.iter().map(|&(path, name)| (path.to_owned(), Arc::new(Named(name)) as Arc<dyn Calls>)),
        )
    }

    #[test]
    fn the_longest_prefix_on_a_segment_boundary_wins() {
        let table = table(&[("/", "root"), ("/internal", "internal"), ("/internal/eu", "eu")]);
        for (path, route, view) in [
            ("/", Route::Negotiate, "root"),
            ("", Route::Negotiate, "root"),
            ("/records", Route::Records, "root"),
            ("/records/", Route::Records, "root"),
            ("//records", Route::Records, "root"),
            ("/adjustendpoints", Route::Adjust, "root"),
            ("/healthz", Route::Healthz, ""),
            ("/internal", Route::Negotiate, "internal"),
            ("/internal/", Route::Negotiate, "internal"),
            ("/internal/records", Route::Records, "internal"),
            ("/internal/eu/adjustendpoints", Route::Adjust, "eu"),
            ("/internals/records", Route::Unknown, ""),
            ("/internal/healthz", Route::Unknown, ""),
            ("/records/all", Route::Unknown, ""),
            ("/Records", Route::Unknown, ""),
            ("/%72ecords", Route::Unknown, ""),
            ("/../records", Route::Unknown, ""),
            ("*", Route::Unknown, ""),
        ] {
            let (found, owner) = table.route(path);
            assert_eq!((found, owner.map_or("", |entry| entry.view.name())), (route, view), "{path:?}");
        }
        assert_eq!(table.open_paths(), ["/", "/internal", "/internal/eu"]);
    }

    #[test]
    fn a_view_with_a_password_is_not_told_of() {
        let view = |name| Arc::new(Named(name)) as Arc<dyn Calls>;
        let table = ViewTable::guarded([
            ("/".to_owned(), view("root"), None),
            ("/internal".to_owned(), view("internal"), Some(Credentials::new("u", "p", None))),
        ]);
        assert_eq!(table.open_paths(), ["/"]);
        assert!(table.route("/internal/records").1.is_some_and(|entry| entry.credentials.is_some()));
    }

    #[test]
    fn without_a_view_at_the_root_there_is_nothing() {
        let table = table(&[("/internal", "internal")]);
        assert_eq!(table.route("/").0, Route::Unknown);
        assert_eq!(table.route("/records").0, Route::Unknown);
        assert_eq!(table.route("/healthz").0, Route::Healthz);
    }
}
