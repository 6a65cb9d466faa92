//! `POST /apply?view=…&allow_deletes=…`: a person's batch, on the same way as ExternalDNS's.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::time::Instant;

use super::arguments::{Arguments, changes, request_id};
use super::fault::Fault;
use super::work::longest;
use crate::admin::json;
use crate::assemble::Parts;
use crate::http::Answer;
use crate::view::CallContext;

pub(super) async fn answer(parts: &Parts, query: &str, body: Bytes) -> Result<Answer, Fault> {
    let arguments = Arguments::parse(query, &["view", "allow_deletes"])?;
    let view = Arc::clone(arguments.view(parts)?);
    let allow_deletes = arguments.flag("allow_deletes")?;
    let changes = changes(body).await?;
    // Nobody waits with a deadline of their own, as ExternalDNS does: it is waited for to its end.
    let deadline = Instant::now() + longest(view.backends().iter().map(|backend| backend.backend().times()));
    let context = CallContext { request_id: request_id(), deadline };
    tracing::info!(
        request_id = context.request_id,
        view = view.name(),
        endpoints = changes.endpoints.len(),
        allow_deletes,
        "a batch is applied by hand"
    );
    // A person who hangs up has asked all the same: what is decided is also accounted for.
    let applying = tokio::spawn(async move { view.apply_by_hand(&context, changes, allow_deletes).await });
    let broke_off = |_| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "the apply broke off");
    Ok(json(&applying.await.map_err(broke_off)??))
}
