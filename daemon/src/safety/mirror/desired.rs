//! What a mirror shall have, in the form in which it lists it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;
use zonemux_plugin::{Endpoint, EndpointRef, EndpointView, Endpoints, ErrorKind, is_ownership_txt};

use super::reconcile::{Records, Wanted, join};
use crate::backend::{BackendError, List, Scope, Selection, list};
use crate::safety::adjust::{Rules, Summary};
use crate::safety::{SafeBackend, blocking};
use crate::wire;

/// The records of a list that are in both scopes.
pub(super) fn records(list: &List, mine: &Scope, other: &Scope) -> Result<Records, BackendError> {
    let listed = wire::endpoints(&list.json.to_json()).map_err(|error| internal(&error))?;
    let mut records = BTreeMap::new();
    for endpoint in listed.iter() {
        let name = endpoint.dns_name();
        if mine.place(name).is_some() && other.place(name).is_some() {
            join(&mut records, endpoint.to_endpoint());
        }
    }
    Ok(records)
}

impl SafeBackend {
    /// Brings records into the form in which this backend lists them, as those of ExternalDNS are
    /// before they are planned: else what it stores differently would be written for ever.
    pub(super) async fn as_listed(
        &self,
        request_id: &str,
        deadline: Instant,
        wanted: Wanted,
    ) -> Result<Wanted, BackendError> {
        let adjusting = self.backend.adjusting(deadline).await?;
        let rules = self.adjust.rules(&adjusting.capabilities);
        let whole = wanted.whole;
        let (mut gone, adjusted, summary) = blocking(true, move || collect(wanted, &rules)).await??;
        self.adjust.tell(self.name(), request_id, &summary);
        let adjusted = if adjusting.by_plugin && !adjusted.is_empty() {
            self.by_plugin(request_id, deadline, adjusted).await?
        } else {
            adjusted
        };
        blocking(true, move || {
            let mut records = BTreeMap::new();
            adjusted.iter().for_each(|endpoint| join(&mut records, endpoint.to_endpoint()));
            gone.extend(records.into_iter().map(|(key, record)| (key, Some(record))));
            Wanted { records: gone, whole }
        })
        .await
    }

    async fn by_plugin(
        &self,
        request_id: &str,
        deadline: Instant,
        endpoints: Endpoints,
    ) -> Result<Endpoints, BackendError> {
        let (sink, source) = list(None);
        let expected = endpoints.len();
        let selection = Selection::all(Arc::new(endpoints));
        self.backend.adjust(request_id, deadline, selection, sink).await?;
        let adjusted = source.take(0, Instant::now())?.json;
        if adjusted.count != expected {
            let message = format!("the plugin made {} endpoints of {expected}", adjusted.count);
            return Err(BackendError::new(ErrorKind::Internal, message));
        }
        blocking(true, move || wire::endpoints(&adjusted.to_json()).map_err(|error| internal(&error))).await?
    }
}

/// What shall be gone, and what the backend can hold of the rest. What it can't hold shall be gone too.
type Collected = (BTreeMap<crate::safety::RecordKey, Option<Endpoint>>, Endpoints, Summary);

fn collect(wanted: Wanted, rules: &Rules) -> Result<Collected, BackendError> {
    let mut sent = Endpoints::new();
    let mut gone = BTreeMap::new();
    for (key, record) in wanted.records {
        if let Some(record) = &record {
            sent.push(record).map_err(|error| internal(&error))?;
        }
        gone.insert(key, None);
    }
    let (mut adjusted, mut summary) = (Endpoints::new(), Summary::default());
    for endpoint in sent.iter() {
        push(&mut adjusted, &mut summary, rules, endpoint)?;
    }
    Ok((gone, adjusted, summary))
}

fn push(
    adjusted: &mut Endpoints,
    summary: &mut Summary,
    rules: &Rules,
    endpoint: EndpointRef<'_>,
) -> Result<(), BackendError> {
    // Ownership TXT are of their records, whatever types there may be; where the backend can't hold
    // them, our store does.
    let is_ownership = is_ownership_txt(&endpoint);
    let pushed = match summary.adjust(rules, endpoint) {
        Some(endpoint) => adjusted.push(&endpoint),
        None if is_ownership => adjusted.push(&endpoint),
        None => return Ok(()),
    };
    pushed.map_err(|error| internal(&error))
}

fn internal(error: &impl std::fmt::Display) -> BackendError {
    BackendError::new(ErrorKind::Internal, error.to_string())
}
