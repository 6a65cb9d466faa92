//! `GET /release?backend=…`: what the deletion guard holds. `POST` grants that for 24 hours.

use hyper::StatusCode;

use super::arguments::Arguments;
use super::fault::Fault;
use crate::admin::json;
use crate::assemble::Parts;
use crate::http::Answer;

pub(super) async fn answer(parts: &Parts, query: &str, grant: bool) -> Result<Answer, Fault> {
    let arguments = Arguments::parse(query, &["backend"])?;
    let backend = arguments.backend(parts)?;
    let broke_off = |_| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "the release broke off");
    if !grant {
        return Ok(json(&backend.release_preview().await.map_err(broke_off)?));
    }
    let release = backend.release().await.map_err(broke_off)?.map_err(|error| {
        let fault = Fault::new(StatusCode::INTERNAL_SERVER_ERROR, format!("nothing is granted: {error}"));
        error.hint().into_iter().fold(fault, Fault::hint)
    })?;
    tracing::info!(
        backend = backend.name(),
        records = release.keys.len(),
        "held deletes are let through for 24 h"
    );
    Ok(json(&release))
}
