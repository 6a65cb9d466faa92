//! Binds an address for UDP and TCP alike.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::server::StartError;

/// How often another port is tried, where any will do and one that is free for TCP is not for UDP.
const TRIES: u32 = 16;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Octets of datagrams that wait, as far as the system allows it.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The sockets of one address.
pub(crate) struct Bound {
    pub(crate) address: SocketAddr,
    pub(crate) tcp: TcpListener,
    /// One for each worker.
    pub(crate) udp: Vec<UdpSocket>,
}

pub(crate) fn bind(address: SocketAddr, workers: usize) -> Result<Bound, StartError> {
    let error = |error| StartError::Bind { address, error };
    let mut tries = 0;
    loop {
        let tcp = tcp(address).map_err(error)?;
        let bound = tcp.local_addr().map_err(error)?;
        let udp: io::Result<Vec<UdpSocket>> = (0..workers.max(1)).map(|_| udp(bound, workers > 1)).collect();
        match udp {
            Ok(udp) => return Ok(Bound { address: bound, tcp, udp }),
            Err(_) if address.port() == 0 && tries < TRIES => tries += 1,
            Err(failed) => return Err(error(failed)),
        }
    }
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // Whoever wants both says so.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Not shared, as the port of UDP is between workers: so a second server is told that it is taken.
fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn udp(address: SocketAddr, is_shared: bool) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.set_reuse_port(is_shared)?;
    // Less is enough where the system does not allow so much.
    let _refused = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}
