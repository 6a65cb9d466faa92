//! Asks a running daemon over its control socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// The longest answer that is taken.
const LARGEST: usize = 64 << 20;

/// Why a daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens on the socket.
    #[error("no daemon answers on {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket can't be used.
    #[error("the control socket {} can't be used: {error}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The daemon did not answer in time.
    #[error("the daemon did not answer within {0:?}")]
    TimedOut(Duration),
    /// What came back is not what was asked for.
    #[error("the daemon's answer can't be used: {0}")]
    Answer(String),
}

impl ControlError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotRunning(_) => Some("is the daemon running, with the same `--config`?"),
            Self::Socket { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("run this as the daemon's user, in its group, or as root")
            }
            Self::Socket { .. } | Self::TimedOut(_) => None,
            Self::Answer(_) => Some("is `zonemux` of the same version as the daemon?"),
        }
    }
}

/// Gets a route of the control side, within `limit`.
pub async fn get<T: DeserializeOwned>(
    socket: &Path,
    route: &str,
    limit: Duration,
) -> Result<T, ControlError> {
    ask(socket, Method::GET, route, limit).await
}

/// Asks a route of the control side to do something, within `limit`.
pub async fn post<T: DeserializeOwned>(
    socket: &Path,
    route: &str,
    limit: Duration,
) -> Result<T, ControlError> {
    ask(socket, Method::POST, route, limit).await
}

async fn ask<T: DeserializeOwned>(
    socket: &Path,
    method: Method,
    route: &str,
    limit: Duration,
) -> Result<T, ControlError> {
    let (status, body) = send(socket, method, route, Bytes::new(), limit).await?;
    if status != StatusCode::OK {
        let text = String::from_utf8_lossy(&body);
        let message = format!("{status}: {}", text.lines().next().unwrap_or_default());
        return Err(ControlError::Answer(message));
    }
    serde_json::from_slice(&body).map_err(|error| ControlError::Answer(error.to_string()))
}

/// Sends a request to the control side, and gives back whatever it answers within `limit`.
pub async fn send(
    socket: &Path,
    method: Method,
    route: &str,
    body: Bytes,
    limit: Duration,
) -> Result<(StatusCode, Bytes), ControlError> {
    let exchange = exchange(socket, method, route, body);
    tokio::time::timeout(limit, exchange).await.unwrap_or(Err(ControlError::TimedOut(limit)))
}

async fn exchange(
    socket: &Path,
    method: Method,
    route: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), ControlError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ControlError::NotRunning(socket.to_owned())
        }
        _ => ControlError::Socket { path: socket.to_owned(), error },
    })?;
    let broken = |error: hyper::Error| ControlError::Answer(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(route)
        .header(HOST, "zonemux")
        .body(Full::new(body))
        .map_err(|error| ControlError::Answer(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LARGEST).collect().await;
    let body = body.map_err(|error| ControlError::Answer(error.to_string()))?.to_bytes();
    drop(sender);
    // It ends by itself now; what it says at its end no longer matters.
    connection.abort();
    Ok((status, body))
}
