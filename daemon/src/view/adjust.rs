//! The call that brings endpoints into the form in which they will be listed. It needs no backend
//! that answers: settings and capabilities decide.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;
use zonemux_plugin::{Endpoints, ErrorKind};

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
    BackendError::new(ErrorKind::Internal, error.message.clone())
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
    let list = source.take(0, Instant::now())?.json;
    if list.count != expected {
        let message = format!("the plugin made {} endpoints of {expected}", list.count);
        return Err(BackendError::new(ErrorKind::Internal, message));
    }
    Ok(list)
}

fn encode(selection: &Selection) -> EncodedList {
    let mut encoder = ListEncoder::new();
    for endpoint in selection.iter() {
        encoder.push(&endpoint);
    }
    encoder.finish()
}
