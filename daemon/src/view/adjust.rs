//! The call that brings endpoints into the form in which they will be listed. It needs no backend
//! that answers: settings and capabilities decide.

use std::sync::Arc;

use futures_util::future::join_all;
use zonemux_plugin::{EndpointRef, EndpointView, Endpoints};

use super::{CallContext, CallError, Chunks, LARGE, View, blocking};
use crate::backend::{Backend, BackendError, Selection, list};
use crate::router::split_endpoints;
use crate::wire::{self, EncodedList, ListEncoder};

impl View {
    pub(super) async fn adjust_all(
        &self,
        context: &CallContext,
        endpoints: Endpoints,
    ) -> Result<Chunks, CallError> {
        let endpoints = Arc::new(endpoints);
        let adjusts = join_all(self.backends.iter().map(|backend| backend.adjusts(context.deadline))).await;
        let large = endpoints.len() > LARGE;
        if adjusts.iter().all(|adjusts| adjusts == &Ok(false)) {
            // No backend changes anything: one pass, in the order received.
            let list = blocking(large, move || encode(&Selection::all(endpoints))).await?;
            return Ok(wire::join([&list]));
        }
        let (router, count, shared) = (self.router.load_full(), self.backends.len(), Arc::clone(&endpoints));
        let (parts, nowhere) = blocking(large, move || split_endpoints(&router, count, &shared)).await?;
        let adjusted = self.backends.iter().zip(parts).zip(adjusts).map(|((backend, positions), adjusts)| {
            let selection = Selection::some(Arc::clone(&endpoints), positions);
            adjust_part(backend, context, selection, adjusts)
        });
        let results = join_all(adjusted).await;
        self.log_failures("adjustendpoints", context, &results);
        let mut lists = self.all_or_error(results)?;
        // What no backend has is answered as it came: left out, it would count as no longer wanted.
        let nowhere = Selection::some(Arc::clone(&endpoints), nowhere);
        lists.push(blocking(large, move || encode(&nowhere)).await?);
        Ok(wire::join(&lists))
    }
}

fn internal(error: &CallError) -> BackendError {
    BackendError::new(zonemux_plugin::ErrorKind::Internal, error.message.clone())
}

async fn adjust_part(
    backend: &Backend,
    context: &CallContext,
    selection: Selection,
    adjusts: Result<bool, BackendError>,
) -> Result<EncodedList, BackendError> {
    if selection.is_empty() {
        return Ok(EncodedList::default());
    }
    let large = selection.len() > LARGE;
    if !adjusts? {
        return blocking(large, move || encode(&selection)).await.map_err(|error| internal(&error));
    }
    let (sink, source) = list(None);
    let expected = selection.len();
    backend.adjust(&context.request_id, context.deadline, selection, sink).await?;
    let list = source.take()?.json;
    if list.count != expected {
        let message = format!("the plugin made {} endpoints of {expected}", list.count);
        return Err(BackendError::new(zonemux_plugin::ErrorKind::Internal, message));
    }
    Ok(list)
}

fn encode(selection: &Selection) -> EncodedList {
    let mut encoder = ListEncoder::new();
    for endpoint in selection.iter() {
        encoder.push(&Distinct(endpoint));
    }
    encoder.finish()
}

/// An endpoint without its repeated targets, which no backend stores twice.
struct Distinct<'a>(EndpointRef<'a>);

impl EndpointView for Distinct<'_> {
    fn dns_name(&self) -> &str {
        self.0.dns_name()
    }

    fn record_type(&self) -> &str {
        self.0.record_type()
    }

    fn set_identifier(&self) -> &str {
        self.0.set_identifier()
    }

    fn record_ttl(&self) -> u32 {
        self.0.record_ttl()
    }

    fn targets(&self) -> impl ExactSizeIterator<Item = &str> {
        distinct(&self.0)
    }

    fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.labels()
    }

    fn provider_specific(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.provider_specific()
    }
}

/// The first of each target. Almost every endpoint has one, and costs nothing here.
fn distinct<'a>(endpoint: &EndpointRef<'a>) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
    let mut several = Vec::new();
    let mut single = None;
    if endpoint.targets().len() > 1 {
        let mut seen = std::collections::HashSet::with_capacity(endpoint.targets().len());
        several.extend(endpoint.targets().filter(|target| seen.insert(*target)));
    } else {
        single = endpoint.targets().next();
    }
    let length = several.len() + usize::from(single.is_some());
    let mut targets = single.into_iter().chain(several);
    (0..length).map(move |_| targets.next().unwrap_or_default())
}
