//! Frames out of the process, whole, from any thread.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::plugin::frames::{self, FrameError, Kind, columns};

/// The way to the daemon. Who writes waits until the daemon has read enough: that is all the memory that a
/// list of any length takes here.
#[derive(Debug, Clone)]
pub(super) struct Outlet(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    socket: OwnedFd,
    /// Held for one frame.
    turn: Mutex<()>,
}

/// Why a frame was not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the daemon is gone: {0}")]
    Gone(#[from] io::Error),
}

impl Outlet {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self(Arc::new(Shared { socket, turn: Mutex::default() }))
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.0.socket.as_fd()
    }

    /// Sends a frame of some parts.
    pub(super) fn frame(&self, kind: Kind, call: u32, parts: &[&[u8]]) -> Result<(), SendError> {
        let length = parts.iter().map(|part| part.len()).sum();
        let header = frames::Header { kind, call, length }.encode()?;
        let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(parts.len() + 1);
        slices.push(IoSlice::new(&header));
        slices.extend(parts.iter().map(|part| IoSlice::new(part)));
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&mut slices)?;
        Ok(())
    }

    /// Sends a frame whose payload is JSON.
    pub(super) fn json(
        &self,
        kind: Kind,
        call: u32,
        message: &impl serde::Serialize,
    ) -> Result<(), SendError> {
        let text = serde_json::to_vec(message).map_err(io::Error::other)?;
        self.frame(kind, call, &[&text])
    }

    /// Sends endpoints.
    pub(super) fn endpoints(&self, call: u32, endpoints: &columns::Writer) -> Result<(), SendError> {
        let (length, numbers, text) = endpoints.parts();
        self.frame(Kind::Endpoints, call, &[&length, numbers, text])
    }

    fn write(&self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match rustix::io::writev(&self.0.socket, slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait()?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Until the daemon has read something.
    fn wait(&self) -> io::Result<()> {
        let mut socket = [PollFd::new(&self.0.socket, PollFlags::OUT)];
        match rustix::event::poll(&mut socket, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
