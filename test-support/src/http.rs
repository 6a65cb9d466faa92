//! A small HTTP/1.1 client that does as it is told: it can hang up, keep a connection, or wait.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::{Answer, LIMIT};

/// What ExternalDNS calls its JSON.
pub const MEDIA_TYPE: &str = "application/external.dns.webhook+json;version=1";

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// On a TCP port.
    Tcp(SocketAddr),
    /// On a unix socket.
    Unix(PathBuf),
}

/// A request before it is sent.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A connection of one client. Dropping it hangs up.
pub struct Connection {
    stream: BufReader<Stream>,
    /// Whether the last request was HEAD, whose answer has a length and no body.
    head: bool,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Target {
    /// Reads `127.0.0.1:8888` or `unix:/path`.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("unix:") {
            Some(path) => Self::Unix(Path::new(path).to_owned()),
            None => Self::Tcp(text.parse().unwrap_or_else(|_| panic!("no address: {text}"))),
        }
    }

    /// Connects.
    pub fn connect(&self) -> io::Result<Connection> {
        let stream = match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, LIMIT)?;
                stream.set_read_timeout(Some(LIMIT))?;
                Stream::Tcp(stream)
            }
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(LIMIT))?;
                Stream::Unix(stream)
            }
        };
        Ok(Connection { stream: BufReader::new(stream), head: false })
    }

    /// Sends a request on a connection of its own, and gives that connection.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Connection {
        let mut connection = self.connect().unwrap_or_else(|error| panic!("{self:?}: {error}"));
        connection.send(request);
        connection
    }

    /// `GET` on a connection of its own.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(path)).answer()
    }

    /// `POST` of ExternalDNS's JSON on a connection of its own.
    #[track_caller]
    pub fn post(&self, path: &str, json: impl fmt::Display) -> Answer {
        self.send(&Request::post(path, json)).answer()
    }
}

impl Request {
    /// Any method, without headers of its own.
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// `GET` as ExternalDNS does it.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path).header("Accept", MEDIA_TYPE)
    }

    /// `POST` as ExternalDNS does it.
    pub fn post(path: &str, json: impl fmt::Display) -> Self {
        let mut request = Self::new("POST", path).header("Content-Type", MEDIA_TYPE);
        // Go's encoder ends with a line break.
        request.body = format!("{json}\n").into_bytes();
        request
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn encode(&self) -> Vec<u8> {
        let Self { method, path, headers, body } = self;
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: zonemux\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        if !body.is_empty() {
            bytes.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        bytes
    }
}

impl Connection {
    /// Sends a request.
    #[track_caller]
    pub fn send(&mut self, request: &Request) {
        self.head = request.method == "HEAD";
        self.stream.get_mut().write_all(&request.encode()).expect("a server that takes the request");
    }

    /// Waits for the answer.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        self.try_answer().expect("a complete answer")
    }

    /// Waits for the answer; an error where the server hangs up or says nothing for long.
    pub fn try_answer(&mut self) -> io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| invalid(&format!("no status line: {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("a header without a colon"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !self.head && status != 204 {
            // The daemon knows the length of every answer before it sends the first byte.
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            answer.body.resize(length.ok_or_else(|| invalid("an answer without a length"))?, 0);
            self.stream.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Whether the server has closed the connection, or does so within [`LIMIT`].
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.fill_buf(), Ok([]))
            || matches!(self.stream.fill_buf(), Err(error) if error.kind() == io::ErrorKind::ConnectionReset)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
