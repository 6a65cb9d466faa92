//! Answers UDP, on threads of its own: a query takes some microseconds, less than to hand it to a task.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, poll};

use crate::message::{Outcome, Query, Responder, Transport, is_transfer};
use crate::shared::Shared;
use crate::signed;
use crate::transfer;

/// Octets of a receive buffer: the kernel may hand over several datagrams in one.
const BUFFER: usize = 1 << 16;

/// One socket and what its thread needs.
pub(crate) struct Worker {
    socket: UdpSocket,
    state: UdpSocketState,
    responder: Responder,
    shared: Arc<Shared>,
}

impl Worker {
    pub(crate) fn new(socket: UdpSocket, shared: Arc<Shared>) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let responder = Responder::new(Arc::clone(&shared.settings), shared.cookies.clone(), true);
        Ok(Self { socket, state, responder, shared })
    }

    /// Answers until the other end of `stop` is gone.
    pub(crate) fn run(mut self, stop: &UnixStream) {
        let mut memory = vec![0; BUFFER * BATCH_SIZE];
        let mut meta = [RecvMeta::default(); BATCH_SIZE];
        loop {
            match self.batch(&mut memory, &mut meta) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut ends =
                        [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
                    // An interrupted wait is begun again.
                    let _interrupted = poll(&mut ends, None);
                    if !ends[1].revents().is_empty() {
                        return;
                    }
                }
                // Such as a client's port that is closed by now: of an answer that was sent before.
                Err(error) => tracing::trace!(%error, "a datagram was not received"),
            }
        }
    }

    fn batch(&mut self, memory: &mut [u8], meta: &mut [RecvMeta; BATCH_SIZE]) -> io::Result<()> {
        let mut chunks = memory.chunks_exact_mut(BUFFER);
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let received = self.state.recv(UdpSockRef::from(&self.socket), &mut buffers, meta)?;
        for (buffer, meta) in buffers.iter().zip(meta.iter()).take(received) {
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                self.take(datagram, meta);
            }
        }
        Ok(())
    }

    fn take(&mut self, message: &[u8], meta: &RecvMeta) {
        let table = self.shared.zones.table();
        match self.responder.respond(message, meta.addr, Transport::Udp, &table) {
            Outcome::Silence => {}
            Outcome::Limited => self.shared.metrics.limited(),
            Outcome::Answer(done) => {
                self.shared.metrics.answered(Transport::Udp, done);
                self.send(self.responder.writer.as_slice(), meta);
            }
            Outcome::Transfer(query) => self.transfer(&query, meta, None),
            Outcome::Signed(query) => match signed::check(&self.shared.keys, message) {
                Ok(signer) => self.signed(&query, meta, signer),
                Err(answer) => self.send(&answer, meta),
            },
        }
    }

    fn signed(&mut self, query: &Query<'_>, meta: &RecvMeta, mut signer: signed::Signer) {
        if is_transfer(query) {
            return self.transfer(query, meta, Some(signer));
        }
        let table = self.shared.zones.table();
        let key = Some(signer.key());
        if let Outcome::Answer(done) = self.responder.answer(query, meta.addr, Transport::Udp, &table, key) {
            signer.sign(self.responder.writer.buffer_mut());
            self.shared.metrics.answered(Transport::Udp, done);
            self.send(self.responder.writer.as_slice(), meta);
        }
    }

    /// A transfer needs TCP; who asks for one by UDP is told the serial (RFC 1995, section 2).
    fn transfer(&mut self, query: &Query<'_>, meta: &RecvMeta, signer: Option<signed::Signer>) {
        let done =
            transfer::by_datagram(&self.shared, &mut self.responder, query, meta.addr.ip(), signer.as_ref());
        if let Some(mut signer) = signer {
            signer.sign(self.responder.writer.buffer_mut());
        }
        self.shared.metrics.answered(Transport::Udp, done);
        self.send(self.responder.writer.as_slice(), meta);
    }

    /// From the address that the question went to, else its asker would not take the answer.
    fn send(&self, contents: &[u8], meta: &RecvMeta) {
        if contents.is_empty() {
            return;
        }
        let destination: SocketAddr = meta.addr;
        let transmit = Transmit { destination, ecn: None, contents, segment_size: None, src_ip: meta.dst_ip };
        // Whoever misses an answer asks again.
        if let Err(error) = self.state.try_send(UdpSockRef::from(&self.socket), &transmit) {
            tracing::trace!(%error, "an answer was not sent");
        }
    }
}
