//! `POST /plan?view=…`: what would become of a batch. Nothing is written.

use bytes::Bytes;
use tokio::time::Instant;

use super::arguments::{Arguments, changes, request_id};
use super::fault::Fault;
use super::work::longest;
use crate::admin::json;
use crate::assemble::Parts;
use crate::http::Answer;
use crate::view::CallContext;

pub(super) async fn answer(parts: &Parts, query: &str, body: Bytes) -> Result<Answer, Fault> {
    let arguments = Arguments::parse(query, &["view"])?;
    let view = arguments.view(parts)?;
    let changes = changes(body).await?;
    let deadline = Instant::now() + longest(view.backends().iter().map(|backend| backend.backend().times()));
    let context = CallContext { request_id: request_id(), deadline };
    Ok(json(&view.plan_batch(&context, changes).await?))
}
