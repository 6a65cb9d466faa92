//! The call that brings endpoints into the form in which they will be listed. It needs no backend
//! that answers: settings and capabilities decide.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;
use zonemux_plugin::{Endpoints, ErrorKind};

use super::{CallContext, CallError, Calls, Chunks, LARGE, View, blocking};
use crate::backend::{BackendError, Selection, list};
use crate::router::split_endpoints;
use crate::safety::SafeBackend;
use crate::safety::adjust::{Rules, Summary};
use crate::wire::{self, EncodedList, ListEncoder};

/// How the endpoints of one backend are adjusted.
struct Way {
    rules: Rules,
    /// Whether the backend's plugin has its say after the rules.
    by_plugin: bool,
}

impl Way {
    /// Whether an endpoint comes out as it would for a backend of which nothing is said.
    fn is_everybodys(&self) -> bool {
        !self.by_plugin && self.rules.is_default()
    }
}

impl View {
    pub(super) async fn adjust_all(
        &self,
        context: &CallContext,
        endpoints: Endpoints,
    ) -> Result<Chunks, CallError> {
        self.zones()?;
        let endpoints = Arc::new(endpoints);
        let ways = self.backends.iter().map(async |backend| {
            let adjusting = backend.backend().adjusting(context.deadline).await?;
            let rules = backend.adjust_policy().rules(&adjusting.capabilities);
            Ok::<_, BackendError>(Way { rules, by_plugin: adjusting.by_plugin })
        });
        let ways = join_all(ways).await;
        let large = endpoints.len() > LARGE;
        if ways.iter().all(|way| way.as_ref().is_ok_and(Way::is_everybodys)) {
            // No backend has a say of its own: one pass, in the order received.
            let all = Selection::all(endpoints);
            let (list, _) = blocking(large, move || encode(&Rules::default(), &all)).await?;
            return Ok(wire::join([&list]));
        }
        let (router, count, shared) = (self.router.load_full(), self.backends.len(), Arc::clone(&endpoints));
        let (parts, nowhere) = blocking(large, move || split_endpoints(&router, count, &shared)).await?;
        let parts = self.backends.iter().zip(parts.into_iter().zip(ways));
        let adjusted = parts.map(|(backend, (positions, way))| {
            let selection = Selection::some(Arc::clone(&endpoints), positions);
            adjust_part(backend, context, selection, way)
        });
        let results = join_all(adjusted).await;
        self.log_failures("adjustendpoints", context, &results);
        let mut lists = self.all_or_error(results)?;
        // What no backend has is answered all the same: left out, it would count as no longer wanted.
        let nowhere = Selection::some(Arc::clone(&endpoints), nowhere);
        lists.push(blocking(large, move || encode(&Rules::default(), &nowhere)).await?.0);
        Ok(wire::join(&lists))
    }
}

fn internal(error: &CallError) -> BackendError {
    BackendError::new(ErrorKind::Internal, error.message.clone())
}

async fn adjust_part(
    backend: &SafeBackend,
    context: &CallContext,
    selection: Selection,
    way: Result<Way, BackendError>,
) -> Result<EncodedList, BackendError> {
    if selection.is_empty() {
        return Ok(EncodedList::default());
    }
    let Way { rules, by_plugin } = way?;
    let large = selection.len() > LARGE;
    let tell = |summary: &Summary| backend.adjust_policy().tell(backend.name(), &context.request_id, summary);
    if !by_plugin {
        let encoded = blocking(large, move || encode(&rules, &selection)).await;
        let (list, summary) = encoded.map_err(|error| internal(&error))?;
        tell(&summary);
        return Ok(list);
    }
    // The plugin comes last: only it knows how its server lists what it stores.
    let collected = blocking(large, move || collect(&rules, &selection)).await;
    let (endpoints, summary) = collected.map_err(|error| internal(&error))??;
    tell(&summary);
    if endpoints.is_empty() {
        return Ok(EncodedList::default());
    }
    let (sink, source) = list(None);
    let expected = endpoints.len();
    let selection = Selection::all(Arc::new(endpoints));
    backend.backend().adjust(&context.request_id, context.deadline, selection, sink).await?;
    let list = source.take(0, Instant::now())?.json;
    if list.count != expected {
        let message = format!("the plugin made {} endpoints of {expected}", list.count);
        return Err(BackendError::new(ErrorKind::Internal, message));
    }
    Ok(list)
}

fn encode(rules: &Rules, selection: &Selection) -> (EncodedList, Summary) {
    let (mut encoder, mut summary) = (ListEncoder::new(), Summary::default());
    for endpoint in selection.iter() {
        if let Some(adjusted) = summary.adjust(rules, endpoint) {
            encoder.push(&adjusted);
        }
    }
    (encoder.finish(), summary)
}

/// The endpoints that a plugin is given.
fn collect(rules: &Rules, selection: &Selection) -> Result<(Endpoints, Summary), BackendError> {
    let mut endpoints = Endpoints::with_capacity(selection.len(), selection.text_size());
    let mut summary = Summary::default();
    for endpoint in selection.iter() {
        if let Some(adjusted) = summary.adjust(rules, endpoint) {
            let pushed = endpoints.push(&adjusted);
            pushed.map_err(|error| BackendError::new(ErrorKind::Internal, error.to_string()))?;
        }
    }
    Ok((endpoints, summary))
}
