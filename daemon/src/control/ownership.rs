//! `/ownership`: the ownership TXT that are kept for backends, given out and taken over as a document.
//!
//! | Request | Answer |
//! |---|---|
//! | `GET /ownership` | a [`Document`](crate::safety::ownership::Document) of every backend that has entries |
//! | `GET /ownership?backend=lan` | of one backend |
//! | `POST /ownership` | an [`ImportAnswer`](crate::safety::ownership::ImportAnswer) |
//! | `POST /ownership?force` | the same; entries of other owners are overwritten |

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, StatusCode};

use crate::admin::json;
use crate::http::{Answer, text};
use crate::safety::ownership::{OwnershipTables, export, import};

/// The largest document that is taken: some 200,000 entries.
const LARGEST: usize = 64 << 20;
/// How long a document may take to arrive over a local socket.
const READ_LIMIT: Duration = Duration::from_secs(30);

/// Answers a request for the route.
pub async fn answer(tables: Arc<dyn OwnershipTables + Send + Sync>, request: Request<Incoming>) -> Answer {
    let query = request.uri().query().unwrap_or_default().to_owned();
    if request.method() == Method::GET {
        let backend = query.strip_prefix("backend=").map(str::to_owned);
        let found = blocking(move || export(&*tables, backend.as_deref()).ok_or(backend)).await;
        return match found {
            Ok(Ok(document)) => json(&document),
            Ok(Err(backend)) => text(
                StatusCode::NOT_FOUND,
                format!(
                    "error: there is no backend `{}`\nhint: `zonemux status` names them\n",
                    backend.unwrap_or_default()
                ),
            ),
            Err(answer) => answer,
        };
    }
    if request.method() != Method::POST {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "error: wrong method\nhint: use GET or POST\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
        return answer;
    }
    let document = match read(request.into_body()).await {
        Ok(document) => document,
        Err(answer) => return answer,
    };
    let force = query == "force";
    match blocking(move || import(&*tables, &document, force)).await {
        Ok(imported) => {
            tracing::info!(force, ?imported, "ownership document taken over");
            json(&imported)
        }
        Err(answer) => answer,
    }
}

async fn read(body: Incoming) -> Result<Bytes, Answer> {
    let whole = tokio::time::timeout(READ_LIMIT, Limited::new(body, LARGEST).collect());
    match whole.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => {
            Err(text(StatusCode::BAD_REQUEST, format!("error: the document can't be read: {error}\n")))
        }
        Err(_) => Err(text(StatusCode::REQUEST_TIMEOUT, "error: the document did not arrive in time\n")),
    }
}

/// Tables wait for the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Answer> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| text(StatusCode::INTERNAL_SERVER_ERROR, format!("error: {error}\n")))
}
