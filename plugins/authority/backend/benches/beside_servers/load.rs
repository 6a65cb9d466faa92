//! Asks a server by UDP, with many questions in flight, from one thread.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};
use zonemux_rdata::name_to_wire;

use crate::HOSTS;

/// Questions in flight: fewer than the smallest receive buffer of the three servers holds.
const WINDOW: usize = 128;
/// Sent by one system call.
const BURST: usize = 32;
/// After so long without an answer, those in flight are lost.
const LOST: Duration = Duration::from_millis(500);

const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;
const TXT: u16 = 16;
const AAAA: u16 = 28;

/// Questions as they may come: addresses, texts, types that are not there, names that are not there (one of twenty),
/// and the apex; every other with EDNS.
pub(crate) fn questions(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(question).collect()
}

fn question(number: u32) -> Vec<u8> {
    let host = number.wrapping_mul(2_654_435_761) % HOSTS;
    let (name, rtype) = match number % 20 {
        0 => (format!("none{host}.example.org"), A),
        1 | 2 => (format!("host{host}.example.org"), AAAA),
        3 => ("example.org".to_owned(), if number.is_multiple_of(40) { SOA } else { NS }),
        4..9 => (format!("a-host{host}.example.org"), TXT),
        _ => (format!("host{host}.example.org"), A),
    };
    let has_edns = number.is_multiple_of(3);
    // The number goes round.
    let [.., high, low] = number.to_be_bytes();
    let mut message = vec![high, low, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(has_edns)];
    message.extend(name_to_wire(&name));
    message.extend(rtype.to_be_bytes());
    message.extend([0, 1]);
    if has_edns {
        message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    }
    message
}

/// What a run gave.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) took: Duration,
    pub(crate) answers: usize,
    /// Those that said that there is no such name.
    pub(crate) no_names: usize,
    pub(crate) octets: usize,
}

/// Asks all questions once.
pub(crate) fn run(server: SocketAddr, questions: &[Vec<u8>]) -> io::Result<Run> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    let mut memory = vec![0; BATCH_SIZE << 16];
    let mut meta = [RecvMeta::default(); BATCH_SIZE];
    let mut run = Run::default();
    let (mut sent, mut lost) = (0, 0);
    let started = Instant::now();
    while run.answers + lost < questions.len() {
        while sent < questions.len() && sent - run.answers - lost <= WINDOW - BURST {
            sent += send(&socket, &questions[sent..questions.len().min(sent + BURST)])?;
        }
        let mut chunks = memory.chunks_exact_mut(1 << 16);
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap()));
        match state.recv(UdpSockRef::from(&socket), &mut buffers, &mut meta) {
            Ok(received) => {
                for (buffer, meta) in buffers.iter().zip(&meta).take(received) {
                    for answer in buffer[..meta.len].chunks(meta.stride) {
                        run.answers += 1;
                        run.no_names += usize::from(answer[3] & 15 == 3);
                        run.octets += answer.len();
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let limit = Timespec::try_from(LOST).unwrap();
                if poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&limit))? == 0 {
                    lost = sent - run.answers;
                }
            }
            Err(error) => return Err(error),
        }
    }
    run.took = started.elapsed();
    Ok(run)
}

fn send(socket: &UdpSocket, questions: &[Vec<u8>]) -> io::Result<usize> {
    let slices: Vec<[IoSlice<'_>; 1]> = questions.iter().map(|question| [IoSlice::new(question)]).collect();
    let mut nothing: Vec<_> = slices.iter().map(|_| SendAncillaryBuffer::default()).collect();
    let mut messages: Vec<_> =
        slices.iter().zip(&mut nothing).map(|(slice, nothing)| MMsgHdr::new(slice, nothing)).collect();
    Ok(sendmmsg(socket, &mut messages, SendFlags::empty())?)
}
