//! `GET /records?backend=…` or `?view=…`: what is there, ownership TXT of our store included. Nobody plans
//! on it, so that it does not count as shown to ExternalDNS.

use std::sync::Arc;

use futures_util::future::join_all;
use hyper::StatusCode;
use tokio::time::Instant;

use super::arguments::{Arguments, request_id};
use super::fault::Fault;
use super::work::longest;
use crate::admin::JSON;
use crate::assemble::Parts;
use crate::http::{Answer, typed};
use crate::safety::SafeBackend;
use crate::wire;

pub(super) async fn answer(parts: &Parts, query: &str) -> Result<Answer, Fault> {
    let arguments = Arguments::parse(query, &["backend", "view"])?;
    let backends: Vec<Arc<SafeBackend>> = match (arguments.get("backend"), arguments.get("view")) {
        (Some(name), Some(_)) => {
            let (view, backend) = (arguments.view(parts)?, arguments.backend(parts)?);
            if !view.backends().iter().any(|own| Arc::ptr_eq(own, backend)) {
                let message = format!("the view `{}` has no backend `{name}`", view.name());
                return Err(Fault::not_found(message));
            }
            vec![Arc::clone(backend)]
        }
        (Some(_), None) => vec![Arc::clone(arguments.backend(parts)?)],
        (None, _) => arguments.view(parts)?.backends().to_vec(),
    };
    let deadline = Instant::now() + longest(backends.iter().map(|backend| backend.backend().times()));
    let request_id = request_id();
    let listed = backends.iter().map(|backend| async {
        backend.look(&request_id, deadline).await.map_err(|error| (backend.name(), error))
    });
    let (mut lists, mut failed) = (Vec::new(), Vec::new());
    for result in join_all(listed).await {
        match result {
            Ok(shown) => lists.extend([shown.listed, shown.kept]),
            Err((backend, error)) => failed.push(format!("backend `{backend}` can't be listed: {error}")),
        }
    }
    // A list is complete, or it is not shown.
    if !failed.is_empty() {
        return Err(Fault::unavailable(failed.join("\n")).hint("`zonemux status` says more"));
    }
    Ok(typed(StatusCode::OK, JSON, wire::join(&lists)))
}
