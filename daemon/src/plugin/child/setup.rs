//! What happens before a plugin's first instruction.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::wire::Outlet;
use crate::plugin::error::Refusal;
use crate::plugin::frames::{self, HEADER, Header, Kind, message};

/// The daemon's socket, out of the way of everything that reads standard input.
pub(super) fn socket() -> io::Result<OwnedFd> {
    let stdin = rustix::stdio::stdin();
    rustix::net::sockopt::socket_type(stdin)?;
    Ok(rustix::io::fcntl_dupfd_cloexec(stdin, 3)?)
}

/// Reads how this process is to be set up, and the plugin's code. Byte for byte: what follows may be for
/// a program that takes this process over.
pub(super) fn receive(outlet: &Outlet) -> io::Result<(message::Setup, OwnedFd)> {
    let mut descriptor = None;
    let mut head = [0; HEADER];
    fill(outlet, &mut head, &mut descriptor)?;
    let header = Header::decode(head).map_err(io::Error::other)?;
    if header.kind != Kind::Setup {
        return Err(io::Error::other("they are no setup"));
    }
    let mut payload = vec![0; header.length];
    fill(outlet, &mut payload, &mut descriptor)?;
    let setup = frames::decode("setup", &payload).map_err(io::Error::other)?;
    let descriptor = descriptor.ok_or_else(|| io::Error::other("there is no code among them"))?;
    Ok((setup, descriptor))
}

fn fill(outlet: &Outlet, mut buffer: &mut [u8], descriptor: &mut Option<OwnedFd>) -> io::Result<()> {
    while !buffer.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [io::IoSliceMut::new(buffer)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = match rustix::net::recvmsg(outlet.socket(), &mut slices, &mut ancillary, flags) {
            Ok(received) => received.bytes,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
                *descriptor = descriptors.next().or(descriptor.take());
            }
        }
        if received == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[received..];
    }
    Ok(())
}

/// Lets what a plugin prints go where its errors go, and lets it read nothing.
pub(super) fn leave_standard_streams() -> io::Result<()> {
    let nothing = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(())
}

/// Gives the process to a program, whose descriptor was checked; comes back only where that fails.
///
/// It finds the socket as standard input and output. The path is one of this process's own descriptors, which
/// the interpreter of a script opens again: so it stays open for it.
pub(super) fn become_executable(setup: &message::Setup, descriptor: &OwnedFd) -> message::Refused {
    if let Err(error) = rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::empty()) {
        return message::Refused::Setup(error.to_string());
    }
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let error = Command::new(path).arg0(&setup.name).exec();
    message::Refused::Initialisation(format!("it can't be run: {error}"))
}

/// A refusal of the loader's, as it is told.
pub(super) fn refusal(refusal: Refusal) -> message::Refused {
    match refusal {
        Refusal::Linker(words) => message::Refused::Linker(words),
        Refusal::NotAPlugin(words) => message::Refused::NotAPlugin(words),
        Refusal::Layout(words) => message::Refused::Layout(words),
        other => message::Refused::Initialisation(other.to_string()),
    }
}
