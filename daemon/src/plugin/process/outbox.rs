//! Frames to a plugin's process: sent at once where it reads, kept in order where it is slow.
//!
//! A caller may give up at any time, and a frame must never be cut: so a frame that was begun belongs to the
//! outbox. How much can wait in it is bounded by what the process may ask for.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::Notify;

/// How long a process may not read at all while something waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Frames that may wait before endpoints are added to them.
const FEW: usize = 4;

/// The way to a process.
#[derive(Debug)]
pub(super) struct Outbox {
    socket: Arc<UnixStream>,
    waiting: Mutex<Waiting>,
    more: Notify,
    /// Told when a frame has gone.
    gone: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: VecDeque<Vec<u8>>,
    /// How much of the first is sent.
    sent: usize,
    /// Nothing more is to be sent; what waits is, first.
    closed: bool,
}

impl Outbox {
    pub(super) fn new(socket: Arc<UnixStream>) -> Self {
        Self { socket, waiting: Mutex::default(), more: Notify::new(), gone: Notify::new() }
    }

    /// Sends a frame, now or later.
    pub(super) fn send(&self, frame: Vec<u8>) {
        let mut waiting = self.waiting();
        if waiting.closed {
            return;
        }
        waiting.frames.push_back(frame);
        // Most frames are short and the process reads: no other task need be woken.
        if waiting.frames.len() > 1 || !matches!(self.pass(&mut waiting), Ok(true)) {
            self.more.notify_one();
        }
    }

    /// Waits until few frames wait.
    pub(super) async fn room(&self) {
        loop {
            let gone = self.gone.notified();
            if self.waiting().frames.len() < FEW {
                return;
            }
            gone.await;
        }
    }

    /// Closes this end once everything is sent.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.more.notify_one();
    }

    /// Sends what waits, until the outbox is closed, or the process can't be sent to any more.
    ///
    /// # Errors
    ///
    /// When the process does not read, or its end is closed.
    pub(super) async fn run(&self) -> io::Result<()> {
        loop {
            let (done, closed) = {
                let mut waiting = self.waiting();
                (self.pass(&mut waiting)?, waiting.closed)
            };
            if !done {
                let writable = tokio::time::timeout(PATIENCE, self.socket.writable()).await;
                writable.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            } else if closed {
                return rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write).map_err(Into::into);
            } else {
                self.more.notified().await;
            }
        }
    }

    /// Sends as much as is taken without waiting; says whether that was all.
    fn pass(&self, waiting: &mut Waiting) -> io::Result<bool> {
        while let Some(frame) = waiting.frames.front() {
            match self.socket.try_write(&frame[waiting.sent..]) {
                Ok(written) => {
                    waiting.sent += written;
                    if waiting.sent == frame.len() {
                        waiting.frames.pop_front();
                        waiting.sent = 0;
                        self.gone.notify_waiters();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
