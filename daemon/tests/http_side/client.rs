//! A client that sends bytes as they are given, and reads one answer after another.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// Long enough for a busy machine; a test that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) version: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct Client<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = self.stream.write_all(bytes.as_ref());
        tokio::time::timeout(PATIENCE, sending).await.expect("the server takes what is sent").unwrap();
    }

    /// Sends without minding that the server may have stopped reading.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// The next answer to a request that was not `HEAD`.
    pub(crate) async fn reply(&mut self) -> Reply {
        self.next(false).await.expect("an answer")
    }

    /// The next answer to a request that was not `HEAD`, unless the server closes without one.
    pub(crate) async fn try_reply(&mut self) -> Option<Reply> {
        self.next(false).await
    }

    /// The answer to `HEAD`.
    pub(crate) async fn head_reply(&mut self) -> Reply {
        self.next(true).await.expect("an answer")
    }

    /// Whether the server closes without another word.
    pub(crate) async fn closed(&mut self) -> bool {
        let mut byte = [0];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut byte)).await;
        matches!(read.expect("the server closes the connection"), Ok(0) | Err(_))
    }

    async fn next(&mut self, head: bool) -> Option<Reply> {
        tokio::time::timeout(PATIENCE, self.read_reply(head)).await.expect("an answer in time")
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok()?;
        line.strip_suffix("\r\n").map(str::to_owned)
    }

    async fn read_reply(&mut self, head: bool) -> Option<Reply> {
        let status_line = self.line().await?;
        let (version, rest) = status_line.split_once(' ').unwrap();
        let status = rest[..3].parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, version: version.to_owned(), headers, body: Vec::new() };
        if !head && status != 204 && status >= 200 {
            let length = reply.header("content-length").expect("a length, never chunks").parse().unwrap();
            reply.body = vec![0; length];
            self.stream.read_exact(&mut reply.body).await.unwrap();
        }
        Some(reply)
    }
}
