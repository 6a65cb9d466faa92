//! What the requests have in common: their arguments, and what these name.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;

use super::fault::Fault;
use crate::assemble::Parts;
use crate::safety::SafeBackend;
use crate::view::{CallError, CallErrorKind, View};
use crate::wire::{self, Changes};

/// The arguments of a request; every one that is not known is a fault, so that none is left out in silence.
#[derive(Debug)]
pub(super) struct Arguments(BTreeMap<String, String>);

impl Arguments {
    pub(super) fn parse(query: &str, known: &[&str]) -> Result<Self, Fault> {
        let mut arguments = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&&*key) {
                return Err(Fault::request(format!("`{key}` is no argument of this request"))
                    .hint("is `zonemux` of the same version as the daemon?"));
            }
            arguments.insert(key.into_owned(), value.into_owned());
        }
        Ok(Self(arguments))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// `true` or `false`; `false` where it is missing.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Fault> {
        match self.get(key) {
            None => Ok(false),
            Some(value) => {
                value.parse().map_err(|_| Fault::request(format!("`{key}` must be `true` or `false`")))
            }
        }
    }

    /// The view that is named, else the only one.
    pub(super) fn view<'a>(&self, parts: &'a Parts) -> Result<&'a Arc<View>, Fault> {
        let names = || {
            let names: Vec<String> = parts.views.values().map(|view| format!("`{}`", view.name())).collect();
            names.join(", ")
        };
        let mut views = parts.views.values();
        match (self.get("view"), views.len()) {
            (Some(name), _) => views.find(|view| view.name() == name).ok_or_else(|| {
                Fault::not_found(format!("there is no view `{name}`")).hint(format!("there is {}", names()))
            }),
            (None, 1) => views.next().ok_or_else(|| Fault::not_found("there is no view")),
            (None, _) => Err(Fault::request("there are several views, and none is named")
                .hint(format!("add `--view` with one of {}", names()))),
        }
    }

    /// The backend that is named.
    pub(super) fn backend<'a>(&self, parts: &'a Parts) -> Result<&'a Arc<SafeBackend>, Fault> {
        let name = self.get("backend").unwrap_or_default();
        parts.safe.values().find(|backend| backend.name() == name).ok_or_else(|| {
            let names: Vec<String> = parts.safe.values().map(|own| format!("`{}`", own.name())).collect();
            Fault::not_found(format!("there is no backend `{name}`"))
                .hint(format!("there is {}", names.join(", ")))
        })
    }
}

/// The batch in a body. Large ones are decoded where that may take a while.
pub(super) async fn changes(body: Bytes) -> Result<Changes, Fault> {
    let decoded = tokio::task::spawn_blocking(move || wire::changes(&body)).await;
    let decoded = decoded
        .map_err(|_| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "reading the changes broke off"))?;
    decoded.map_err(|error| {
        Fault::request(format!("the changes can't be read: {error}"))
            .hint("a changes file is what ExternalDNS posts: `create`, `updateOld`, `updateNew`, `delete`")
    })
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        let status = match error.kind {
            CallErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.message)
    }
}

/// Names a request of a person's in log and journal.
pub(super) fn request_id() -> String {
    format!("cli-{:08x}", fastrand::u32(..))
}
