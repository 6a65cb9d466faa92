//! The service manager's end of `sd_notify`.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::LIMIT;

/// A datagram socket as systemd has one: what `NOTIFY_SOCKET` names.
#[derive(Debug)]
pub struct NotifySocket {
    socket: UnixDatagram,
}

impl NotifySocket {
    /// Binds the socket.
    pub fn bind(path: &Path) -> Self {
        Self { socket: UnixDatagram::bind(path).expect("a notify socket in a folder of the test's own") }
    }

    /// Waits for a message that holds this line, such as `READY=1`, and gives all of the message.
    ///
    /// # Panics
    ///
    /// When none comes within [`LIMIT`].
    #[track_caller]
    pub fn wait_for(&self, line: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut seen = Vec::new();
        while let Some(message) = self.next(deadline) {
            if message.lines().any(|own| own == line) {
                return message;
            }
            seen.push(message);
        }
        panic!("no `{line}` came; there were {seen:?}");
    }

    fn next(&self, deadline: Instant) -> Option<String> {
        let left = deadline.checked_duration_since(Instant::now())?.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(left)).expect("a limit above zero");
        let mut buffer = [0; 4096];
        match self.socket.recv(&mut buffer) {
            Ok(length) => Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("the notify socket: {error}"),
        }
    }
}
